"""What is typed into the search box, what people call values, and that one address says each filter."""

import uuid
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.http import QueryDict
from django.utils import translation
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog import browse, typed
from catalog.browse import Choice, ImageFilter, UnknownFilter, parse
from catalog.providers.systems import KNOWN_DISTRIBUTIONS

TEAM = uuid.uuid4()
NAMES = {
    "11111111-aaaa-4aaa-8aaa-000000000001": "E-HPC custom · cn-hangzhou",
    "22222222-aaaa-4aaa-8aaa-000000000002": "E-HPC custom · cn-shanghai",
    "33333333-aaaa-4aaa-8aaa-000000000003": "Workspace · cn-north-4",
    "33333333-aaaa-4aaa-8aaa-000000000004": "ENS custom · cn-hangzhou",
}


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of sources without their rows: parse asks nothing else of them."""
    monkeypatch.setattr(browse, "source_names", lambda listed: {one.id: NAMES[str(one.id)] for one in listed})


def asked(text: str, **how: Any) -> ImageFilter:
    """What the search box asks for."""
    return whole(f"q={quote(text)}", **how)


def whole(query: str, **how: Any) -> ImageFilter:
    listed: list[Any] = [SimpleNamespace(id=uuid.UUID(one)) for one in NAMES]
    return parse(QueryDict(query), TEAM, listed, **how)


def test_filters_among_the_words_become_filters() -> None:
    found = asked("distribution:ubuntu -arch:i386 cuda")
    assert found.query() == "distribution=Ubuntu&arch=-i386&q=cuda" and found.took and not found.notices
    assert [(chip.label, chip.text, chip.excluded) for chip in found.chips()] == [
        ("Distribution", "Ubuntu", False), ("Arch", "i386", True), ("Search", "cuda", False)]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('distribution:"Alibaba Cloud Linux"', "distribution=Alibaba%20Cloud%20Linux"),
        ("distribution:“alibaba cloud linux”", "distribution=Alibaba%20Cloud%20Linux"),
        ("arch:x86_64,arm64", "arch=arm64,x86_64"),
        ("arch:arm64,-i386", "arch=arm64,-i386"),
        ("-arch:arm64,-i386", "arch=-arm64,-i386"),
        ("ARCH:AMD64 Os:Linux", "os=linux&arch=x86_64"),
        ("os：linux，windows", "os=linux,windows"),
        ('region:"a,b",c', "region=a%5C,b,c"),
        ('region:"-x"', "region=%5C-x"),
        ("a sort:-size b", "q=a%20b&sort=-size"),
        ("-sort:size", "sort=-size"),
        ("\u200eos:linux\ufeff", "os=linux"),
        ("cu\x1fda\tos:linux\x1b", "os=linux&q=cu%20da"),
    ],
)
def test_it_takes_filters_as_people_write_them(text: str, query: str) -> None:
    found = asked(text)
    assert found.query() == query and not found.notices


@pytest.mark.parametrize(
    "text",
    [
        "ubuntu:22.04",
        "repo/name:tag",
        "http://os:linux/",
        "xos:linux",
        "os :linux",
        "-cuda",
        "foo:bar",
        "c++",
        "a:os:linux",
    ],
)
def test_whatever_else_has_a_colon_is_searched(text: str) -> None:
    found = asked(text)
    assert (found.q, found.choices, found.took, found.notices) == (text, {}, False, ())


@pytest.mark.parametrize("text", ["-", "...", '"', '""', ":", "， 。", "🐧", "a - b"])
def test_signs_alone_are_not_searched_and_it_says_so(text: str) -> None:
    found = asked(text)
    told = text if text[0] != "a" else "-"
    assert found.q == ("a b" if text[0] == "a" else "") and not found.choices
    assert found.notices == (f"“{told}” has no letter or digit, so it is not searched.",)
    with pytest.raises(UnknownFilter):
        parse(f"q={quote(text)}", TEAM, [], strict=True)


def test_a_dash_may_be_the_beginning_of_a_filter_while_it_is_typed() -> None:
    assert asked("cuda -", typing=True).notices == () and asked("cuda - ", typing=True).notices


def test_a_character_that_is_none_is_left_out_and_it_says_so() -> None:
    found = whole("q=cu%00da")
    assert found.q == "cuda" and found.notices == (
        "The search held a character that no text can hold; it was left out.",
    )


def test_what_only_looks_like_a_filter_is_searched_in_quotes() -> None:
    found = asked('"os:linux" cuda')
    assert (found.q, found.typed, found.choices) == ("os:linux cuda", '"os:linux" cuda', {})
    assert whole(found.query()).q == "os:linux cuda"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("visibility:shared", "visibility=shared"),
        ('visibility:"Shared with us"', "visibility=shared"),
        ("type:vm", "type=vm"),
        ('type:"virtual machine"', "type=vm"),
        ("support:eol", "support=past"),
        ("support:ended", "support=past"),
        ("star:yes", "star=yes"),
        ('label:"no label"', "label=unknown"),
        ("source:workspace", "source=33333333-aaaa-4aaa-8aaa-000000000003"),
        ('source:"e-hpc custom · cn-hangzhou"', "source=11111111"),
        ('source:"custom hangzhou"', "source=11111111,33333333-aaaa-4aaa-8aaa-000000000004"),
        ("-source:e-hpc", "source=-11111111,-22222222"),
        ("source:22222222", "source=22222222"),
        ("source:22222222-AAAA", "source=22222222"),
    ],
)
def test_it_knows_values_as_people_see_them(text: str, query: str) -> None:
    found = asked(text)
    assert found.query() == query and not found.notices


def test_it_knows_values_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog import values

    monkeypatch.setitem(values.VALUES, "visibility", {"shared": "共享给我们", "public": "公共"})
    with translation.override("zh-hans"):
        assert asked("visibility:共享给我们").query() == "visibility=shared"


def test_it_says_what_a_filter_does_not_have() -> None:
    assert "“sparc” is no value of “arch”, which has: x86_64" in asked("arch:sparc").notices[0]
    assert asked("arch:sparc").choices["arch"] == Choice(("sparc",)), "and it selects nothing rather than everything"
    assert asked("source:mars").notices == ("There is no source “mars”.",)
    assert "After “os:” goes a value" in asked("os: linux").notices[0] and asked("os: linux").q == "linux"
    assert asked("sort:colour").notices == ("There is no column “colour” to sort by.",)
    assert whole("os=-").notices == ("“os=-” names nothing to exclude.",) and not whole("os=-").choices
    for query in ("os=-", "q=os:", "q=sort:colour"):
        with pytest.raises(UnknownFilter):
            parse(query, TEAM, [], strict=True)


def test_what_is_typed_has_the_last_word() -> None:
    assert whole("arch=i386,arm64&q=-arch:i386").query() == "arch=arm64,-i386"
    assert whole("sort=os&q=sort:-size").query() == "sort=-size"
    assert whole("arch=-i386&q=arch:i386+distribution:ubuntu&distribution=CentOS").query() == (
        "distribution=CentOS,Ubuntu&arch=i386"
    )


def test_a_filter_is_pending_while_it_is_typed() -> None:
    found = asked("cuda distribution:ubu", typing=True)
    assert (found.q, found.choices, found.took) == ("cuda", {}, False)
    assert found.pending == typed.Filter("distribution", False, "ubu")
    assert asked("cuda distribution:ubuntu ", typing=True).query() == "distribution=Ubuntu&q=cuda"
    later = asked("-arch:i386,a", typing=True)
    assert later.query() == "arch=-i386" and later.pending == typed.Filter("arch", True, "a")
    assert asked('distribution:"Alibaba ', typing=True).pending == typed.Filter("distribution", False, "Alibaba")
    assert not asked("os:", typing=True).notices


def test_a_long_search_keeps_its_filters_and_whole_words() -> None:
    found = asked("os:linux " + "wörter " * 2 + " ".join(f"w{n}" for n in range(2000)) + " arch:arm64")
    assert found.q.split() == ["wörter", *(f"w{n}" for n in range(9))] and len(found.notices) == 1
    assert set(found.choices) == {"os", "arch"}


PIECES = st.sampled_from([
    "os:", "-arch:", "distribution:", "source:", "label:", "sort:", "-", ",", '"', "“", "”", "\\", " ", "：", "，",
    "－", "linux", "i386", "e-hpc", "11111111", "hangzhou", "unknown", "-name", "\u200e", "\0", "\x1f", "İ", "ı", "ſ",
    "x" * 199, "镜像", "%", "_", "\u3000", "\x85", "a",
])  # fmt: skip
KEYS = ("q", "q", "os", "distribution", "os_version", "source", "region", "label", "arch", "sort", "view", "page", "x")
TEXT = st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), TEXT), max_size=6))
@example([("q", "x" * 199 + '"y')])
@example([("source", "11111111x")])
@example([("source", "a,\\b")])
@example([("label", "İ" * 150)])
@example([("q", '"os:linux" "os:"x')])
def test_the_address_a_filter_gives_is_read_as_the_same_filter(pairs: list[tuple[str, str]]) -> None:
    query = urlencode(pairs, errors="surrogatepass")
    once = whole(query)
    again = whole(once.query())
    assert replace(again, notices=()) == replace(once, notices=())
    assert again.query() == once.query() and not again.took


@settings(max_examples=200, deadline=None)
@given(TEXT, st.booleans())
def test_whatever_is_typed_can_be_read(text: str, typing: bool) -> None:
    found = typed.read(text, typing=typing)
    assert all(word == word.strip() and word for word in found.words) and all(one.value for one in found.filters)
    assert typed.read(" ".join(map(typed.written, found.words))).words == found.words


@pytest.mark.parametrize("name", KNOWN_DISTRIBUTIONS)
def test_every_distribution_is_its_own_spelling(name: str) -> None:
    assert asked(f'distribution:"{name}"').choices["distribution"].wanted == (name,)
