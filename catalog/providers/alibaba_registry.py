"""Container registries of Alibaba Cloud, told by the host of an image reference. Registries are never contacted."""

import re

# Personal: registry[-vpc|-internal].<region>.aliyuncs.com, and since 2024 crpi-….<region>.personal.cr.aliyuncs.com.
_PERSONAL = re.compile(
    r"registry(?:-vpc|-internal)?\.(?P<region>[a-z0-9-]+)\.aliyuncs\.com|"
    r"crpi-[a-z0-9]+(?:-vpc)?\.(?P<newer>[a-z0-9-]+)\.personal\.cr\.aliyuncs\.com"
)
# Enterprise: <name>-registry[-vpc|-internal].<region>.cr.aliyuncs.com
_ENTERPRISE = re.compile(r"[a-z0-9-]+-registry(?:-vpc|-internal)?\.(?P<region>[a-z0-9-]+)\.cr\.aliyuncs\.com")


def acr_flags(reference: str) -> tuple[bool, bool]:
    """(IsACRRegistry, IsACREnterprise) by the reference's host, for flags that were not given (PROVIDERS.md 2a)."""
    host = registry_host(reference)
    enterprise = _ENTERPRISE.fullmatch(host) is not None
    return enterprise or _PERSONAL.fullmatch(host) is not None, enterprise


def registry_host(reference: str) -> str:
    """The host of a reference, without its port, in small letters; empty where it names none."""
    first, slash, _ = reference.strip().removeprefix("https://").removeprefix("http://").partition("/")
    return first.partition(":")[0].lower() if slash and ("." in first or ":" in first) else ""


def registry_region(reference: str) -> str | None:
    """The region an ACR host names, or None."""
    host = registry_host(reference)
    match = _ENTERPRISE.fullmatch(host) or _PERSONAL.fullmatch(host)
    return next((region for region in match.groups() if region), None) if match else None
