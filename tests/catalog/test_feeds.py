"""The feed of changes: a valid Atom document whatever strangers write, and an address that is a secret."""

import io
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.dateparse import parse_datetime
from django.utils.http import http_date
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import AuditEvent, Membership, Team, User
from catalog.models import ChangeFeed, Image, ImageChange, Source
from catalog.views import feeds
from config.logs import HideFeeds
from tests.catalog.shelf import put
from tests.catalog.telling import ago, became, tell

PAGE = "/t/aero/changes/feed/"
ATOM = {"": "http://www.w3.org/2005/Atom"}


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PER_SECOND", 100_000)


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_custom")


@pytest.fixture
def image(source: Source) -> Image:
    return put(source, "solver")


def make(client: Client, query: str = "") -> str:
    """The path of a new feed, as the page shows it this once."""
    there = ChangeFeed.objects.filter(membership__user_id=client.session["_auth_user_id"]).first()
    response = client.post(f"{PAGE}{query}", {"seen": str(there.id) if there else ""})
    assert response.status_code == 200 and response["Cache-Control"] == "no-store"
    found = re.search(r'value="http://testserver(/feeds/[\w-]+/changes\.atom)"', response.content.decode())
    assert found
    return found[1]


@pytest.fixture
def address(bob: User, as_user: Callable[[User], Client]) -> str:
    return make(as_user(bob))


def read(address: str, query: str = "", **headers: str) -> ElementTree.Element:
    response = Client().get(f"{address}{query}", headers=headers)
    assert response.status_code == 200, response.content
    return ElementTree.fromstring(response.content)


def entries(feed: ElementTree.Element) -> list[dict[str, str]]:
    names = ("id", "title", "summary", "updated", "published")
    return [{name: entry.findtext(name, "", ATOM) for name in names} for entry in feed.findall("entry", ATOM)]


# The document


def test_each_sync_is_an_entry(address: str, source: Source, image: Image, team: Team) -> None:
    gone = put(source, "gone")
    first = tell(source, ago(days=1), [became(image), became(image, "arch", "i386", "arm64")], changed=1)
    tell(source, ago(hours=1), [{"image": gone, "kind": "missing"}], missing=1)
    feed = read(address)
    newest, older = entries(feed)
    assert newest["title"] == "E-HPC custom · cn-hangzhou: gone – Missing"
    assert older["title"] == "E-HPC custom · cn-hangzhou: 1 changed"
    assert f'<a href="http://testserver/t/aero/images/{image.id}/"><bdi>solver</bdi></a>' in older["summary"]
    assert "Changed: Size: <bdi>20 GiB</bdi> → <bdi>40 GiB</bdi>" in older["summary"]
    links = {link.get("rel"): link.get("href") for link in feed.findall("link", ATOM)}
    assert links == {"self": f"http://testserver{address}", "alternate": "http://testserver/t/aero/changes/"}
    assert (
        feed.findall("entry", ATOM)[1].find("link", ATOM).get("href")
        == f"http://testserver/t/aero/changes/?run={first.id}"
    )
    assert feed.findtext("author/name", "", ATOM) == "Bootshelf · Aero HPC"
    assert feed.findtext("updated", "", ATOM) == newest["updated"] == newest["published"]
    assert all(parse_datetime(entry["updated"]) for entry in (newest, older))
    assert feed.findtext("id", "", ATOM) == f"tag:testserver,2026:changes/{team.id}"


def test_what_an_entry_is_known_by_stays_and_says_nothing_of_the_address(
    address: str, source: Source, image: Image
) -> None:
    tell(source, ago(days=1), [became(image)], changed=1)
    (before,) = entries(read(address))
    tell(source, ago(hours=1), [became(image)], changed=1)
    Image.objects.update(name="renamed")
    after = entries(read(address))
    assert after[1]["id"] == before["id"] != after[0]["id"] and before["id"].startswith("tag:testserver,2026:changes/")
    assert address.split("/")[2] not in before["id"]
    filtered = entries(read(address, "?kind=changed"))[1]["id"]
    assert filtered == f"{before['id']}?kind=changed", "a reader of both takes them for two"


def test_a_run_of_thousands_is_one_short_entry(address: str, source: Source) -> None:
    tell(source, ago(hours=1), [became(put(source, f"node-{n}")) for n in range(40)], changed=40)
    (entry,) = entries(read(address))
    assert entry["title"].endswith(": 40 changed") and entry["summary"].count("<li>") == 5
    assert "All of them" in entry["summary"]


