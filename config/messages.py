"""`python -m config.messages`: brings locale/ up to date with the sources, and says what is left to translate.

Texts that are new come in empty, texts that are gone go out, and what is translated is compiled to the .mo that Django
reads. Both files are in the repository: a fresh clone speaks Chinese without any tool. One line a text, sorted, without
places and dates, so that two people's changes meet in the same lines only if they mean the same text.
"""

import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from config.home import ROOT

LANGUAGE = "zh_Hans"
PO = ROOT / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"
SOURCES = ("accounts", "catalog", "config", "templates")
HEADER = f"""\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Language: {LANGUAGE}\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""
# Django's functions, as `_` and `_t` too; the numbers say which argument is the context, the text, the plural.
KEYWORDS = {
    name + lazy: positions
    for lazy in ("", "_lazy")
    for name, positions in {
        "gettext": None,
        "ngettext": (1, 2),
        "pgettext": ((1, "c"), 2),
        "npgettext": ((1, "c"), 2, 3),
    }.items()
} | {"_": None, "_t": None, "gettext_noop": None}
# What a translation must hold just as the text does: %(n)s, {days}, tags.
PLACE = re.compile(r"%\(\w+\)[#0\- +]*[\d.]*[a-zA-Z]|\{\w+\}|%[sdr]|</?\w[^>]*>")


def in_sources() -> Catalog:
    """Every text that a person may see, as the sources have it now."""
    found = _empty()
    for path in sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in _READERS):
        for _line, texts, comments, context in extract(
            "python", _READERS[path.suffix](path), KEYWORDS, ["Translators:"]
        ):
            found.add(texts, None, auto_comments=comments, context=context)
    return found


def translated() -> Catalog:
    """What the .po file holds."""
    with PO.open("rb") as file:
        found = read_po(file, locale=LANGUAGE)
    found.creation_date = found.revision_date = datetime(2000, 1, 1, tzinfo=UTC)  # none: the same texts, the same file
    return found


def update() -> Catalog:
    """Write the .po and the .mo anew; the catalog that is in them."""
    catalog = translated() if PO.exists() else _empty()
    catalog.update(in_sources(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        file.write(HEADER.encode())
        write_po(file, catalog, width=0, no_location=True, omit_header=True, sort_output=True)
    PO.with_suffix(".mo").write_bytes(compiled(translated()))
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """The .mo of a catalog: the same bytes for the same texts."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """The texts without a translation that is sure, and those whose translation lacks or invents a placeholder."""
    return [_first(message) for message in catalog if message.id and not _is_good(message)]


def _is_good(message: Message) -> bool:
    said = [message.string] if isinstance(message.string, str) else list(message.string or [""])
    asked = [message.id] if isinstance(message.id, str) else list(message.id)
    wanted = _places(asked[-1])  # Chinese has one form, which stands for the plural
    return not message.fuzzy and all(text.strip() and _places(text) == wanted for text in said)


def _places(text: str) -> list[str]:
    return sorted(PLACE.findall(text.replace("%%", "")))


def _first(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _empty() -> Catalog:
    return Catalog(locale=LANGUAGE, fuzzy=False)


def _template(path: Path) -> io.BytesIO:
    words = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    return io.BytesIO(f"({words}\n)".encode())  # within parentheses Python does not mind how lines are indented


def _python(path: Path) -> io.BytesIO:
    return io.BytesIO(path.read_bytes())


_READERS = {".py": _python, ".html": _template, ".txt": _template}


def main() -> int:
    left = untranslated(update())
    print(*left, sep="\n", file=sys.stderr)
    print(f"{len(left)} texts are left to translate in {PO.relative_to(ROOT)}." if left else "All is translated.")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
