"""The address of the images page: one for each filter, and whatever is in it, an answer."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import Team, User
from catalog.models import Source
from tests.catalog.shelf import put

URL = "/t/aero/images/"
HTMX = {"HX-Request": "true", "HX-Target": "image-results", "HX-Current-URL": f"http://testserver{URL}"}


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    source = make_source("alibaba_ehpc_custom", last_complete_at=timezone.now() - timedelta(minutes=3))
    for n in range(30):
        put(source, f"image-{n:02}", arch=["arm64", "i386"][n % 2], distribution="Ubuntu", description="cuda")
    return source


@pytest.fixture
def look(bob: User, as_user: Callable[[User], Client], source: Source) -> Callable[..., Any]:
    client = as_user(bob)
    return lambda query="", **headers: client.get(f"{URL}?{query}", headers=headers)


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("q=distribution:ubuntu+-arch:i386+cuda", "distribution=Ubuntu&arch=-i386&q=cuda"),
        ("sort=name&arch=arm64&arch=i386&q=", "arch=arm64,i386"),
        ("arch=arm64&arch=-arm64", "arch=-arm64"),
        ("distribution=ubuntu&size=25&page=last", "distribution=Ubuntu&page=last&size=25"),
    ],
)
def test_a_page_that_came_by_another_address_is_sent_to_its_own(
    look: Callable[..., Any], query: str, canonical: str
) -> None:
    response = look(query)
    assert (response.status_code, response["Location"]) == (302, f"{URL}?{canonical}")
    assert look(canonical).status_code == 200


@pytest.mark.parametrize("query", ["", "q=cuda+12&arch=arm64", "arch=arm64&q=cuda%2012", "page=last", "size=25"])
def test_an_address_that_says_the_same_stays(look: Callable[..., Any], query: str) -> None:
    assert look(query).status_code == 200


@pytest.mark.parametrize(
    ("query", "notice"),
    [
        ("oss=linux&arch=ARM64", "no filter “oss”"),
        ("os=-&arch=ARM64", "“os=-” names nothing to exclude"),
        ("arch=ARM64&size=-5", "A page has 25, 50, 100 images."),
        ("arch=arm64&page=99999999", "place in another list"),
        ("arch=arm64&sort=colour&sort=-size", "no column “colour”"),
        ("arch=ARM64&q=" + "x" * 10_000, "only its beginning is searched"),
        ("arch=arm64&region=" + ",".join(f"r{n}" for n in range(250)), "too many or too long values"),
    ],
)
def test_a_notice_says_what_is_wrong_and_nothing_else_is_lost(
    look: Callable[..., Any], query: str, notice: str
) -> None:
    response = look(query)
    if response.status_code == 302:
        response = look(response["Location"].partition("?")[2])
    assert response.status_code == 200 and notice in text(response) and "Arch: arm64" in text(response)


def test_a_cursor_of_another_sort_or_team_leads_to_the_first_page_and_out_of_the_address(
    look: Callable[..., Any], other_team: Team, bob: User, as_user: Callable[[User], Client]
) -> None:
    def next_page(html: str) -> str:
        (found,) = re.findall(r'page=([^"&]+)" rel="next"', html)
        return found

    cursor = next_page(look("size=25&sort=os").content.decode())
    assert "26–30 of 30" in text(look(f"sort=os&page={cursor}", **HTMX))
    wrong = look(f"sort=-os&arch=arm64,i386&page={cursor}", **HTMX)
    assert "place in another list" in text(wrong) and "1–25 of 30" in text(wrong)
    assert wrong["HX-Push-Url"] == f"{URL}?arch=arm64,i386&sort=-os"
    other_team.memberships.create(user=bob, role="viewer")
    theirs = as_user(bob).get(f"/t/umbra/images/?sort=os&page={cursor}")
    assert theirs.status_code == 200 and "image-" not in text(theirs)


def test_typing_leaves_a_filter_in_the_box_until_it_ends(look: Callable[..., Any]) -> None:
    typed = look("q=cuda+distribution:ub", **HTMX, **{"HX-Typing": "true"})
    html = typed.content.decode()
    assert typed["HX-Replace-Url"] == f"{URL}?q=cuda" and "data-pending" in html and "data-took" not in html
    assert re.search(r'class="hint".*href="/t/aero/images/\?distribution=Ubuntu&amp;q=cuda".*30', html, re.DOTALL)
    ended = look("q=cuda+distribution:ub+", **HTMX, **{"HX-Typing": "true"})
    assert ended["HX-Push-Url"] == f"{URL}?distribution=ub&q=cuda" and "data-took" in ended.content.decode()
    entered = look("q=-arch:i386", **HTMX)
    assert entered["HX-Push-Url"] == f"{URL}?arch=-i386" and 'data-q=""' in entered.content.decode()


def test_suggestions_are_those_of_the_other_filters(look: Callable[..., Any], source: Source) -> None:
    put(source, "other", arch="x86_64", distribution="Ubuntu Core <b>")
    html = look("arch=arm64&q=-distribution:", **HTMX, **{"HX-Typing": "true"}).content.decode()
    hint = html[html.index('class="hint"') : html.index("</p>", html.index('class="hint"'))]
    assert "distribution=-Ubuntu&amp;arch=arm64" in hint and "15" in hint and "Core" not in hint
    put(source, "strange", distribution=None)
    html = look("q=distribution:", **HTMX, **{"HX-Typing": "true"}).content.decode()
    assert html.index("distribution=Ubuntu") < html.index("distribution=unknown"), "what is not known comes last"
    html = look("q=sort:", **HTMX, **{"HX-Typing": "true"}).content.decode()
    assert "ends <b>sort:</b>" in html and 'class="chip"' not in html


@pytest.mark.parametrize(
    "query",
    ["q=%00", "arch=%00", "q=%ED%A0%80", "q=%ff%fe", "distribution=%C0%80", "q=%E2%80%AEgpj", "q=%1b%5b31m", "%00=1",
     "source=%00", "view=%00", "label=%ED%A0%80", "page=a:b:c", "q=" + "(" * 500, "q=os:" + "%22" * 500,
     "arch=" + "%5C" * 999,
     "page=%00", "size=%00", "size=%D9%A1", "sort=%00", "q=" + "%20".join("os:linux" for _ in range(900))],
)  # fmt: skip
def test_what_is_no_text_is_no_error(look: Callable[..., Any], query: str) -> None:
    for headers in ({}, HTMX, HTMX | {"HX-Current-URL": f"http://testserver{URL}?{query}"}):
        assert look(query, **headers).status_code in (200, 302)


def test_an_address_before_this_one_that_cannot_be_read_is_none(look: Callable[..., Any]) -> None:
    before = f"http://testserver{URL}?" + "&".join("os=linux" for _ in range(1500))
    assert look("arch=arm64", **HTMX | {"HX-Current-URL": before})["HX-Push-Url"] == f"{URL}?arch=arm64"


KEYS = st.sampled_from(
    ["q", "q", "page", "size", "sort", "view", "os", "arch", "distribution", "source", "label", "star", "support"]
)  # fmt: skip
VALUES = st.text(max_size=12) | st.sampled_from(
    ["-", "-unknown", "last", "-size", "x86_64,-i386", "os:linux -arch:i386", 'source:"', "99999999", "-1", "\\", "%"]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(KEYS | st.text(max_size=4), VALUES), max_size=6), headers=st.sampled_from([{}, HTMX]))
@example(pairs=[("q", "\ud800"), ("arch", "\ud800")], headers={})
def test_no_address_is_an_error(
    look: Callable[..., Any], pairs: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    response = look(urlencode(pairs, errors="surrogatepass"), **headers)
    if response.status_code == 302:
        response = look(response["Location"].partition("?")[2])
    assert response.status_code == 200, "and where it was sent is its last address"


def test_the_help_tells_the_keys_and_turns_them_off(
    alice: User, as_user: Callable[[User], Client], source: Source
) -> None:
    client = as_user(alice)
    assert 'data-keys="off"' not in client.get(URL).content.decode()
    back = client.post("/keys/", {"keys": "off", "next": f"{URL}?os=linux"})
    assert back["Location"] == f"{URL}?os=linux" and 'data-keys="off"' in client.get(URL).content.decode()
    assert client.post("/keys/", {"keys": "maybe", "next": "https://elsewhere.example/"})["Location"] == "/"
    client.post("/keys/", {"keys": "on"})
    alice.refresh_from_db()
    assert alice.preferences["keys"] == "on" and client.get("/keys/").status_code == 405
