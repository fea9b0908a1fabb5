"""What the locks bring in: known vulnerabilities (audit.py), licences (licences.py), a bill of materials (bill.py).

For `./check --supply`; nothing of it runs in production.
"""

import re
import subprocess
import sys
from functools import cache
from json import loads
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from config.home import ROOT

SHIPPED = "requirements.txt"  # what production installs
LOCKS = (SHIPPED, "requirements-embedded.txt", "requirements-dev.txt", "requirements-setup.txt")


class SupplyError(Exception):
    """A step cannot be done here; the message is one clear line."""


def pins(lock: Path) -> dict[str, str]:
    """The versions that a lock says, by canonical name, whatever the platform they are for."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\n]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def cyclonedx(*words: str) -> dict[str, Any]:
    """What cyclonedx-py answers: a CycloneDX 1.6 document, valid by its schema."""
    ended = subprocess.run([program("cyclonedx-py"), *words], capture_output=True, text=True)
    if ended.returncode != 0:
        raise SupplyError(f"cyclonedx-py {words[0]} failed: {ended.stderr.strip()[-500:]}")
    document: dict[str, Any] = loads(ended.stdout)
    return document


@cache
def installed() -> dict[str, Any]:
    """Every package of this environment, with its licences and what it needs. Takes ten seconds."""
    return cyclonedx("environment", "--pyproject", str(ROOT / "pyproject.toml"), sys.executable)


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {canonicalize_name(component["name"]): component for component in document.get("components", [])}
