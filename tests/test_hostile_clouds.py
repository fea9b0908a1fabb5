"""A cloud that answers with everything a text can hold, from its answer to each page, fragment, feed and file.

The items are the simulator's own with each of their texts replaced; a real sync reads them.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from django.test import Client

from accounts.models import CloudAccount, Team, User
from catalog.models import Image, ImageChange, Source, SyncRun
from catalog.sync import run_sync, start_run
from tests.hostile import MARK, SPOILED
from tests.isolation.test_pages import addresses
from tests.isolation.world import World, populate
from tests.test_hostile_files import ATOM, FORMULA, text_of

pytestmark = [pytest.mark.access, pytest.mark.django_db(transaction=True)]

# What turns text around, what PostgreSQL holds in no text, what ends a line, and a formula after it.
CONTROLS = "\x00\ud800\udc00\udfff\u202e\u2066\u200f\x1b[31m\x7f\x85\u2028\r\n\t=cmd|' /C calc'!A1\ufeff\uffff"
HOSTILE = f"{SPOILED}{CONTROLS}"
LONG = HOSTILE + "名" * 350_000  # a megabyte of UTF-8
LISTINGS = (
    ("alibaba_ens_self", "cn-hangzhou", None, ("ImageName", "Description")),
    ("alibaba_ehpc_container", "cn-hangzhou", "ehpc-hz-FYUr32a7Qk", ("Tag",)),
    ("alibaba_ehpc_registered", "cn-hangzhou", None, ("Name", "Description")),
    ("huawei_workspace", "cn-north-4", None, ("name",)),
)
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
MARKUP = re.compile(rf"<b data-{MARK}|<script>window\.{MARK}|<img src=/{MARK}")
HTMX = {"HX-Request": "true"}


def raw(text: str) -> orjson.Fragment:
    """As a cloud may send it: orjson itself writes no half of a surrogate pair."""
    return orjson.Fragment(json.dumps(text))


def spoiled(item: dict[str, Any], n: int, long: tuple[str, ...]) -> dict[str, Any]:
    """Every text of it, but for the one by which the cloud tells its listings apart; and one that nobody documents."""
    texts = {name for name, value in item.items() if isinstance(value, str)} - {"ImageType"}
    changed = {name: raw(f"{HOSTILE}{n}") for name in texts} | {name: raw(f"{LONG}{n}") for name in long if n == 2}
    return item | changed | {"More": [raw(HOSTILE), {"K": raw(HOSTILE)}]}


def serve(cloud: Any, turn: int) -> None:
    """Four items of each listing; another `turn` has changed one, lost one and has a new one."""
    world = cloud.service.world
    for name, region, cluster, long in LISTINGS:
        item = orjson.loads(world.listing(name, region, cluster).render(0)) if turn == 0 else _kept[name]
        _kept[name] = item
        items = [spoiled(item, n, long) for n in range(turn, turn + 4)]
        if turn:
            items[1] |= {
                "Description": raw(f"{HOSTILE} changed"),
                "Status": raw("Queued"),
                "os_version": raw(HOSTILE * 2),
            }
        world.serve(name, region, cluster, items)


_kept: dict[str, dict[str, Any]] = {}


@pytest.fixture
def world(
    team: Team, alice: User, simulated: Any, make_account: Callable[..., CloudAccount],
    make_source: Callable[..., Source], make_run: Callable[..., SyncRun],
) -> World:  # fmt: skip
    """The team, with what two syncs of a hostile cloud brought."""
    made = populate(team, alice, make_account, make_source, make_run, "aaaero")
    known = set(Image.objects.values_list("id", flat=True))
    Source.objects.update(paused_at=None, paused_reason="")
    for turn in (0, 1):
        serve(simulated, turn)
        for source in made.sources:
            made.rows["run"].append(synced(source))
    made.images += list(Image.objects.exclude(id__in=known).filter(name__contains=MARK))
    assert {image.source.kind for image in made.images if image.id not in known} == {name for name, *_ in LISTINGS}
    return made


def synced(source: Source) -> SyncRun:
    """Complete; at the second try where nothing of what was there is listed any more, which is not believed at once."""
    for _ in range(2):
        source.refresh_from_db()
        queued = start_run(source, "command")
        assert queued is not None
        run = run_sync(queued, patience_seconds=5)
        assert run is not None and run.state in ("complete", "suspect"), (source.kind, run and run.error)
        if run.state == "complete":
            return run
    raise AssertionError(run.error)


@pytest.fixture
def client(world: World, as_user: Callable[[User], Client]) -> Client:
    return as_user(world.admin)


def test_every_page_fragment_and_file_shows_it_and_is_inert(world: World, client: Client) -> None:
    shown = set()
    for name, url in addresses(world):
        for headers in ({}, HTMX):
            answer = client.get(url, headers=headers)
            assert answer.status_code in (200, 302, 405), (url, answer.status_code)
            text = text_of(answer)
            kind = answer.get("Content-Type", "").partition(";")[0]
            shown |= {name} if MARK in text else set()
            if kind == "text/html":
                assert "\x00" not in text and not MARKUP.search(text), url
            elif kind == "text/csv":
                cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
                assert not [c for c in cells if FORMULA.match(c) and not re.fullmatch(r"-?[\d.]+", c)], url
            elif kind == "application/atom+xml":
                titles = [found.text or "" for found in ElementTree.fromstring(text).iter(f"{ATOM}title")]
                assert not any(map(TURNING.search, titles)) and not MARKUP.search(text), url
    assert shown >= {"image_list", "image_detail", "image_export", "change_list", "change_atom", "run_detail"}


def test_the_changes_that_it_brought_are_told_too(world: World) -> None:
    kinds = set(ImageChange.objects.filter(run__in=world.rows["run"][-4:]).values_list("kind", flat=True))
    assert {"added", "changed", "missing"} <= kinds


@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_an_export_holds_it_cut(world: World, client: Client, form: str) -> None:
    text = text_of(client.get(f"/t/{world.team.slug}/images/export.{form}"))
    assert "\x00" not in text and "\ufffd" in text
    assert 500 < max(map(len, re.findall("名+", text)), default=0) < 1_000, "cut, as docs/export.md says"
    if form != "csv":
        rows = json.loads(text) if form == "json" else [json.loads(line) for line in text.split("\n") if line]
        assert len(rows if isinstance(rows, list) else rows["images"]) > 12


def test_what_is_searched_and_filtered_by_it_answers(world: World, client: Client) -> None:
    for text in (HOSTILE.replace("\ud800\udc00", "").replace("\udfff", ""), CONTROLS[6:20], "\x00", "名名名"):
        for name in ("q", "distribution", "region", "label", "os_version"):
            answer = client.get(f"/t/{world.team.slug}/images/", {name: text}, follow=True)
            assert answer.status_code == 200 and not MARKUP.search(answer.content.decode())