def test_it_honours_the_filters_of_the_page(address: str, source: Source, image: Image, make_source: Any) -> None:
    edge = make_source("alibaba_ens_self")
    tell(source, ago(days=3), [became(image)], changed=1)
    tell(edge, ago(hours=1), [{"image": put(edge, "gateway"), "kind": "added"}], added=1)
    days = ago(days=2).date().isoformat()
    for query, names in (
        ("?kind=added", ["gateway"]),
        ("?source=ens", ["gateway"]),
        ("?field=size_gib", ["solver"]),
        (f"?to={days}", ["solver"]),
        ("?q=gateway", ["gateway"]),
        ("?since=visit&run=9c2a4d4e-6f9c-4b1c-8a54-0d3d6a9a5b11", ["gateway", "solver"]),
        ("?kind=exploded", []),
    ):
        found = [name for entry in entries(read(address, query)) for name in names if name in entry["title"]]
        assert found == names and len(entries(read(address, query))) == len(names), query
    feed = read(address, "?kind=added&colour=red")
    assert "Kind: Added" in feed.findtext("title", "", ATOM)
    assert "There is no filter “colour”." in feed.findtext("subtitle", "", ATOM), "a filter that is none is told"


def test_an_empty_feed_is_one_and_stays_the_same(address: str) -> None:
    one, two = (Client().get(address) for _ in range(2))
    assert one.content == two.content and entries(ElementTree.fromstring(one.content)) == []


HOSTILE = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    | st.sampled_from("<>&\"'\x01\x08\x0b\x1f\x7f\x85\u2028\u202e\u2066\ufffe\uffff]\r\n\t"),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=HOSTILE, field=st.sampled_from(["name", "description", "<b>"]), before=HOSTILE, after=HOSTILE)
@example(name="]]><script>", field="name", before="&#0;", after="\x1b[31m")
def test_whatever_strangers_write_it_is_xml_and_they_write_no_markup(
    address: str, source: Source, team: Team, name: str, field: str, before: str, after: str
) -> None:
    ImageChange.objects.all().delete()
    image = put(source, f"{name}{Image.objects.count()}")
    Team.objects.filter(id=team.id).update(name=before)
    tell(source, ago(hours=1), [became(image, field, before, after)], changed=1)
    response = Client().get(address)
    (entry,) = entries(ElementTree.fromstring(response.content))
    assert set(re.findall(r"</?[a-z]+", entry["summary"])) <= {
        "<ul",
        "</ul",
        "<li",
        "</li",
        "<a",
        "</a",
        "<bdi",
        "</bdi",
    }
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", entry["title"])


def test_it_speaks_its_persons_language(address: str, bob: User, source: Source, image: Image) -> None:
    tell(source, ago(hours=1), [became(image)], changed=1)
    assert read(address).get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    bob.preferences["language"] = "zh-hans"
    bob.save()
    response = Client().get(address, headers={"Accept-Language": "en"})
    assert response["Content-Language"] == "zh-hans"
    assert 'xml:lang="zh-hans"' in response.content.decode()


# Asking again


def test_what_has_not_changed_is_not_sent_again(address: str, source: Source, image: Image) -> None:
    at = ago(hours=1)
    tell(source, at, [became(image)], changed=1)
    client, first = Client(), Client().get(address)
    assert first["Cache-Control"] == "private, no-cache" and first["Content-Type"].startswith("application/atom+xml")
    assert first["Last-Modified"] == http_date((at + timedelta(seconds=2)).timestamp()), "when the sync was applied"
    same = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert same.status_code == 304 and same.content == b"" and same["ETag"] == first["ETag"]
    assert client.get(address, headers={"If-Modified-Since": first["Last-Modified"]}).status_code == 304
    assert client.get(f"{address}?kind=missing", headers={"If-None-Match": first["ETag"]}).status_code == 200
    tell(source, ago(minutes=1), [became(image)], changed=1)
    again = client.get(address, headers={"If-None-Match": first["ETag"], "If-Modified-Since": first["Last-Modified"]})
    assert again.status_code == 200 and again["ETag"] != first["ETag"]


