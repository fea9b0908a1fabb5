"""A page of Aero is the same, byte by byte, whether or not its twin Umbra has anything."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.models import CloudAccount, Membership, Team, User
from catalog.models import Source, SyncRun
from tests.isolation.world import REGISTERED, World, canonical, populate, queries, url_name
from tests.test_access import addresses as addresses_of

pytestmark = [pytest.mark.access, pytest.mark.django_db]

WORD = "zzumbra"
# What differs from one moment to the next: the forms' tokens, and how long ago something was.
MOMENTARY = re.compile(
    rb'name="csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"|name="token" value="[^"]*"|<time.*?</time>'
    rb"|<updated>[^<]*</updated>|cursor=[\w:.-]+|page=[\w:.-]{20,}|\d+ (?:seconds?|minutes?) ago"
)

PAGES = (
    "audit_export", "audit_list",
    "batch_add", "batch_cancel", "batch_detail", "batch_export", "batch_template", "change_atom", "change_feed",
    "change_list", "cloud_account_add", "cloud_account_delete", "cloud_account_detail", "cloud_account_edit",
    "connection_test", "image_bulk", "image_compare", "image_correct", "image_detail", "image_export", "image_ids",
    "image_list", "image_remove", "label_delete", "label_edit", "label_list", "overview", "registration_absent",
    "registration_add", "registration_detail", "registration_found", "registration_images", "registration_list",
    "registration_withdraw", "run_accept", "run_detail", "run_keep",
    "saved_view_add", "saved_view_delete", "saved_view_list", "saved_view_open", "saved_view_rename",
    "saved_view_save", "source_add", "source_delete", "source_detail", "source_list", "team_detail",
    "member_edit", "member_remove", "team_leave", "team_rename", "team_transfer", "invitation_add",
    "team_delete",
)  # fmt: skip
# What is shown there has the word that tells the twins apart.
LOUD = {
    "audit_export", "audit_list",
    "change_atom", "change_list", "cloud_account_delete", "cloud_account_edit", "image_compare", "image_correct",
    "image_detail", "registration_add", "registration_detail", "run_detail", "saved_view_list", "source_add",
    "source_detail", "source_list", "team_detail", "team_transfer", "member_edit", "member_remove",
}  # fmt: skip
# Tried in test_actions.py.
ONLY_POSTED = {
    "changes_seen", "cloud_account_test", "display_choose", "image_labels", "image_note", "image_star",
    "registration_decide", "registration_look", "removal_look", "saved_view_default", "saved_view_share", "source_edit",
    "source_pause", "source_resume", "source_sync", "batch_review", "invitation_resend", "invitation_revoke",
    "second_factor_choose",
}  # fmt: skip

type Populate = Callable[[Team, User, str], World]


@pytest.fixture
def make_world(
    make_account: Callable[..., CloudAccount], make_source: Callable[..., Source], make_run: Callable[..., SyncRun]
) -> Populate:
    return lambda team, admin, word: populate(team, admin, make_account, make_source, make_run, word)


@pytest.fixture
def aero(team: Team, other_team: Team, alice: User, make_world: Populate) -> World:
    """Alice is on both teams, and administers Aero."""
    Membership.objects.create(team=other_team, user=alice, role="viewer")
    return make_world(team, alice, "aaaero")


def addresses(world: World) -> Iterator[tuple[str, str]]:
    """(name, address) of every page of the team's with every row of its own."""

    def page(name: str, *ids: Any, **query: Any) -> tuple[str, str]:
        words = f"?{urlencode(query, doseq=True)}" if query else ""
        return name, reverse(url_name(name), args=[world.team.slug, *ids]) + words

    for name in (
        "team_leave", "team_rename", "team_transfer", "invitation_add", "team_delete",
        "team_detail", "overview", "label_list", "saved_view_list", "saved_view_add", "source_list", "source_add",
        "change_list", "change_feed", "cloud_account_add", "registration_list", "registration_add", "batch_add",
        "batch_template", "audit_list",
    ):  # fmt: skip
        yield page(name)
    for form in ("csv", "ndjson"):
        yield page("audit_export", form)
    for key, text in (("actor", world.admin.email), ("action", "image.noted"), ("q", "solver"), ("day", "2026-11-20")):
        yield page("audit_list", **{key: text})
    for query in queries(world):
        yield "image_list", f"{page('image_list')[1]}?{canonical(world, query)}".rstrip("?")
    ids = [image.id for image in world.images]
    for query in ("", "q=solver", "label=gpu", f"source={world.sources[0].id}", "distribution=Plan9"):
        yield "image_export", f"{page('image_export', 'csv')[1]}?{query}"
        for name in ("image_ids", "image_bulk"):
            yield page(name, filter=query)
            yield page(name, image=ids[:2])
    yield page("image_compare", a=ids[0], b=ids[5])
    for image_id in ids:
        yield page("image_detail", image_id)
    yield page("image_correct", ids[2])
    yield page("image_remove", ids[REGISTERED])
    for name in ("registration_found", "registration_absent"):
        yield page(name, world.rows["registration"][3].id)
    yield page("label_edit", label="gpu")
    yield page("label_delete", label="gpu")
    for field, value in (
        ("kind", "changed"),
        ("field", "description"),
        ("source", world.sources[0].id),
        ("image", ids[0]),
    ):
        yield page("change_list", **{field: value})
    for field, value in (("state", "rejected"), ("by", world.admin.email), ("q", "made")):
        yield page("registration_list", **{field: value})
    yield page("registration_images", account=world.account.id, region="cn-hangzhou", q="solver")
    view = world.one("view").id
    for name, rows in (
        ("source_detail", world.sources), ("run_detail", world.rows["run"]), ("saved_view_open", world.rows["view"]),
        ("registration_detail", [*world.rows["registration"], *world.rows["request"]]),
        ("connection_test", world.rows["test"]), ("batch_detail", world.rows["batch"]),
        ("batch_export", world.rows["batch"]), ("batch_cancel", world.rows["batch"]),
        ("cloud_account_detail", [world.account]), ("cloud_account_edit", [world.account]),
        ("cloud_account_delete", [world.account]), ("source_delete", world.sources[:1]),
        ("run_accept", world.rows["run"][-1:]), ("run_keep", world.rows["run"][-1:]),
        ("registration_withdraw", world.rows["request"]),
        ("member_edit", world.rows["member"]), ("member_remove", world.rows["member"]),
    ):  # fmt: skip
        for row in rows:
            yield page(name, row.id)
    for name in ("saved_view_save", "saved_view_rename", "saved_view_delete"):
        yield page(name, view)
    yield "change_atom", reverse("catalog:change_atom", args=[world.token])


