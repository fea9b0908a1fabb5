"""Every address × everybody: a stranger, an admin of another team, and this team's viewer, editor and admin.

An address that is not in the table fails the last test: whoever adds a page says here who may see it.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.models import ROLE_RANK, Invitation, Team, User
from catalog.models import Batch, ConnectionTest, Registration, SavedView, SyncRun

pytestmark = [pytest.mark.access, pytest.mark.django_db]

SIGN_IN = "/account/login/"


class Rule(NamedTuple):
    """`name` answers `methods` for a member with at least `role`; `row` is what it shows, a key of `rows`, and `words`
    are the rest of its address.
    """

    name: str
    role: str
    methods: str = "GET"
    row: str = ""
    words: tuple[str, ...] = ()

    def arguments(self, rows: dict[str, Any]) -> list[Any]:
        """What its address holds behind the team."""
        return [*self.words, *([rows[self.row].id] if self.row else [])]


TEAM_PAGES = [
    Rule("team_detail", "viewer"),
    Rule("second_factor_choose", "admin", "POST"),
    Rule("team_rename", "admin", "GET POST"),
    Rule("team_transfer", "admin", "GET POST"),
    Rule("catalog:team_delete", "admin", "GET POST"),
    Rule("invitation_add", "admin", "GET POST"),
    Rule("invitation_resend", "admin", "POST", "invitation"),
    Rule("invitation_revoke", "admin", "POST", "invitation"),
    Rule("member_edit", "admin", "GET POST", "member"),
    Rule("member_remove", "admin", "GET POST", "member"),
    Rule("catalog:overview", "viewer"),
    Rule("catalog:audit_list", "admin"),
    Rule("catalog:audit_export", "admin", words=("csv",)),
    Rule("catalog:image_list", "viewer"),
    Rule("catalog:image_export", "viewer", words=("csv",)),
    Rule("catalog:image_bulk", "editor", "GET POST"),
    Rule("catalog:image_ids", "viewer"),
    Rule("catalog:image_detail", "viewer", row="image"),
    Rule("catalog:display_choose", "viewer", "POST"),
    Rule("catalog:saved_view_list", "viewer"),
    Rule("catalog:saved_view_add", "viewer", "GET POST"),
    Rule("catalog:saved_view_open", "viewer", row="view"),
    Rule("catalog:saved_view_share", "editor", "POST", "view"),
    Rule("catalog:saved_view_default", "admin", "POST", "view"),
    Rule("catalog:image_correct", "admin", "GET POST", "image"),
    Rule("catalog:image_remove", "admin", "GET POST", "image"),
    Rule("catalog:removal_look", "admin", "POST", "image"),
    Rule("catalog:image_compare", "viewer"),
    Rule("catalog:image_star", "editor", "POST", "image"),
    Rule("catalog:image_labels", "editor", "POST", "image"),
    Rule("catalog:image_note", "editor", "POST", "image"),
    Rule("catalog:label_list", "viewer"),
    Rule("catalog:label_edit", "editor", "GET POST"),
    Rule("catalog:label_delete", "editor", "GET POST"),
    Rule("catalog:source_list", "viewer"),
    Rule("catalog:source_add", "admin", "GET POST"),
    Rule("catalog:source_detail", "viewer", row="source"),
    Rule("catalog:source_edit", "admin", "POST", "source"),
    Rule("catalog:source_sync", "editor", "POST", "source"),
    Rule("catalog:source_pause", "admin", "POST", "source"),
    Rule("catalog:source_resume", "admin", "POST", "source"),
    Rule("catalog:source_delete", "admin", "GET POST", "source"),
    Rule("catalog:run_detail", "viewer", row="run"),
    Rule("catalog:run_accept", "admin", "GET POST", "run"),
    Rule("catalog:run_keep", "admin", "GET POST", "run"),
    Rule("catalog:change_list", "viewer"),
    Rule("catalog:changes_seen", "viewer", "POST"),
    Rule("catalog:change_feed", "viewer", "GET POST"),
    Rule("catalog:cloud_account_add", "admin", "GET POST"),
    Rule("catalog:cloud_account_detail", "admin", row="account"),
    Rule("catalog:cloud_account_edit", "admin", "GET POST", "account"),
    Rule("catalog:cloud_account_test", "admin", "POST", "account"),
    Rule("catalog:cloud_account_delete", "admin", "GET POST", "account"),
    Rule("catalog:connection_test", "admin", row="test"),
    Rule("catalog:registration_list", "viewer"),
    Rule("catalog:batch_add", "admin", "GET POST"),
    Rule("catalog:batch_template", "admin"),
    Rule("catalog:batch_detail", "viewer", row="batch"),
    Rule("catalog:batch_export", "viewer", row="batch"),
    Rule("catalog:batch_review", "admin", "GET POST", "batch"),
    Rule("catalog:batch_cancel", "admin", "GET POST", "batch"),
    Rule("catalog:registration_add", "editor", "GET POST"),
    Rule("catalog:registration_images", "editor"),
    Rule("catalog:registration_detail", "viewer", row="registration"),
    Rule("catalog:registration_look", "admin", "POST", "registration"),
    Rule("catalog:registration_found", "admin", "GET POST", "registration"),
    Rule("catalog:registration_absent", "admin", "GET POST", "registration"),
    Rule("catalog:registration_decide", "admin", "GET POST", "request"),
    Rule("team_leave", "viewer", "GET POST"),  # and then they are gone
]
# A person's own, whatever their role; of the team's, an editor's or their owner's. Eve's shared one is asked for.
OWN_PAGES = [
    Rule("catalog:saved_view_save", "editor", "POST", "view"),
    Rule("catalog:saved_view_rename", "editor", "GET POST", "view"),
    Rule("catalog:saved_view_delete", "editor", "GET", "view"),
]
# Only who asked, whatever their role is by now.
ASKED_PAGES = [Rule("catalog:registration_withdraw", "viewer", way, "request") for way in ("GET", "POST")]
# Of no team. Who is signed in, in or out of any team, may; and these even who is not.
PERSONAL = [
    "home",
    "team_add",  # whose right it is: tests/accounts/test_teams.py
    "account_logout",
    "account_reauthenticate",
    "account_email",
    "account_change_password",
    "account_set_password",
    "your_account",
    "session_list",
    "mfa_index",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_activate_totp",
    "mfa_generate_recovery_codes",
]
# A person's own, of which they have none yet.
PERSONAL_ROWS: list[tuple[str, list[int]]] = [
    ("mfa_deactivate_totp", []),
    ("mfa_view_recovery_codes", []),
    ("mfa_download_recovery_codes", []),
    ("mfa_edit_webauthn", [1]),
    ("mfa_remove_webauthn", [1]),
]
PUBLIC = [
    "health", "language_choose", "theme_choose", "keys_choose", "mails_choose", "account_login", "account_signup",
    "account_inactive", "account_email_verification_sent", "account_confirm_email", "account_reset_password",
    "account_reset_password_done", "account_reset_password_from_key", "account_reset_password_from_key_done",
    # To sign in: the second factor, a passkey, single sign-on.
    "mfa_authenticate", "mfa_login_webauthn", "openid_connect_login", "openid_connect_callback",
    "socialaccount_login_cancelled", "socialaccount_login_error", "socialaccount_signup",
    "invitation_open", "invitation_accept",  # for whoever has the link: tests/accounts/test_invitations.py
    "catalog:change_atom",  # for whoever has the address: tests/catalog/test_feeds.py
]  # fmt: skip


@pytest.fixture
def rows(
    team: Team, eve: User, bob: User, make_source: Callable[..., Any], make_image: Callable[..., Any]
) -> dict[str, Any]:
    """One row of each kind that an address may name, all of Aero."""
    source = make_source("alibaba_ehpc_registered")
    account = source.cloud_account
    registration = Registration.objects.create(
        team=team, cloud_account=account, account_name=account.name, region="cn-hangzhou", type="vm", name="solver",
        requested_by="alice@example.org",
    )  # fmt: skip
    error = {"operation": "ListImages", "code": "SuspectListing", "message": "m", "request_id": None, "kind": "suspect"}
    return {
        "source": source,
        "account": account,
        "image": make_image(source),
        "run": SyncRun.objects.create(
            team=team, source=source, state="suspect", digest=b"d" * 24, error=error, finished_at=timezone.now()
        ),
        "test": ConnectionTest.objects.create(team=team, cloud_account=account, requested_by="alice@example.org"),
        "registration": registration,
        "batch": Batch.objects.create(
            team=team, cloud_account=account, requested_by="alice@example.org", confirmed_at=timezone.now()
        ),
        "request": Registration.objects.create(
            team=team,
            cloud_account=account,
            account_name=account.name,
            region="cn-hangzhou",
            type="vm",
            name="mesher",
            state="requested",
            requested_by=eve.email,
            requester=eve,
        ),
        "view": SavedView.objects.create(team=team, owner=eve, name="Arm", shared=True),
        "member": bob.memberships.get(),
        "invitation": Invitation.objects.create(
            team=team, email="dora@example.org", role="viewer", digest=b"d", expires_at=timezone.now()
        ),
    }


@pytest.fixture
def people(alice: User, eve: User, bob: User, charlie: User, as_user: Callable[[User], Client]) -> dict[str, Client]:
    """In the order of what they may do, so that who may delete comes last."""
    cast = {"charlie": charlie, "viewer": bob, "editor": eve, "admin": alice}
    return {"stranger": Client()} | {name: as_user(user) for name, user in cast.items()}


CELLS = [
    pytest.param(rule, method, id=f"{rule.name.removeprefix('catalog:')}-{method}")
    for rule in TEAM_PAGES
    for method in rule.methods.split()
]
OWN = [pytest.param(rule, way, id=f"{rule.name[8:]}-{way}") for rule in OWN_PAGES for way in rule.methods.split()]
CHANGES = [cell for cell in CELLS if cell.values[1] == "POST"]


def ask(client: Client, method: str, url: str, htmx: bool = False) -> Any:
    answer = client.generic(method, url, headers={"HX-Request": "true"} if htmx else {})
    assert "no-store" in answer["Cache-Control"], "no browser keeps it"
    return answer


@pytest.mark.parametrize(("rule", "method"), CELLS)
def test_each_address_lets_in_exactly_whom_it_should(rule, method, rows, people):
    ids = rule.arguments(rows)
    url, elsewhere = (reverse(rule.name, args=[slug, *ids]) for slug in ("aero", "umbra"))
    answer = ask(people["stranger"], method, url)
    assert answer.status_code == 302 and answer["Location"].startswith(SIGN_IN), "a stranger signs in first"
    assert ask(people["stranger"], method, url, htmx=True)["HX-Redirect"].startswith(SIGN_IN)
    assert ask(people["charlie"], method, url).status_code == 404, "an admin of another team finds nothing"
    if rule.row:
        answer = ask(people["charlie"], method, elsewhere)
        assert answer.status_code == 404, "nor under the name of his own team"
    for role in ("viewer", "editor", "admin"):
        status = ask(people[role], method, url).status_code
        if ROLE_RANK[role] >= ROLE_RANK[rule.role]:
            assert status in (200, 302, 422), f"{role} is let in"
        else:
            assert status == 403, f"{role} is too weak"


@pytest.mark.parametrize(("rule", "method"), CHANGES)
def test_who_may_not_changes_nothing(rule, method, rows, people, django_assert_max_num_queries):
    ids = rule.arguments(rows)
    url = reverse(rule.name, args=["aero", *ids])
    weak = [name for name in people if ROLE_RANK.get(name, 0) < ROLE_RANK[rule.role]]
    before = snapshot(rows)
    for name in weak:
        # Who they are, and whether they are on the team: nothing is read or written after the access call.
        with django_assert_max_num_queries(3):
            ask(people[name], method, url)
    assert snapshot(rows) == before


def snapshot(rows):
    return {name: type(row).objects.filter(id=row.id).values().get() for name, row in rows.items()}


@pytest.mark.parametrize(("rule", "method"), OWN)
def test_what_is_somebodys_own_lets_in_only_them_and_who_runs_the_team(rule, method, rows, people):
    url, elsewhere = (reverse(rule.name, args=[slug, rows["view"].id]) for slug in ("aero", "umbra"))
    before = snapshot(rows)
    answer = ask(people["stranger"], method, url)
    assert answer.status_code == 302 and answer["Location"].startswith(SIGN_IN)
    assert [ask(people["charlie"], method, there).status_code for there in (url, elsewhere)] == [404, 404]
    assert ask(people["viewer"], method, url).status_code == 403
    assert snapshot(rows) == before
    assert {ask(people[role], method, url).status_code for role in ("editor", "admin")} <= {200, 302, 409, 422}
    rows["view"].shared = False
    rows["view"].save()
    private = [ask(people[role], method, url).status_code for role in ("viewer", "admin")]
    assert private == [404, 404], "what is private nobody else finds"
    for refused in ("PUT", "DELETE", "PATCH"):
        assert ask(people["editor"], refused, url).status_code == 405


@pytest.mark.parametrize("rule", ASKED_PAGES, ids=lambda rule: rule.methods)
def test_a_request_is_withdrawn_by_who_asked_alone(rule, rows, people, eve):
    url, elsewhere = (reverse(rule.name, args=[slug, rows["request"].id]) for slug in ("aero", "umbra"))
    before = snapshot(rows)
    assert ask(people["stranger"], rule.methods, url)["Location"].startswith(SIGN_IN)
    assert [ask(people["charlie"], rule.methods, there).status_code for there in (url, elsewhere)] == [404, 404]
    assert [ask(people[role], rule.methods, url).status_code for role in ("viewer", "admin")] == [403, 403]
    assert snapshot(rows) == before
    for refused in ("PUT", "DELETE", "PATCH"):
        assert ask(people["editor"], refused, url).status_code == 405
    eve.memberships.update(role="viewer")
    assert ask(people["editor"], rule.methods, url).status_code in (200, 302)


@pytest.mark.parametrize(("rule", "method"), CHANGES)
def test_a_post_needs_the_forms_token(rule, method, rows, alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    ids = rule.arguments(rows)
    assert client.post(reverse(rule.name, args=["aero", *ids])).status_code == 403


@pytest.mark.parametrize("rule", TEAM_PAGES, ids=lambda rule: rule.name.removeprefix("catalog:"))
def test_any_other_method_is_refused(rule, rows, people):
    ids = rule.arguments(rows)
    url = reverse(rule.name, args=["aero", *ids])
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - set(rule.methods.split()):
        assert ask(people["admin"], method, url).status_code == 405, method


@pytest.mark.parametrize("name", PERSONAL)
def test_what_is_a_persons_own_needs_a_person(name, people):
    answer = people["stranger"].get(reverse(name))
    assert answer.status_code == 302 and answer["Location"].startswith((SIGN_IN, "/?next", "/account/"))
    assert people["viewer"].get(reverse(name)).status_code in (200, 302, 403)


@pytest.mark.parametrize(("name", "arguments"), PERSONAL_ROWS)
def test_what_a_person_has_not_they_do_not_find(name, arguments, people, alice):
    Authenticator.objects.create(id=1, user=alice, type="webauthn", data={"name": "hers", "credential": {}})
    url = reverse(name, args=arguments)
    assert people["stranger"].get(url).status_code in (302, 404)
    for way in ("get", "post"):
        assert getattr(people["viewer"], way)(url).status_code in (404, 405)
    assert Authenticator.objects.exists()


def test_every_address_is_in_the_table():
    own = {name for name, _arguments in PERSONAL_ROWS}
    listed = {rule.name for rule in (*TEAM_PAGES, *OWN_PAGES, *ASKED_PAGES)} | {*PERSONAL, *PUBLIC} | own
    found = {name for name, _pattern in addresses(get_resolver())}
    assert found - listed == set(), "say who may see these"
    assert listed - found == set(), "these are gone"


def addresses(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for part in resolver.url_patterns:
        if isinstance(part, URLResolver):
            yield from addresses(part, f"{part.namespace}:" if part.namespace else namespace)
        else:
            yield f"{namespace}{part.name}", part
