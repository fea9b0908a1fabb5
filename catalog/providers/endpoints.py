"""Where a provider is reached: the operator's override or the vendor's own host."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from catalog.providers.base import Connection, ProviderError

_HOST = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")


def base_url(connection: Connection, name: str, region: str, host: str) -> tuple[str, str]:
    """(scheme, host with port) of this endpoint: the override for `name`, the one for the region first, or https and
    `host`.

    Raises ProviderError for an override that is not a base URL, or is plain http:// anywhere but on loopback.
    """
    override = connection.endpoint(name, region)
    if override is None:
        return "https", host
    try:
        parts = urlsplit(override)
        plain = _HOST.fullmatch(parts.netloc) and parts.path in ("", "/") and not parts.query and not parts.fragment
    except ValueError:
        plain = None
    if not plain or parts.scheme not in ("http", "https"):
        raise ProviderError(name, "InvalidEndpoint", f"The endpoint set for {name} is not a base URL.", kind="invalid")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        message = f"The endpoint set for {name} is plain http:// and not on this machine."
        raise ProviderError(name, "InvalidEndpoint", message, kind="invalid")
    return parts.scheme, parts.netloc


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
