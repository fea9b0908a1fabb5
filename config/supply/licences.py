"""The licence of each locked package, by its own metadata, against the licences that bind nobody."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from license_expression import ExpressionError, LicenseWithExceptionSymbol, get_spdx_licensing

PERMISSIVE = {
    *("0BSD", "AFL-2.1", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python"),
    *("ISC", "MIT", "MIT-0", "PSF-2.0", "Python-2.0", "Unlicense"),
}
# Of packages that tell no version of the licence: each version is permissive.
PERMISSIVE_CLASSIFIERS = frozenset(
    f"License :: OSI Approved :: {name}" for name in ("Apache Software License", "BSD License", "MIT License")
) | {"License :: DFSG approved"}

# Packages that are used under another licence: exactly that one, and why it may be.
LIBRARY = "a library, used unchanged"
TOOL = "a tool of development, not shipped"
MPL = "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"
EXCEPTIONS = {
    "certifi": (f"MPL-2.0, {MPL}", LIBRARY),
    "fido2": (
        f"License :: OSI Approved :: Apache Software License, License :: OSI Approved :: BSD License, {MPL}",
        "BSD; one file of data, the public suffix list, is MPL-2.0",
    ),
    "fqdn": ("MPL-2.0", TOOL),
    "hypothesis": ("MPL-2.0", TOOL),
    "orjson": ("MPL-2.0 AND (Apache-2.0 OR MIT)", LIBRARY),
    "pathspec": (MPL, TOOL),
    "psycopg": ("LGPL-3.0-only", LIBRARY),
    "psycopg-binary": ("LGPL-3.0-only", LIBRARY),
    "psycopg-pool": ("LGPL-3.0-only", LIBRARY),
    "qrcode": (
        "License :: OSI Approved :: BSD License, License :: Other/Proprietary License",
        "its LICENSE is BSD and nothing else",
    ),
    "text-unidecode": (
        "GPL-2.0-or-later, License :: OSI Approved :: Artistic License, "
        "License :: OSI Approved :: GNU General Public License (GPL)",
        f"{TOOL}; its licence may be chosen, and the Artistic License is",
    ),
}
# Packages whose metadata tells nothing usable, or that are not installed everywhere: what a person read, and where.
READ = {
    "axe-playwright-python": ("MIT", "LICENSE in its wheel"),
    "colorama": ("BSD-3-Clause", "LICENSE.txt in its wheel; of Windows alone"),
    "protobuf": ("BSD-3-Clause", "LICENSE in its wheel"),
    "tink": ("Apache-2.0", "LICENSE in its wheel"),
    "uv": ("Apache-2.0 OR MIT", "its metadata; not of this environment"),
}


@dataclass(frozen=True)
class Licensed:
    """A locked package. `problem` is empty where its licence is permissive or excepted."""

    name: str
    version: str
    licence: str
    note: str = ""
    problem: str = ""


def is_permissive(licence: str) -> bool:
    """Of an SPDX expression or a classifier. Of a choice one way must be permissive, of a conjunction all parts."""
    if licence in PERMISSIVE_CLASSIFIERS:
        return True
    try:
        return _holds(get_spdx_licensing().parse(licence, validate=True))
    except ExpressionError:
        return False


def _holds(part: Any) -> bool:
    if isinstance(part, LicenseWithExceptionSymbol):
        return False  # none is used; whoever brings one in reads it
    if part.args:
        return (all if part.operator.strip() == "AND" else any)(_holds(argument) for argument in part.args)
    return part.key in PERMISSIVE


def declared(component: dict[str, Any]) -> list[str]:
    """What a CycloneDX component declares: expressions, SPDX ids, classifiers or free names."""
    entries = component.get("licenses", [])
    return [entry.get("expression") or entry["license"].get("id") or entry["license"]["name"] for entry in entries]


def look(name: str, version: str, licences: Iterable[str]) -> Licensed:
    licences = list(licences)
    told = ", ".join(licences)
    if licences and all(map(is_permissive, licences)):
        return Licensed(name, version, told)
    if name in READ and not licences:
        return Licensed(name, version, *READ[name])
    if name in EXCEPTIONS and EXCEPTIONS[name][0] == told:
        return Licensed(name, version, *EXCEPTIONS[name])
    problem = "its licence is neither permissive nor among the exceptions" if told else "it tells no licence"
    return Licensed(name, version, told or "unknown", problem=problem)