def shown(client: Client, world: World, only: str = "") -> dict[str, tuple[int, bytes]]:
    found = {}
    for name, url in addresses(world):
        if only in ("", name):
            answer = client.get(url)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert answer.status_code in (200, 302, 405), (url, answer.status_code)
            found[url] = answer.status_code, MOMENTARY.sub(b"", body)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_the_same_whatever_another_team_has(
    name: str, aero: World, other_team: Team, charlie: User, as_user: Any, make_world: Populate
) -> None:
    client = as_user(aero.admin)
    shown(client, aero, name)  # what a first look writes, as a visit, is written
    before = shown(client, aero, name)
    assert before
    make_world(other_team, charlie, WORD)
    after = shown(client, aero, name)
    assert [url for url in before if before[url] != after[url]] == []
    assert [url for url, (_, body) in after.items() if WORD.encode() in body] == []


def test_the_twin_is_one(aero: World, other_team: Team, charlie: User, as_user: Any, make_world: Populate) -> None:
    """Who looks at Umbra sees the word that is sought, wherever a page shows what a row says."""
    umbra = make_world(other_team, charlie, WORD)
    client = as_user(charlie)
    loud = {name for name in PAGES if any(WORD.encode() in body for _, body in shown(client, umbra, name).values())}
    assert loud >= LOUD


def test_every_page_of_a_team_is_looked_at(aero: World) -> None:
    pages = {
        name.removeprefix("catalog:")
        for name, pattern in addresses_of(get_resolver())
        if "slug:slug" in str(pattern.pattern)
    }
    assert {name for name, _ in addresses(aero)} - {"change_atom"} == set(PAGES) - {"change_atom"}
    assert pages - set(PAGES) == ONLY_POSTED
