"""Known vulnerabilities of what is locked, by pip-audit: of PyPI's advisories, and of OSV's where PyPI had no answer.

For pip-audit a package that PyPI does not answer for has no vulnerability, and a mirror answers for none. Here it is
one that was not asked about. `PIP_AUDIT_OSV_URL`, a setting of pip-audit's own, names another OSV service; then it is
asked alone.
"""

import os
import subprocess
from collections.abc import Sequence
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any

from config.supply import SupplyError, program

# An advisory that cannot reach Bootshelf: its id, and why. `./check --supply audit` leaves it out.
ACCEPTED: dict[str, str] = {}


class NotAskedError(Exception):
    """No service answered for all packages, so nothing can be said; the message tells what each did."""


def pip_audit(locks: Sequence[Path], *words: str) -> subprocess.CompletedProcess[str]:
    files = [word for lock in locks for word in ("--requirement", str(lock))]
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", "10"]
    return subprocess.run([program("pip-audit"), *files, *options, *words], capture_output=True, text=True)


def judged(report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Of pip-audit's report: a line for each vulnerability, and the packages that were not asked about."""
    found, unasked = [], []
    for package in report["dependencies"]:
        if "skip_reason" in package:
            unasked.append(package["name"])
        for advisory in package.get("vulns", []):
            names = ", ".join([advisory["id"], *advisory.get("aliases", [])])
            mended = ", ".join(advisory["fix_versions"]) or "no version yet"
            found.append(f"{package['name']} {package['version']}: {names}; mended in {mended}")
    return found, unasked


def audit(locks: Sequence[Path]) -> list[str]:
    """A line for each vulnerability. NotAskedError where no service answered; SupplyError where a hash is missing."""
    read = pip_audit(locks, "--dry-run")
    if read.returncode != 0:
        raise SupplyError(f"pip-audit cannot read the locks: {(read.stderr.strip().splitlines() or ['?'])[-1]}")
    ignored = [word for advisory in ACCEPTED for word in ("--ignore-vuln", advisory)]
    outcomes = []
    for service in ["osv"] if "PIP_AUDIT_OSV_URL" in os.environ else ["pypi", "osv"]:
        words = ["--vulnerability-service", service, "--format", "json", "--desc", "off", "--aliases", "on", *ignored]
        try:
            report = loads(pip_audit(locks, *words).stdout)
        except JSONDecodeError:
            outcomes.append(f"{service} cannot be reached")
            continue
        found, unasked = judged(report)
        if found or not unasked:
            return found
        outcomes.append(f"{service} does not answer for {len(unasked)} of {len(report['dependencies'])} packages")
    raise NotAskedError("; ".join(outcomes))
