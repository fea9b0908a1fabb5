"""What is still English on a page that should be Chinese: its visible words, less names, ids and the team's data."""

import re
from html.parser import HTMLParser

# Whose text is data, or is typed or pasted as it stands.
DATA = {"bdi", "code", "kbd", "pre", "script", "style", "textarea", "svg"}
DATA_CLASSES = {"mono", "avatar", "brand", "call", "document"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SPOKEN = {"title", "aria-label", "placeholder", "alt"}
TOLD = {"data-copied", "data-failed", "data-offline", "data-forbidden"}  # by app.js
# Names, terms that the clouds' Chinese pages write in Latin letters, and words that are typed in a filter as they are.
WORDS = """
Bootshelf ECS ENS E-HPC HPC Workspace ACR AccessKey Secret SecurityToken Token token STS RAM IAM AK SK BaseOsTag ehpc
cri CentOS Linux Ubuntu Debian Windows Server Singularity Docker docker pull GPU GiB GB MB KB VM vm container unknown
ID UTC NTP API SDK CLI CSV JSON NDJSON YAML UTF Atom Excel Email Cookie Enter Esc EN Agent beat PROVIDER_ENDPOINTS
BOOTSHELF_KEYSET PIN
"""
NAMES = set(WORDS.split())
LATIN = re.compile(r"[A-Za-z][A-Za-z'’_-]*[A-Za-z]")
# What is quoted; an address, e-mail, filter, region, id or field; what has a figure; an operation such as ListImages.
THING = re.compile(
    r"“[^”]*”|\S*(?:@|/|\w\.\w)\S*|[\w.-]+[:=][\w*.-]+|\b[a-z]+-[a-z0-9*-]+\b|\b[a-z]+(?:_[a-z]+)+\b|\b\w*\d\w*\b"
    r"|\b[A-Z][a-z]+(?:[A-Z][a-z]*)+\b",
    re.ASCII,
)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_data = (
            tag in DATA
            or bool(DATA_CLASSES & set(given.get("class", "").split()))
            or (given.get("lang") == "en" and tag != "html")
        )
        is_data = is_data or bool(self.open and self.open[-1][1])
        if not is_data:
            said = [words for name, words in given.items() if name in SPOKEN or name in TOLD]
            said += [given["value"]] if tag == "input" and given.get("type") == "submit" else []
            self.found += said
        if tag not in VOID:
            self.open.append((tag, is_data))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1][1]):
            self.found.append(" ".join(data.split()))


def english(html: str, *data: str) -> list[str]:
    """The visible texts and labels of a page that hold a Latin word which is no name. `data` are the page's own."""
    page = _Page()
    page.feed(html)
    found = []
    for text in page.found:
        rest = text
        for one in sorted(data, key=len, reverse=True):
            rest = rest.replace(one, " ")
        if set(LATIN.findall(THING.sub(" ", rest))) - NAMES:
            found.append(text)
    return found
