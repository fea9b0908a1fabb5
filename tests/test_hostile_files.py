"""What strangers wrote, in the files that people open elsewhere: no formula in a table, no element in a feed."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import CloudAccount, Team, User
from catalog.models import Source, SyncRun
from tests.hostile import MARK, RTL, SPOILED, spoil
from tests.isolation.test_pages import addresses
from tests.isolation.world import World, populate

pytestmark = [pytest.mark.access, pytest.mark.django_db]

ATOM = "{http://www.w3.org/2005/Atom}"
FORMULA = re.compile(r"[=+\-@\t\r]")


@pytest.fixture
def world(
    team: Team, alice: User, make_account: Callable[..., CloudAccount], make_source: Callable[..., Source],
    make_run: Callable[..., SyncRun],
) -> World:  # fmt: skip
    made = populate(team, alice, make_account, make_source, make_run, SPOILED[:40])
    spoil(made)
    return made


@pytest.fixture
def client(world: World, as_user: Callable[[User], Client]) -> Client:
    return as_user(world.admin)


def files(world: World, client: Client, *names: str) -> Iterator[tuple[str, Any, str]]:
    """(address, answer, text) of each file of these names."""
    for name, url in addresses(world):
        if name in names:
            answer = client.get(url)
            assert answer.status_code == 200 and answer["X-Content-Type-Options"] == "nosniff", url
            yield url, answer, text_of(answer)


def text_of(answer: Any) -> str:
    return (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode("utf-8-sig")


def test_no_cell_of_a_table_is_a_formula(world: World, client: Client) -> None:
    seen = set()
    for url, answer, text in files(world, client, "image_export", "batch_export", "batch_template", "audit_export"):
        assert answer["Content-Disposition"].startswith("attachment") and RTL not in answer["Content-Disposition"]
        if not answer["Content-Type"].startswith("text/csv"):
            continue
        for cell in (cell for row in csv.reader(io.StringIO(text)) for cell in row):
            assert not FORMULA.match(cell) or re.fullmatch(r"-?[\d.]+", cell), (url, cell[:40])
            seen |= {answer["Content-Type"]} if MARK in cell else set()
    assert seen, "the text is in them"


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_data_is_data(form: str, world: World, client: Client) -> None:
    answer = client.get(reverse("catalog:image_export", args=[world.team.slug, form]))
    text = text_of(answer)
    found = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
    assert "json" in answer["Content-Type"] and answer["Content-Disposition"].startswith("attachment")
    assert MARK in json.dumps(found)


def test_a_feed_has_no_element_of_a_strangers(world: World, client: Client) -> None:
    known = {
        "feed",
        "entry",
        "id",
        "title",
        "link",
        "published",
        "updated",
        "author",
        "name",
        "summary",
        "content",
        "subtitle",
        "category",
    }
    for _url, answer, text in files(world, client, "change_atom"):
        assert answer["Content-Type"].startswith("application/atom+xml")
        feed = ElementTree.fromstring(text)
        assert {element.tag.removeprefix(ATOM) for element in feed.iter()} <= known
        titles = [title.text or "" for title in feed.iterfind(f"{ATOM}entry/{ATOM}title")]
        assert titles and not any(RTL in title for title in titles)
        assert MARK in text and f"<b data-{MARK}" not in text


def test_a_list_of_ids_is_plain_text(world: World, client: Client) -> None:
    for _url, answer, _text in files(world, client, "image_ids"):
        assert answer["Content-Type"].startswith(("text/plain", "text/html"))
        assert not answer["Content-Type"].startswith("text/html") or f"<b data-{MARK}" not in _text
