"""Every address that takes a POST: what changes something writes exactly one audit row, whatever changes nothing none.

An address that nothing here drives fails the last test: whoever adds one says here how it is used.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.actions import create_team
from accounts.invitations import invite
from accounts.models import AuditEvent, Team, User
from catalog import actions
from catalog.audit_words import ACTIONS as WORDS
from tests import test_access
from tests.canaries.faults import database_refuses
from tests.catalog.batching import as_csv, drafted
from tests.catalog.registering import fields_of
from tests.catalog.registration.asked import VM
from tests.isolation.test_actions import ACTIONS, Doing
from tests.isolation.test_pages import Populate, make_world  # noqa: F401 - a fixture
from tests.isolation.world import World

pytestmark = [pytest.mark.access, pytest.mark.django_db]

# What is told elsewhere or is nobody else's business, and why.
UNTOLD = {
    "catalog:changes_seen": "how far somebody read",
    "catalog:display_choose": "how somebody likes the page",
    "language_choose": "how somebody likes the page",
    "theme_choose": "how somebody likes the page",
    "keys_choose": "how somebody likes the page",
    "mails_choose": "which mails somebody wants",
    "catalog:source_sync": "a run says itself who asked for it",
    "catalog:batch_add": "a draft that only its author sees, until it is confirmed",
}
# A sign-in and what belongs to it are no change of a team.
SIGN_IN = ("account_", "mfa_", "openid_connect_", "session_", "socialaccount_", "your_account")
# Who asks others for a second factor has one: tests/accounts/.
TRIED_ELSEWHERE = {"second_factor_choose"}
# What others read of what is audited, or keep of a session.
NOT_COUNTED = {"AuditEvent", "Session"}


GONE = (AssertionError, LookupError, ObjectDoesNotExist, actions.ActionError)


class Answer(NamedTuple):
    view: str
    status: int
    audited: list[str]
    changed: set[str]


class Watching(Client):
    """Keeps what each POST changed, anywhere in the database, and which audit rows it wrote."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self.force_login(user)
        self.answers: list[Answer] = []

    def post(self, *args: Any, **options: Any) -> Any:
        before, last = everything(), AuditEvent.objects.count()
        response = super().post(*args, **options)
        after = everything()
        changed = {name for name in before if before[name] != after[name]} - NOT_COUNTED
        audited = list(AuditEvent.objects.order_by("id").values_list("action", flat=True)[last:])
        match = response.resolver_match
        self.answers.append(Answer(match.view_name if match else "", response.status_code, audited, changed))
        return response


def everything() -> dict[str, str]:
    """A digest of each table, by its model's name."""
    tables = (
        f"SELECT '{model.__name__}', coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '')"
        f' FROM "{model._meta.db_table}" t'
        for model in apps.get_models()
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(tables))
        return dict(cursor.fetchall())


def check(answers: list[Answer]) -> None:
    for one in answers:
        # Where a form is refused its credential is kept for ten minutes, as a draft.
        told = 1 if one.changed and one.view not in UNTOLD and one.status != 422 else 0
        assert len(one.audited) == told, one
        assert {*one.audited} <= {*WORDS}, "say it in catalog/audit_words.py"


# How each is used


def connect(d: Doing) -> int:
    typed = {"vendor": "alibaba", "name": "another", "site": "china", "regions": "cn-hangzhou", "security_token": "",
             "access_key_id": "LTAI-one-more", "access_key_secret": "secret", "expires_at": ""}  # fmt: skip
    return d.post("cloud_account_add", **typed, save="1")


def try_first(d: Doing) -> int:
    """A draft is made, and its test asked for: one row tells of both."""
    typed = {"vendor": "alibaba", "name": "a draft", "site": "china", "regions": "cn-hangzhou", "security_token": "",
             "access_key_id": "LTAI-one-more", "access_key_secret": "secret", "expires_at": ""}  # fmt: skip
    return d.post("cloud_account_add", **typed, test="1")


def replace(d: Doing) -> int:
    """Another name and another credential, which is tested: all at once."""
    typed = {"name": "other", "site": "china", "regions": "cn-hangzhou", "security_token": "", "expires_at": "",
             "access_key_id": "LTAI-one-more", "access_key_secret": "secret"}  # fmt: skip
    return d.post("cloud_account_edit", d.rows.account.id, **typed)


def register(d: Doing) -> int:
    path = reverse("catalog:registration_add", args=[d.aero.team.slug])
    form = {"type": "vm", "account": d.rows.account.id, "region": "cn-hangzhou", "name": "new", "image_id": "m-1"}
    kept = fields_of(d.client.post(path, form | {"step": "review"}))
    return d.client.post(path, kept | {"step": "send"}).status_code


def upload(d: Doing) -> int:
    file = SimpleUploadedFile("images.csv", as_csv([VM]).encode())
    return d.post("batch_add", account=d.rows.account.id, region="cn-hangzhou", file=file)


def confirm(d: Doing) -> int:
    draft = drafted(d.rows.account, d.aero.admin, [VM, VM | {"name": "another"}])
    return d.post("batch_review", draft.id, count="2")


def make_feed(d: Doing) -> int:
    from catalog.models import ChangeFeed

    return d.post("change_feed", seen=str(ChangeFeed.objects.get(team=d.rows.team).id))