def test_who_asks_all_the_time_waits(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PER_SECOND", 2)
    answers = [Client().get(address) for _ in range(6)]
    codes = [answer.status_code for answer in answers]
    assert codes[:2] == [200, 200] and 429 in codes
    assert answers[codes.index(429)]["Retry-After"] == "60"


def test_it_costs_as_many_queries_for_one_change_as_for_many(address: str, source: Source, image: Image) -> None:
    counts = []
    for n in (1, 80):
        for m in range(n):
            tell(source, ago(hours=n + m), [became(image)] * 9, changed=1)
        with CaptureQueriesContext(connection) as queries:
            read(address)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


# The secret


def test_the_token_is_long_and_kept_as_its_digest_alone(
    address: str, bob: User, as_user: Callable[[User], Client]
) -> None:
    token = address.split("/")[2]
    assert len(token) >= 43, "256 bits"
    row = ChangeFeed.objects.get()
    assert len(row.digest) == 32 and token.encode() not in bytes(row.digest)
    assert token not in as_user(bob).get(PAGE).content.decode(), "it is shown once"
    assert token not in str(list(AuditEvent.objects.values()))


def unknown(address: str) -> bool:
    response = Client().get(address)
    assert response.status_code in (200, 404)
    return response.status_code == 404


def test_a_new_address_ends_the_old_one(address: str, bob: User, as_user: Callable[[User], Client]) -> None:
    assert not unknown(address)
    newer = make(as_user(bob))
    assert unknown(address) and not unknown(newer)
    assert list(AuditEvent.objects.order_by("id").values_list("action", "actor")) == [
        ("feed.created", bob.email),
        ("feed.replaced", bob.email),
    ]


def test_a_form_sent_twice_does_not_end_what_it_made(
    address: str, bob: User, as_user: Callable[[User], Client]
) -> None:
    response = as_user(bob).post(PAGE, {"seen": ""}, follow=True)
    assert "changed in another window" in response.content.decode()
    assert not unknown(address) and AuditEvent.objects.count() == 1


def test_it_is_revoked_once(address: str, bob: User, as_user: Callable[[User], Client]) -> None:
    for _ in range(2):
        assert as_user(bob).post(PAGE, {"revoke": "1"}).status_code == 302
    assert unknown(address)
    assert [event.action for event in AuditEvent.objects.order_by("id")] == ["feed.created", "feed.revoked"]


@pytest.mark.parametrize("end", ["membership", "user", "deactivated", "team"])
def test_it_ends_with_what_it_belongs_to(address: str, bob: User, team: Team, end: str) -> None:
    assert not unknown(address)
    if end == "membership":
        Membership.objects.filter(user=bob).delete()
    elif end == "user":
        bob.delete()
    elif end == "deactivated":
        User.objects.filter(id=bob.id).update(is_active=False)
    else:
        Team.objects.filter(id=team.id).delete()
    assert unknown(address)


def test_it_shows_its_own_team_alone(
    address: str, source: Source, image: Image, charlie: User, as_user: Any, other_team: Team, make_source: Any,
    make_account: Any,
) -> None:  # fmt: skip
    theirs = make_source("alibaba_ens_self", make_account(team=other_team, name="Theirs"))
    tell(theirs, ago(hours=1), [became(put(theirs, "secret"))], changed=1)
    tell(source, ago(hours=2), [became(image)], changed=1)
    assert [entry["title"][-6:] for entry in entries(read(address, f"?source={theirs.id}"))] == []
    assert len(entries(read(address))) == 1


def test_an_unknown_address_costs_and_says_the_same_as_a_wrong_one(address: str) -> None:
    answers = []
    for token in ("x", "x" * 3000, "%00", "\u4e2d", "..", address.split("/")[2][:-1] + "~"):
        with CaptureQueriesContext(connection) as queries:
            response = Client().get(f"/feeds/{token}/changes.atom")
        answers.append((response.status_code, response.content, len(queries)))
    assert set(answers) == {(404, b"There is no such feed.\n", 1)}


def test_no_address_gets_into_the_log(address: str, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    (handler,) = [one for one in logging.getLogger().handlers if any(isinstance(f, HideFeeds) for f in one.filters)]
    log = io.StringIO()
    monkeypatch.setattr(handler, "stream", log)
    Client().get(address.replace("/changes", "x/changes"))
    Client().get(f"{address}/more")
    Client().post(address)
    monkeypatch.setattr(feeds, "fetch_sets", None)
    assert Client(raise_request_exception=False).get(address).status_code == 500
    told = log.getvalue()
    assert "Not Found: /feeds/…/changes.atom" in told and "Method Not Allowed" in told and "TypeError" in told
    assert address.split("/")[2] not in told


def test_the_page_says_how_to_filter_and_shows_no_notice_of_a_visit(
    bob: User, as_user: Callable[[User], Client], source: Source
) -> None:
    client = as_user(bob)
    assert "<code>?kind=missing</code>" in client.get(f"{PAGE}?kind=missing").content.decode()
    response = client.post(f"{PAGE}?kind=missing", {"seen": ""}).content.decode()
    assert re.search(r'value="http://testserver/feeds/[\w-]+/changes\.atom\?kind=missing"', response)
    assert client.post(PAGE, {"seen": "no uuid"}).status_code == 302
