"""What is planted, and how it would look where somebody let it slip.

A planted secret is made of words that are found nowhere else. One word of it anywhere is a leak: a part of a secret is
one too. The control is planted as a secret is, but in names and descriptions, which are shown and kept everywhere: a
search that does not find it would not have found a secret either.
"""

import base64
import json
import re
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

CONTROL = "the control"
# No hexadecimal digit, so that no digest and no id is taken for one; no vowel, so that no text is.
_LETTERS = "ghjklmnpqrstvwxz"
_LENGTH = 14


def new_word() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


@dataclass(frozen=True, slots=True)
class Planted:
    """One secret: the text that is typed, and the words that tell it."""

    name: str
    text: str
    words: tuple[str, ...]


def _of(name: str, pattern: str) -> Planted:
    """A secret of this pattern, in which each {} becomes a word."""
    words = tuple(new_word() for _ in range(pattern.count("{}")))
    return Planted(name, pattern.format(*words), words)


class Garden:
    """All that is planted in one run, each run its own."""

    def __init__(self, keyset: str) -> None:
        # What keys, secrets and tokens may hold is visible ASCII. Of a key id, the last four characters are shown.
        self.key = _of("AccessKey ID", "LTAI5t{}Kx9f")
        self.secret = _of("AccessKey secret", '{}/+=&%2F"\\{}')
        self.token = _of("STS token", "CAIS{}/+={}%2B{}=")
        self.ak = _of("Huawei access key", "HPUA{}Qy7d")
        self.sk = _of("Huawei secret key", "{}<>'?#{}")
        self.huawei_token = _of("Huawei security token", "MIIP{}/+{}=")
        # A password may hold anything but control characters.
        self.password = _of("registry password", ' {} "{}"/\\%2F+&=#\u4e2d{}\'')
        self.row_password = _of("registry password of a file", "{}'\"%20 {}\u00fc")
        self.login_password = _of("registry password of a login", "{}+ {}")
        value = json.loads(keyset)["key"][0]["keyData"]["value"]
        self.keyset = Planted("keyset", keyset, (value[4:20], value[20:36]))
        self.control = _of(CONTROL, "{}")

    def all(self) -> list[Planted]:
        return list(vars(self).values())

    @property
    def alibaba(self) -> dict[str, str]:
        return {
            "access_key_id": self.key.text,
            "access_key_secret": self.secret.text,
            "security_token": self.token.text,
        }

    @property
    def huawei(self) -> dict[str, str]:
        return {"access_key": self.ak.text, "secret_key": self.sk.text, "security_token": self.huawei_token.text}

    def found_in(self, parts: Iterator[bytes]) -> set[str]:
        """The names of all that these bytes give away."""
        whole = b"\n".join(parts)
        text = b"\n".join([whole, *unpacked(whole)])
        return {
            one.name
            for one in self.all()
            if any(form in text for word in one.words for form in spellings(word).values())
        }

    def around(self, part: bytes, names: set[str]) -> Iterator[tuple[str, str]]:
        """Where these stand, for a message: a canary is a secret of nobody."""
        for one in self.all():
            for form in {form for word in one.words for form in spellings(word).values()} if one.name in names else ():
                for text in (part, *unpacked(part)):
                    if (at := text.find(form)) >= 0:
                        yield one.name, text[max(0, at - 300) : at + 100].decode(errors="replace")


def spellings(word: str) -> dict[str, bytes]:
    """A word as encoders write it, by their names. JSON and HTML leave it as it is; addresses write + and / anew."""
    plain = word.encode()
    in_query, in_path = quote(word, safe=""), quote(word)
    found = {
        "plain": plain,
        "in a query": in_query.encode(),
        "in a path": in_path.encode(),
        "in an address in a query": quote(in_query, safe="").encode(),
        "in an address's path in a query": quote(in_path, safe="").encode(),
        "in an address in a path": quote(in_path).encode(),
        "capitals": word.upper().encode(),
        "reversed": plain[::-1],
        "hex": plain.hex().encode(),
        "capital hex": plain.hex().upper().encode(),
        "UTF-16": word.encode("utf-16-le"),
        "percent": "".join(f"%{byte:02X}" for byte in plain).encode(),
        "JSON escapes": "".join(f"\\u{ord(letter):04x}" for letter in word).encode(),
        "character references": "".join(f"&#{ord(letter)};" for letter in word).encode(),
    }
    # What surrounds it moves it against the groups of three that base64 writes as four: the part that stays the same.
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + plain)
        found[f"base64 {before}"] = whole[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
        found[f"base64 {before} of an address"] = found[f"base64 {before}"].translate(bytes.maketrans(b"+/", b"-_"))
    return found


_PACKED = re.compile(rb"(?<![\w+/-])\.?(eJ|eN|eA|eF|H4sI)[\w+/-]{30,}")


def unpacked(part: bytes) -> Iterator[bytes]:
    """The contents of what is compressed in there: sessions, signed documents, cursors."""
    for match in _PACKED.finditer(part):
        text = match[0].lstrip(b".").replace(b"-", b"+").replace(b"_", b"/")
        try:
            yield zlib.decompress(base64.b64decode(text + b"=" * (-len(text) % 4)), 47)
        except (ValueError, zlib.error):
            continue


def shown(value: Any) -> bytes:
    """A value as `repr` and `str` show it."""
    return f"{value!r}\n{value!s}\n".encode(errors="backslashreplace")
