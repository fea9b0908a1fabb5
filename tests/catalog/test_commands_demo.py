"""load_demo: a team worth looking at, on simulated clouds only, the same after a second start."""

import pytest
from django.test import Client

from accounts.models import AuditEvent, CloudAccount, Membership, Team, User
from catalog import runs
from catalog.management.commands import load_demo
from catalog.models import Image, Source
from catalog.providers import PROVIDERS
from catalog.sync import sync_now
from tests.processes import answer, refused
from tests.running import run_command

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def load(capsys, monkeypatch):
    return lambda *words: run_command(capsys, monkeypatch, "load_demo", *words)


def test_the_demo_lists_every_kind_of_source_on_simulated_accounts(load, simulated):
    assert load().returncode == 0
    assert set(Source.objects.values_list("kind", flat=True)) == set(PROVIDERS)
    assert set(CloudAccount.objects.values_list("vendor", flat=True)) == {"alibaba", "huawei"}
    assert all(account.simulated for account in CloudAccount.objects.all())
    assert all(source.simulated for source in Source.objects.all())
    assert len(runs.queue_due_sources()) == Source.objects.count(), "the worker finds them all due"


def test_every_source_of_the_demo_syncs(load, simulated):
    load()
    for source in Source.objects.all():
        assert sync_now(source, "test", 10).state == "complete", (source.kind, source.region)
    assert set(Image.objects.values_list("source__kind", flat=True)) == set(PROVIDERS)


def test_the_sign_in_it_prints_works_for_every_role(load, simulated):
    told = answer(load("--json"))
    assert told["team"] == "demo"
    for email, _name, role in load_demo.PEOPLE:
        assert Membership.objects.get(user__email=email).role == role
        client = Client()
        client.post("/account/login/", {"login": email, "password": told["password"]})
        assert client.get("/").url == "/t/demo/images/"


def test_it_tells_people_how_to_sign_in(load, simulated):
    told = load().stdout
    assert load_demo.PASSWORD in told and all(email in told for email, _name, _role in load_demo.PEOPLE)


def test_a_second_start_changes_nothing(load, simulated):
    load()
    counts = [model.objects.count() for model in (Team, User, Membership, CloudAccount, Source, AuditEvent)]
    load()
    assert counts == [model.objects.count() for model in (Team, User, Membership, CloudAccount, Source, AuditEvent)]


def test_what_somebody_removed_from_the_demo_stays_removed(load, simulated):
    from catalog import actions

    load()
    team = Team.objects.get()
    actions.delete_source(team, "test", Source.objects.filter(kind="huawei_workspace").first(), "remove")
    left = Source.objects.count()
    load()
    assert Source.objects.count() == left


def test_without_a_simulator_there_is_no_demo(load, settings):
    settings.SIMULATOR_URL = None
    assert "SIMULATOR_URL" in refused(load())
    assert not Team.objects.exists() and not User.objects.exists()
