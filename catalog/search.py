"""What the two search indexes hold of an image (DESIGN.md "Search"), and the same for what a person types.

`search_text` serves three characters and more by trigrams. pg_trgm finds nothing for two, and two is the usual Chinese
word, so `search_pieces` holds single CJK characters and pairs, and the first one and two letters of every other word.
Both are computed here, in the worker: an SQL function would cost 43 µs a row.
"""

import re
import unicodedata
from collections.abc import Iterable

# A part of the text longer than this is searched up to here. Strangers write descriptions of a megabyte.
PART_LENGTH = 1_000
DESCRIPTION_LENGTH = 8_000

# Han with its extensions and marks, kana, bopomofo, hangul: written without spaces, or in syllables.
_CJK = "\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_CJK += "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
_RUNS = re.compile(f"([{_CJK}]+)|((?:(?![{_CJK}])[^\\W_])+)")
_ASCII_STARTS = re.compile(r"(?<![a-z0-9])[a-z0-9]{1,2}")
_LETTERS = re.compile(r"[^\W_]+")
# What pg_trgm makes a trigram of, wherever in a text it stands: three letters, or what is beside a word's end.
_TRIGRAM = re.compile(r"[^\W_]{3}|[^\W_]{2}[\W_]|[\W_][^\W_]")


def fold(text: str) -> str:
    """Text as it is searched: in small letters, full-width forms and ligatures made plain."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.lower()


def search_text(name: str, remote_id: str, repository: str | None, tag: str | None, description: str | None) -> str:
    """The parts that are searched, folded, one a line; a part that says what an earlier one said is left out."""
    parts = [part[:PART_LENGTH] for part in (name, remote_id, repository, tag) if part]
    if description:
        parts.append(description[:DESCRIPTION_LENGTH])
    return fold("\n".join(dict.fromkeys(parts)))


def own_text(labels: Iterable[str], note: str) -> str:
    """What a team says of an image itself, folded, as the end of its searched text: "" or a line break and the lines.

    The pieces of two texts put together so are the pieces of each.
    """
    said = "\n".join([*labels, *([note] if note else [])])
    return f"\n{fold(said)}" if said else ""


def search_pieces(text: str) -> list[str]:
    """The pieces of a folded text, in a stable order, each once."""
    pieces: set[str] = set()
    if text.isascii():
        starts = set(_ASCII_STARTS.findall(text))
        return sorted(starts | {start[0] for start in starts})
    for cjk, word in _RUNS.findall(text):
        if word:
            pieces |= {word[0], word[:2]}
        else:
            pieces.update(cjk)
            pieces.update(map(str.__add__, cjk, cjk[1:]))
    return sorted(pieces)


def query_pieces(word: str) -> list[str]:
    """The pieces an image must all have to answer a folded word without trigrams: "计算" is one, "a股" is two.

    Empty for a word of signs alone, which nothing answers.
    """
    pieces: list[str] = []
    for cjk, other in _RUNS.findall(word):
        if other:
            pieces.append(other[:2])
        elif len(cjk) == 1:
            pieces.append(cjk)
        else:
            pieces.extend(map(str.__add__, cjk, cjk[1:]))
    return list(dict.fromkeys(pieces))


def has_trigrams(word: str) -> bool:
    """Whether the index of trigrams knows where a folded word may be. It is read whole for a word that has none, as
    "c++", for seconds that no deadline ends.
    """
    return _TRIGRAM.search(word) is not None


def covering_patterns(word: str) -> list[str]:
    """Patterns for LIKE with as few trigrams as hold every letter of a folded word: whatever has the word answers them.
    [] for a word whose trigrams are hardly more.

    An index of trigrams reads the whole list of each one that a pattern has, and those of a common word are as long as
    what is found (1 M images: 12.7 instead of 16.8 ms for the 112,000 with "ubuntu", 11.7 instead of 16.7 ms for the
    whole query of "gromacs centos").
    """
    if len(word) < 5 or _LETTERS.fullmatch(word) is None:
        return []
    parts = [word[start : start + 3] for start in range(0, len(word) - 2, 3)]
    return [f"%{'%'.join(parts)}%"] + [f"%{word[-3:]}%"] * (len(word) % 3 > 0)


def is_piece(word: str) -> bool:
    """Whether an image that has the pieces of a folded word surely has the word: it is not "境-", nor "a股"."""
    return _RUNS.fullmatch(word) is not None


def is_at_starts(word: str) -> bool:
    """Whether a folded word is found at the starts of words alone, and may be inside of others too."""
    begun = _RUNS.match(word)
    return begun is not None and bool(begun[2]) and not has_trigrams(word)
