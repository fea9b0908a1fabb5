"""What the query strings of several pages hold alike: days, words, and what becomes of what is not understood: it is
left out, and told in `notices`.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time

from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from catalog.values import split

MOST_VALUES, LONGEST_VALUE, LONGEST_SEARCH, MOST_WORDS = 100, 100, 200, 10
YEARS = range(1970, 9000)  # of a day: with either end a time, in any time zone, is still one
NO_TEXT = re.compile("[\0\ud800-\udfff]")


def texts_of(query: Iterable[tuple[str, list[str]]], keys: Iterable[str], notices: list[str]) -> dict[str, list[str]]:
    """The values of each key there is, safe for the database. `page` belongs to the page alone."""
    found: dict[str, list[str]] = {}
    for key, values in query:
        if key in keys:
            found[key] = [NO_TEXT.sub("\ufffd", value).strip() for value in values]
        elif key != "page":
            notices.append(_("There is no filter “%(key)s”.") % {"key": cut(NO_TEXT.sub("\ufffd", key))})
    return found


def values_of(
    dimension: str, texts: Iterable[str], notices: list[str], meant: Callable[[str], Iterable[str]]
) -> list[str]:
    """What the values that are separated by commas mean, each once. A dash before one means nothing here, and is part
    of it.
    """
    chosen: dict[str, None] = {}
    for text in ("-" * excluded + value for joined in texts for excluded, value in split(joined)):
        for value in meant(text):
            if len(value) > LONGEST_VALUE or len(chosen) >= MOST_VALUES:
                left_out = _("“%(filter)s” has too many or too long values; some were left out.")
                notices.insert(0, left_out % {"filter": dimension})
                continue
            chosen[value] = None
    return list(chosen)


def no_value(dimension: str, value: str, known: Iterable[str]) -> str:
    told = {"value": cut(value), "filter": dimension, "values": ", ".join(known)}
    return _("“%(value)s” is no value of “%(filter)s”, which has: %(values)s.") % told


def day(texts: Iterable[str], notices: list[str]) -> date | None:
    """The first that is a day."""
    for text in filter(None, texts):
        try:
            found = parse_date(text[:40])
        except ValueError:
            found = None
        if found and found.year in YEARS:
            return found
        notices.append(_("“%(text)s” is not a day: write it as 2026-11-20.") % {"text": cut(text)})
    return None


def days(found: dict[str, list[str]], notices: list[str]) -> tuple[date | None, date | None]:
    """The first and the last day of `from` and `to`, or `day` for both; the earlier one first."""
    first, last = (day(found.get(key, []) + found.get("day", []), notices) for key in ("from", "to"))
    return (last, first) if first and last and last < first else (first, last)


def midnight(of: date) -> datetime:
    """When a day begins, in the reader's time zone."""
    return datetime.combine(of, time.min, tzinfo=timezone.get_current_timezone())


def words(texts: Iterable[str], notices: list[str]) -> str:
    """What is searched, one blank between words."""
    given = " ".join(texts).split()
    text = " ".join(given[:MOST_WORDS])[:LONGEST_SEARCH].strip()
    if text != " ".join(given):
        notices.append(_("The search is too long; only its beginning is searched."))
    return text


def cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
