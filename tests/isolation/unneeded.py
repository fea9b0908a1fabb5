"""Team filters that nobody would miss, and why: a second wall behind one that stands."""

from tests.isolation.mutant import Site

# (file, part of the filter's text or ""): why the access suite cannot notice.
UNNEEDED: dict[tuple[str, str], str] = {}


def reason_of(site: Site) -> str:
    for (file, text), why in UNNEEDED.items():
        if site.file == file and text in site.text:
            return why
    return ""
