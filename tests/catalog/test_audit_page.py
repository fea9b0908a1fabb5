"""The audit trail's page and its export: what is told, by what it is found, and how much the database is asked."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from accounts.models import AuditEvent, Membership, Team, User
from catalog.audit_words import ACTIONS, NAMES
from catalog.list_filter import SIZE

pytestmark = pytest.mark.django_db

PAGE = "/t/aero/team/audit/"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def record(team: Team, actor: Any, action: str, target: str = "", at: datetime = NOON, **changes: Any) -> None:
    """A row of another time: nothing may change one later."""
    AuditEvent._meta.get_field("at").auto_now_add = False
    try:
        email = actor.email if isinstance(actor, User) else actor
        AuditEvent.objects.create(team=team.id, actor=email, action=action, target=target, changes=changes, at=at)
    finally:
        AuditEvent._meta.get_field("at").auto_now_add = True


@pytest.fixture
def admin(as_user: Any, alice: User) -> Client:
    return as_user(alice)


@pytest.fixture
def some(team: Team, other_team: Team, alice: User, eve: User) -> None:
    record(team, alice, "source.paused", "ens cn-hangzhou")
    record(team, eve, "image.noted", "solver 云", NOON - timedelta(days=1), note=["old", "new"])
    record(team, "sync", "registration.seen", "solver 7.2", NOON - timedelta(days=2), state="seen")
    record(
        team, alice, "cloud_account.updated", "production", NOON - timedelta(days=3), site=["china", "international"]
    )
    record(other_team, "stranger@example.org", "source.paused", "ens cn-hangzhou")


def listed(client: Client, query: str = "") -> list[str]:
    """The sentences on the page, in their order."""
    answer = client.get(f"{PAGE}?{query}", follow=True)
    assert answer.status_code == 200
    return re.findall(r'<td class="what"><span class="main">([^<]*)</span>', answer.content.decode())


PAUSED, NOTED = "Paused a source", "Changed the note of an image"
SEEN, CHANGED = "Saw a registered image in a sync", "Changed a cloud account"


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", [PAUSED, NOTED, SEEN, CHANGED]),
        ("actor=alice@example.org", [PAUSED, CHANGED]),
        ("actor=alice@example.org,sync", [PAUSED, SEEN, CHANGED]),
        ("actor=nobody@example.org", []),
        ("action=image.noted", [NOTED]),
        ("action=IMAGE.noted&action=registration.seen", [NOTED, SEEN]),
        ("action=image.noted&actor=sync", []),
        ("q=SOLVER", [NOTED, SEEN]),
        ("q=云", [NOTED]),
        ("q=7.2+solver", [SEEN]),
        ("q=%25", []),
        ("from=2026-11-19", [PAUSED, NOTED]),
        ("to=2026-11-18", [SEEN, CHANGED]),
        ("from=2026-11-20&to=2026-11-19", [PAUSED, NOTED]),
        ("day=2026-11-18", [SEEN]),
    ],
)
def test_it_is_found_by(some: None, admin: Client, query: str, rows: list[str]) -> None:
    assert listed(admin, query) == rows


def test_what_was_before_and_what_is_now_are_told(some: None, admin: Client) -> None:
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", admin.get(PAGE).content.decode()))
    assert "Note : old → became new" in shown
    assert "Site : china → became international" in shown and "stranger@example.org" not in shown


def test_an_address_that_says_what_it_does_not_know_is_told(some: None, admin: Client) -> None:
    answer = admin.get(f"{PAGE}?action=thing.done&color=red&from=yesterday").content.decode()
    for told in ("There is no action “thing.done”.", "There is no filter “color”.", "“yesterday” is not a day"):
        assert told in answer


@pytest.mark.parametrize("cursor", ["x", "o1-1", "o99999999999999999-" + "f" * 32, "n0-" + "0" * 32, "o0-" + "f" * 32])
def test_a_place_that_is_none_shows_the_newest(some: None, admin: Client, cursor: str) -> None:
    assert listed(admin, f"page={cursor}") == [PAUSED, NOTED, SEEN, CHANGED]


def test_the_pages_hold_each_row_once_there_and_back(team: Team, admin: Client) -> None:
    for n in range(2 * SIZE + 7):
        record(team, "test", "source.paused", f"source {n}", NOON - timedelta(seconds=n // 3))
    there: list[list[str]] = []
    url = PAGE
    while url:
        page = admin.get(url).content.decode()
        there.append(re.findall(r"source (\d+)</bdi>", page))
        url = next(
            (PAGE + link.replace("&amp;", "&") for link in re.findall(r'href="[^"?]*(\?[^"]*)" rel="next"', page)), ""
        )
    rows = [row for page in there for row in page]
    assert [len(page) for page in there] == [SIZE, SIZE, 7] and len({*rows}) == 2 * SIZE + 7
    back = re.search(r'href="[^"?]*(\?[^"]*)" rel="prev"', page)
    assert back and re.findall(r"source (\d+)</bdi>", admin.get(PAGE + back[1]).content.decode()) == there[1]


def test_only_admins_look(some: None, as_user: Any, eve: User, bob: User, charlie: User) -> None:
    for path in (PAGE, f"{PAGE}export.csv"):
        assert [as_user(user).get(path).status_code for user in (eve, bob, charlie)] == [403, 403, 404]
    assert "Audit trail" not in as_user(eve).get("/t/aero/team/").content.decode()


def test_the_team_page_leads_there(admin: Client) -> None:
    assert f'href="{PAGE}"' in admin.get("/t/aero/team/").content.decode()


def test_a_new_team_reads_that_nothing_was_changed(admin: Client) -> None:
    page = admin.get(PAGE).content.decode()
    assert "Nothing was changed yet" in page and "export" not in page.lower().split("<main")[1]


def test_who_left_the_team_is_found_all_the_same(some: None, admin: Client, eve: User) -> None:
    eve.delete()
    assert 'value="eve@example.org"' in admin.get(PAGE).content.decode()
    assert listed(admin, "actor=eve@example.org") == [NOTED]


HOSTILE = "<img src=x onerror=alert(1)>\u202e=cmd|' /C calc'!A1"


def test_hostile_texts_are_inert(team: Team, admin: Client) -> None:
    record(team, HOSTILE, "image.noted", HOSTILE, **{HOSTILE: [HOSTILE, HOSTILE], "note": HOSTILE * 1000})
    page = admin.get(PAGE).content.decode()
    assert "<img" not in page.split("<main")[1] and "<bdi>&lt;img src=x onerror=alert(1)&gt;" in page
    assert len(page) < 100_000


# The export


def exported(client: Client, form: str, query: str = "") -> bytes:
    answer = client.get(f"{PAGE}export.{form}?{query}")
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_the_export_holds_exactly_the_filter(some: None, admin: Client) -> None:
    for query, actions in (
        ("", ["source.paused", "image.noted", "registration.seen", "cloud_account.updated"]),
        ("q=solver", ["image.noted", "registration.seen"]),
        ("actor=sync", ["registration.seen"]),
        ("actor=nobody", []),
    ):
        assert [row["action"] for row in json.loads(exported(admin, "json", query))] == actions
        assert [json.loads(line)["action"] for line in exported(admin, "ndjson", query).splitlines()] == actions
        table = list(csv.DictReader(io.StringIO(exported(admin, "csv", query).decode())))
        assert [row["action"] for row in table] == actions
    noted = json.loads(exported(admin, "json", "action=image.noted"))[0]
    assert noted == {
        "at": "2026-11-19T12:00:00Z", "actor": "eve@example.org", "action": "image.noted", "target": "solver 云",
        "target_id": None, "changes": {"note": ["old", "new"]},
    }  # fmt: skip


def test_no_cell_is_a_formula(team: Team, admin: Client) -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "＝1"):
        record(team, text, "image.noted", text, note=[text, f"a;{text}"])
    table = list(csv.reader(io.StringIO(exported(admin, "csv").decode(), newline="")))
    assert len(table) == 7
    assert not [
        cell for row in table for cell in row if re.match(r"\s*[=+\-@＝]", cell) or re.search(r";\s*[=+@]", cell)
    ]
    assert exported(admin, "csv", "bom=1").startswith(b"\xef\xbb\xbfat,")


def test_a_filter_that_cannot_be_applied_is_not_left_out_of_an_export(some: None, admin: Client) -> None:
    answer = admin.get(f"{PAGE}export.csv?action=thing.done")
    assert answer.status_code == 400 and f'href="{PAGE}?action=thing.done"' in answer.content.decode()
    assert admin.get(f"{PAGE}export.xml").status_code == 404


def test_a_long_export_has_each_row_once(team: Team, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.export.BATCH", 10)
    for n in range(35):
        record(team, "test", "source.paused", f"source {n}", NOON - timedelta(seconds=n // 4))
    rows = json.loads(exported(admin, "json"))
    assert len({row["target"] for row in rows}) == len(rows) == 35
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)


# How much it asks


@pytest.mark.parametrize("query", ["", "q=solver", "actor=test&action=source.paused&from=2026-11-01"])
def test_it_asks_no_more_of_the_database_for_many_rows(team: Team, admin: Client, query: str) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            admin.get(PAGE if not query else f"{PAGE}?{query}")
        return len(captured)

    record(team, "test", "source.paused", "solver")
    few = asked()
    for n in range(3 * SIZE):
        record(team, f"person {n % 9}", "source.paused", f"solver {n}")
    assert asked() == few <= 7


# The words


def test_every_action_of_the_code_is_said_in_both_languages(used_actions: set[str]) -> None:
    assert used_actions - {*ACTIONS} == set(), "say these in catalog/audit_words.py"
    with translation.override("zh-hans"):
        english = [name for name, words in (*ACTIONS.items(), *NAMES.items()) if str(words).isascii()]
    assert english == []


def test_a_row_of_an_action_nobody_knows_is_shown_as_it_is(team: Team, admin: Client) -> None:
    record(team, "test", "thing.done_by_an_older_version", "it")
    assert listed(admin) == ["thing.done_by_an_older_version"]


@pytest.fixture
def used_actions() -> set[str]:
    """Of the code: the texts that are an action, and those made of a noun and a state."""
    from tests.actions import actions_in_code

    return actions_in_code()


def test_members_of_two_teams_see_each_alone(some: None, other_team: Team, alice: User, admin: Client) -> None:
    Membership.objects.create(team=other_team, user=alice, role="admin")
    page = admin.get("/t/umbra/team/audit/").content.decode()
    assert "stranger@example.org" in page and "eve@example.org" not in page
