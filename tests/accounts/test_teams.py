"""Teams made and renamed by people: who may, what an address is made of, what the trail keeps."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import AuditEvent, Membership, Team, User
from tests.conftest import make_user

pytestmark = [pytest.mark.access, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def admin(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


def make(client: Client, name: str, slug: str = "") -> int:
    return client.post("/teams/add/", {"name": name, "slug": slug}).status_code


def test_who_administers_a_team_makes_another(admin: Client, alice: User):
    assert "/teams/add/" in admin.get("/t/aero/team/").content.decode()
    answer = admin.post("/teams/add/", {"name": " Aero Edge ", "slug": ""})
    team = Team.objects.get(slug="aero-edge")
    assert answer.url == "/t/aero-edge/team/" and team.name == "Aero Edge"
    assert Membership.objects.get(team=team).role == "admin"
    row = AuditEvent.objects.get()
    assert (row.action, row.team, row.changes) == (
        "team.created", team.id, {"slug": "aero-edge", "admin": "alice@example.org"}
    )  # fmt: skip
    switcher = admin.get("/t/aero-edge/images/").content.decode()
    assert "/t/aero/images/" in switcher and "Aero HPC" in switcher


def test_others_do_where_the_setting_opens_it(eve: User, as_user: Callable[[User], Client], settings):
    stranger = as_user(make_user("new@example.org", ""))
    assert (make(as_user(eve), "Eve's"), make(stranger, "Mine")) == (403, 403) and Team.objects.count() == 1
    assert "/teams/add/" not in stranger.get("/").content.decode()
    settings.TEAMS_OPEN = True
    assert "/teams/add/" in stranger.get("/").content.decode()
    assert (make(as_user(eve), "Eve's"), make(stranger, "Mine")) == (302, 302)
    assert Client().post("/teams/add/", {"name": "x"}).url.startswith("/account/login/")


def test_who_runs_this_bootshelf_may(db: None, as_user: Callable[[User], Client]):
    root = User.objects.create_superuser("root@example.org")
    assert make(as_user(root), "First") == 302


@pytest.mark.parametrize("name", ["Aero HPC", "云计算", "---", "<script>", "a" * 100, "'; DROP TABLE teams", "‮evil"])
def test_any_name_makes_an_address(admin: Client, name: str):
    if not name.isprintable():
        assert make(admin, name) == 422
        return
    for _ in range(3):
        assert make(admin, name) == 302
    slugs = list(Team.objects.values_list("slug", flat=True))
    assert len(set(slugs)) == 4 and all(0 < len(slug) <= 40 for slug in slugs)
    assert {admin.get(f"/t/{slug}/team/").status_code for slug in slugs} == {200}


@pytest.mark.parametrize(
    ("name", "slug", "told"),
    [
        ("", "", "required"),
        ("   ", "", "required"),
        ("a" * 101, "", "at most 100"),
        ("a\tb", "", "control"),
        ("a\x00b", "", "Null"),
        ("Aero", "aero", "There is a team aero already."),
        ("Aero", "a b", "Letters, digits"),
        ("Aero", "a" * 41, "at most 40"),
        ("Aero", "../x", "Letters, digits"),
    ],
)
def test_what_makes_no_team_is_told_in_words(admin: Client, name: str, slug: str, told: str):
    answer = admin.post("/teams/add/", {"name": name, "slug": slug})
    assert answer.status_code == 422 and told in answer.content.decode()
    assert Team.objects.count() == 1 and not AuditEvent.objects.exists()


def test_making_teams_without_end_is_stopped(admin: Client):
    assert [make(admin, f"Team {n}") for n in range(21)] == [302] * 20 + [422]


def test_a_team_is_renamed_and_keeps_its_address(admin: Client, team: Team):
    answer = admin.post("/t/aero/team/rename/", {"name": "Aero & Söhne"})
    assert answer.url == "/t/aero/team/" and Team.objects.get(slug="aero").name == "Aero & Söhne"
    row = AuditEvent.objects.get()
    assert (row.action, row.changes) == ("team.renamed", {"name": ["Aero HPC", "Aero & Söhne"]})
    admin.post("/t/aero/team/rename/", {"name": "Aero & Söhne"})
    assert AuditEvent.objects.count() == 1, "the same again is no change"
    for name in ("", " ", "a" * 101, "a\nb"):
        assert admin.post("/t/aero/team/rename/", {"name": name}).status_code == 422