def join(d: Doing) -> int:
    """Whoever is signed in, onto a team that invited them."""
    user = User.objects.get(id=d.client.session["_auth_user_id"])
    boss = User.objects.create(email=f"{uuid4().hex}@example.org")
    team = create_team(uuid4().hex, "Another", "test", admin=boss)
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True})
    _invitation, token = invite(team, boss, user.email, "viewer")
    d.client.get(reverse("invitation_open", args=[token]))
    return d.client.post(reverse("invitation_accept")).status_code


def own(view: str, **fields: str) -> Callable[[Doing], int]:
    return lambda d: d.client.post(reverse(view), fields).status_code


USES: dict[str, Callable[[Doing], int]] = ACTIONS | {
    "connect": connect,
    "test-draft": try_first,
    "replace-credential": replace,
    "register-whole": register,
    "upload-batch": upload,
    "confirm-batch": confirm,
    "replace-feed": make_feed,
    "unshare-view": lambda d: d.post("saved_view_default", d.rows.one("view").id, default="no"),
    "join-team": join,
    "add-team": own("team_add", name="One more"),
    "columns": lambda d: d.post("display_choose", density="compact"),
    "language": own("language_choose", language="zh-hans"),
    "theme": own("theme_choose", theme="dark"),
    "keys": own("keys_choose", keys="off"),
    "mails": own("mails_choose", mails="off"),
}

# What is no change, or is untold.
QUIET = {"columns", "keys", "language", "mails", "register", "seen", "sync", "theme", "upload-batch"}


@pytest.fixture
def world(team: Team, alice: User, make_world: Populate) -> World:  # noqa: F811
    return make_world(team, alice, "aaaero")


@pytest.mark.parametrize("name", USES)
def test_what_changes_something_writes_one_row(name: str, world: World) -> None:
    client = Watching(world.admin)
    assert USES[name](Doing(client, world, world)) in (200, 302)
    check(client.answers)
    assert name == "register" or any(one.changed for one in client.answers), "it is done"


@pytest.mark.parametrize("name", [name for name in USES if name not in QUIET])
def test_without_its_row_nothing_is_changed(name: str, world: World) -> None:
    """They are one transaction: a database that refuses the row refuses the change."""
    client = Watching(world.admin)
    client.raise_request_exception = False
    with database_refuses("accounts_auditevent", f"NEW.actor = '{world.admin.email}'"), suppress(*GONE):
        USES[name](Doing(client, world, world))
    assert 500 in {one.status for one in client.answers}
    assert not [one for one in client.answers if one.changed or one.audited]


@pytest.mark.parametrize("name", USES)
def test_a_second_time_it_writes_one_row_or_none(name: str, world: World) -> None:
    """Clicked twice, or sent again by Back and reload."""
    client = Watching(world.admin)
    doing = Doing(client, world, world)
    for _ in range(2):
        try:
            USES[name](doing)
        except GONE:
            break  # there is nothing left to do it to
    check(client.answers)


@pytest.mark.parametrize("name", USES)
def test_what_is_refused_writes_none(name: str, world: World, other_team: Team, bob: User, charlie: User) -> None:
    for user, statuses in ((bob, (200, 302, 403, 404, 422)), (charlie, (302, 404))):
        client = Watching(user)
        try:
            status = USES[name](Doing(client, world, world))
        except AssertionError:
            status = client.answers[-1].status
        assert status in statuses
        check(client.answers)
        weak = [one for one in client.answers if one.status in (403, 404)]
        assert not [one for one in weak if one.changed or one.audited]


@pytest.mark.parametrize("fields", [{}, {"confirm": "no", "name": "\0", "seen": "x", "digest": "x", "step": "send"}])
def test_what_is_filled_in_wrongly_writes_none(fields: dict[str, str], world: World) -> None:
    client = Watching(world.admin)
    rows = {
        "image": world.images[0], "source": world.sources[0], "run": world.rows["run"][-1], "account": world.account,
        "view": world.one("view"), "registration": world.rows["registration"][3], "request": world.one("request"),
        "batch": world.one("batch"), "test": world.one("test"),
    }  # fmt: skip
    for rule in (*test_access.TEAM_PAGES, *test_access.OWN_PAGES, *test_access.ASKED_PAGES):
        if "POST" in rule.methods and rule.row in ("", *rows):
            client.post(reverse(rule.name, args=[world.team.slug, *rule.arguments(rows)]), fields)
    check(client.answers)
    assert {200, 302, 422} & {one.status for one in client.answers}


def test_every_address_that_takes_a_post_is_driven(world: World) -> None:
    """Whatever the table of tests/test_access.py does not name refuses a POST: that is tried there."""
    posts = {
        rule.name
        for rule in (*test_access.TEAM_PAGES, *test_access.OWN_PAGES, *test_access.ASKED_PAGES)
        if "POST" in rule.methods or rule.name == "catalog:saved_view_delete"
    }
    posts |= {name for name in (*test_access.PUBLIC, *test_access.PERSONAL) if not name.startswith(SIGN_IN)}
    posts -= {"home", "health", "catalog:change_atom", "invitation_open"} | TRIED_ELSEWHERE  # the first take none
    driven: set[str] = set()
    client = Watching(world.admin)
    for use in USES.values():
        with transaction.atomic():
            use(Doing(client, world, world))
            transaction.set_rollback(True)
    driven = {one.view for one in client.answers}
    assert posts - driven == set(), "say in USES how these are used"
    assert driven <= {name for name, _pattern in test_access.addresses(get_resolver())}
