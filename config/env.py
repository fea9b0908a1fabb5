"""Strict readers of the environment: a wrong or missing setting stops the start with one clear line."""

import json
import os
import re
from pathlib import Path
from typing import Any, NoReturn

# Commands that need no key and no server: an image is built and a lock is checked before either is there.
KEYLESS_COMMANDS = {
    "collectstatic",
    "makemigrations",
    "makemessages",
    "compilemessages",
    "simulate_clouds",
    "new_keyset",
    "help",
    "version",
}


def stop(message: str) -> NoReturn:
    """End the process with one line on stderr. A traceback would hide the one thing the operator must change."""
    raise SystemExit(f"bootshelf: {message}")


def text(name: str, default: str | None = None) -> str | None:
    """NAME, or the content of the file NAME_FILE names (as container secrets come), without its final newline."""
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value and path:
        stop(f"{name} and {name}_FILE are both set: keep one.")
    if not path:
        return value or default
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        stop(f"{name}_FILE names {path}, which cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}.")


def required(name: str, by: str) -> str:
    """NAME, which BY is nothing without."""
    return text(name) or stop(f"{by} is set and {name} is not.")


def boolean(name: str, default: bool) -> bool:
    value = os.environ.get(name, "")
    if value == "":
        return default
    if value.lower() in ("true", "1", "yes", "on"):
        return True
    if value.lower() in ("false", "0", "no", "off"):
        return False
    stop(f"{name}={value!r} is not a boolean: write true or false.")


def integer(name: str, default: int, *, least: int = 0) -> int:
    value = os.environ.get(name, "")
    if value == "":
        return default
    if not value.isascii() or not value.isdigit() or int(value) < least:
        stop(f"{name}={value!r} is not a whole number of at least {least}.")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


# What PROVIDER_ENDPOINTS may name (PROVIDERS.md section 3), each also with @region.
ENDPOINT_NAMES = ("alibaba-ehpc", "alibaba-ehpc-2023", "alibaba-ens", "huawei-workspace", "huawei-iam")
_ENDPOINT = re.compile(rf"({'|'.join(ENDPOINT_NAMES)})(@[a-z0-9-]{{2,40}})?")
_BASE_URL = re.compile(r"https?://[^\s/?#@]+/?")


def endpoints(name: str) -> dict[str, str]:
    """A JSON object from endpoint name to base URL. A misspelt name would send a real key to the public host."""
    found = json_object(name)
    for endpoint, url in found.items():
        if not _ENDPOINT.fullmatch(endpoint):
            stop(f"{name} names {endpoint[:60]!r}: none of {', '.join(ENDPOINT_NAMES)}, alone or with @region.")
        if not isinstance(url, str) or not _BASE_URL.fullmatch(url):
            stop(f"{name} gives {endpoint} no base URL such as https://gateway.example.org.")
    return found


def json_object(name: str) -> dict[str, Any]:
    value = os.environ.get(name, "")
    if value == "":
        return {}
    try:
        found = json.loads(value)
    except ValueError:
        stop(f"{name} is not JSON: write an object such as {{}}.")
    if not isinstance(found, dict):
        stop(f"{name} is not a JSON object.")
    return found
