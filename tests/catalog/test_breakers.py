"""A cloud in trouble: its sources are left alone for a growing time, one run finds out, people always get through."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import CloudAccount
from catalog import actions
from catalog.breakers import PROBE_TIME
from catalog.models import Breaker, Source, SyncRun
from catalog.runs import queue_due_sources, request_sync, start_run
from catalog.sync import run_queued, run_sync
from catalog.templatetags.when import moment
from tests.clouds import credentials
from tests.waiting import at_once

pytestmark = pytest.mark.django_db

OPERATION = "DescribeSelfImages"


@pytest.fixture
def account(simulated, make_account) -> CloudAccount:
    return make_account()


@pytest.fixture
def source(make_source, account) -> Source:
    return make_source("alibaba_ens_self", account)


@pytest.fixture
def other(make_source, account) -> Source:
    """Of the same account, product and region."""
    return make_source("alibaba_ens_public", account)


def attempt(source: Source, state: str = "failed", trigger: str = "schedule") -> SyncRun:
    run = run_sync(start_run(source, trigger), patience_seconds=0)
    assert run and run.state == state
    return run


def break_down(simulated, *sources: Source) -> Breaker:
    """Runs of these fail, in turn, until the breaker opens."""
    simulated.fail(vendor="alibaba", status=503, times=0)
    for number in range(3):
        attempt(sources[number % len(sources)])
    return Breaker.objects.get(open_until__isnull=False)


def minutes_open(breaker: Breaker) -> float:
    breaker.refresh_from_db()
    return (breaker.open_until - timezone.now()) / timedelta(minutes=1)


def its_time_has_come() -> None:
    Breaker.objects.update(open_until=Now() - timedelta(seconds=1))


def make_due() -> None:
    Source.objects.update(next_sync_at=Now() - timedelta(minutes=1))


def queued() -> list[SyncRun]:
    return [SyncRun.objects.get(id=run_id) for run_id in queue_due_sources()]


def test_three_runs_in_a_row_open_it_and_its_sources_are_not_queued(simulated, source, other):
    simulated.fail(vendor="alibaba", status=503, times=0)
    attempt(source), attempt(other)
    assert Breaker.objects.get().open_until is None
    attempt(source)
    breaker = Breaker.objects.get()
    assert 4.4 < minutes_open(breaker) < 5.6
    assert (breaker.product, breaker.region, breaker.failures) == ("ENS", "cn-hangzhou", 3)
    assert (breaker.error["kind"], breaker.cloud_account_id) == ("unavailable", source.cloud_account_id)
    make_due()
    assert queued() == []


@pytest.mark.parametrize(
    "fault",
    [{"throttle": True}, {"status": 500}, {"reset": True}],
    ids=["throttled", "unavailable", "unreachable"],
)
def test_each_kind_of_trouble_counts(simulated, source, fault):
    simulated.fail(operation=OPERATION, times=0, **fault)
    for _ in range(3):
        attempt(source)
    assert Breaker.objects.get().open_until


def test_one_source_of_several_with_trouble_of_its_own_holds_nobody_back(simulated, source, other):
    simulated.fail(operation=OPERATION, status=503, times=0)
    for _ in range(5):
        attempt(source)
    assert Breaker.objects.get().open_until is None
    make_due()
    assert {run.source_id for run in queued()} == {source.id, other.id}


def test_other_places_and_accounts_are_not_held_back(simulated, source, make_source, make_account, account):
    break_down(simulated, source)
    make_source("alibaba_ehpc_custom", account)
    make_source("alibaba_ens_self", account, region="cn-shanghai")
    make_source("alibaba_ens_self", make_account(name="Another"))
    make_due()
    assert len(queued()) == 3


@pytest.mark.parametrize("answer", ["complete", "NoPermission"])
def test_an_answer_between_them_begins_the_count_anew(simulated, source, answer):
    fault = {"vendor": "alibaba", "status": 503, "times": 0}
    simulated.fail(**fault)
    attempt(source), attempt(source)
    simulated.heal()
    if answer == "complete":
        attempt(source, "complete")
    else:
        simulated.fail(operation=OPERATION, code=answer, times=1)
        attempt(source)
    assert not Breaker.objects.exists()
    simulated.fail(**fault)
    attempt(source), attempt(source)
    assert Breaker.objects.get().open_until is None


def test_one_run_finds_out_and_an_answer_lets_everybody_go_on(
    simulated, source, other, django_capture_on_commit_callbacks
):
    break_down(simulated, source, other)
    its_time_has_come(), make_due()
    (probe,) = queued()
    assert queued() == [], "nobody else is sent while it finds out"
    simulated.heal()
    with django_capture_on_commit_callbacks() as told:
        run_queued(probe.id)
    assert told and not Breaker.objects.exists()
    make_due()
    assert len(queued()) == 2


def test_a_probe_that_fails_opens_it_for_longer_up_to_an_hour(simulated, source, other):
    breaker = break_down(simulated, source, other)
    for minutes in (10, 20, 40, 60, 60, 60):
        its_time_has_come()
        (probe,) = queued()
        run_sync(probe, patience_seconds=0)
        assert 0.89 * minutes < minutes_open(breaker) <= min(60, 1.11 * minutes)


def test_a_probe_that_was_lost_is_replaced(simulated, source, other):
    breaker = break_down(simulated, source, other)
    its_time_has_come()
    (lost,) = queued()
    assert minutes_open(breaker) <= PROBE_TIME / timedelta(minutes=1)
    SyncRun.objects.filter(id=lost.id).update(state="abandoned")
    its_time_has_come()
    (probe,) = queued()
    simulated.heal()
    assert run_sync(probe, 0).state == "complete" and not Breaker.objects.exists()


def test_an_odd_answer_to_the_probe_is_no_sign_that_it_passed(simulated, source, other):
    breaker = break_down(simulated, source, other)
    simulated.heal()
    simulated.fail(vendor="alibaba", html=True, times=0)
    its_time_has_come()
    (probe,) = queued()
    assert run_sync(probe, 0).error["kind"] == "malformed"
    assert minutes_open(breaker) > 9 * 0.9


def test_a_cloud_that_says_when_is_not_asked_before_but_within_the_hour(simulated, source):
    simulated.fail(operation=OPERATION, throttle=30 * 60 * 1000, times=3)
    for _ in range(3):
        attempt(source)
    assert 29 < minutes_open(Breaker.objects.get()) <= 30
    simulated.fail(operation=OPERATION, throttle=9 * 24 * 3600 * 1000, times=1)
    its_time_has_come()
    run_sync(queued()[0], 0)
    assert 59 < minutes_open(Breaker.objects.get()) <= 60
    source.refresh_from_db()
    assert source.next_sync_at < timezone.now() + timedelta(hours=24, minutes=1)


def test_what_was_queued_before_is_taken_back_and_stays_due(simulated, source, other, make_source, account):
    third = make_source("alibaba_ens_self", account, narrowing={"n": "1"})
    waiting = start_run(third, "schedule")
    Source.objects.filter(id=third.id).update(next_sync_at=Now() + timedelta(hours=1))
    break_down(simulated, source, other)
    simulated.clear()
    run_queued(waiting.id)
    third.refresh_from_db()
    assert not SyncRun.objects.filter(source=third).exists() and third.next_sync_at <= timezone.now()
    assert simulated.requests() == []


@pytest.mark.parametrize("first", ["nothing", "schedule"])
def test_a_person_always_gets_through(simulated, source, other, alice, first):
    waiting = start_run(source, "schedule") if first == "schedule" else None
    simulated.fail(vendor="alibaba", status=503, times=0)
    for number in range(3):
        attempt(other if waiting else [source, other][number % 2])
    Breaker.objects.update(open_until=Now() + timedelta(minutes=5))
    simulated.heal()
    run = request_sync(source, alice)
    assert (run.trigger, run.requested_by) == ("person", alice.email)
    run_queued(run.id)
    run.refresh_from_db()
    assert run.state == "complete" and not Breaker.objects.exists(), "and tells that it passed"


def test_a_persons_run_that_fails_makes_nobody_wait_longer(simulated, source, other, alice):
    breaker = break_down(simulated, source, other)
    until = breaker.open_until
    attempt(source, trigger="person")
    breaker.refresh_from_db()
    assert (breaker.open_until, breaker.openings) == (until, 1)


def test_another_credential_begins_anew(simulated, source, other, alice):
    break_down(simulated, source, other)
    actions.replace_credential(source.team, alice, source.cloud_account, credentials.ALIBABA.as_json())
    assert not Breaker.objects.exists()


def test_it_goes_with_its_cloud_account(simulated, source, other, alice):
    break_down(simulated, source, other)
    actions.delete_cloud_account(source.team, alice, source.cloud_account, "archive")
    assert not Breaker.objects.exists()


def test_what_bootshelf_itself_lacks_is_no_trouble_of_the_cloud(settings, source, monkeypatch):
    settings.SIMULATOR_URL = ""
    for _ in range(4):
        attempt(source)
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    monkeypatch.setattr("catalog.connections.pace_of", lambda *ids: lambda *place: None)
    for _ in range(4):
        assert attempt(source).error["code"] == "TooManyWaiting"
    assert not Breaker.objects.exists()


# On the pages


def page(client, path="/t/aero/sources/", **extra) -> str:
    return " ".join(client.get(path, **extra).content.decode().split())


def test_the_pages_say_where_since_when_and_when_it_is_tried_again(simulated, source, other, as_user, eve, bob):
    breaker = break_down(simulated, source, other)
    Breaker.objects.update(since=Now() - timedelta(hours=30))
    make_due()
    breaker.refresh_from_db()
    for path in ("/t/aero/sources/", f"/t/aero/sources/{other.id}/"):
        shown = page(as_user(eve), path)
        assert "Alibaba Cloud ENS in cn-hangzhou is in trouble" in shown and "Cloud trouble" in shown
        assert f"{timezone.localtime(breaker.since):%Y-%m-%d %H:%M}</time>" in shown
        assert moment(breaker.open_until) in shown and "Try now" in shown
        assert "due now" not in shown and "every 2s" not in shown and "Nobody is syncing" not in shown
        assert "Try now" not in page(as_user(bob), path) and "is in trouble" in page(as_user(bob), path)
        assert "2 sources of" in page(as_user(bob), path)


def test_a_source_that_only_waits_says_so(simulated, source, other, as_user, bob, make_source, account):
    break_down(simulated, source, other)
    make_source("alibaba_ens_self", account, narrowing={"n": "1"}, last_complete_at=timezone.now())
    assert "Waiting for the cloud" in page(as_user(bob))


def test_try_now_syncs_the_one_that_waited_longest(simulated, source, other, as_user, eve):
    break_down(simulated, source, other)
    Source.objects.filter(id=other.id).update(next_sync_at=Now() - timedelta(minutes=9))
    client = as_user(eve)
    assert (
        f'action="/t/aero/sources/{other.id}/sync/"'
        in page(client).partition("is in trouble")[2].partition("Try now")[0]
    )
    client.post(f"/t/aero/sources/{other.id}/sync/")
    assert SyncRun.objects.get(state="queued").trigger == "person"
    assert "trying again now" in page(client)


def test_nobody_waits_for_it_for_ever_unnoticed(simulated, source, other, as_user, bob):
    break_down(simulated, source, other)
    Breaker.objects.update(open_until=Now() - timedelta(minutes=6))
    assert "Nobody is syncing." in page(as_user(bob))


def test_another_team_sees_nothing_of_it(
    simulated, source, other, as_user, charlie, other_team, make_account, make_source
):
    break_down(simulated, source, other)
    make_source("alibaba_ens_self", make_account(team=other_team, name="Theirs"))
    assert "is in trouble" not in page(as_user(charlie), "/t/umbra/sources/")


# Many at once


@pytest.mark.django_db(transaction=True)
def test_many_runs_that_fail_at_once_open_it_once(simulated, make_source, account):
    sources = [make_source("alibaba_ens_self", account, narrowing={"n": str(number)}) for number in range(6)]
    simulated.fail(vendor="alibaba", status=503, times=0)
    runs = [start_run(source, "schedule") for source in sources]
    ended = at_once(*[lambda run=run: run_sync(run, 0) for run in runs])
    assert [run.error["kind"] for run in ended] == ["unavailable"] * 6
    breaker = Breaker.objects.get()
    assert (breaker.failures, breaker.openings, len(breaker.sources)) == (6, 1, 6)


@pytest.mark.django_db(transaction=True)
def test_beats_at_once_send_one_probe(simulated, source, other):
    break_down(simulated, source, other)
    its_time_has_come(), make_due()
    found = at_once(*[queue_due_sources] * 4)
    assert sum(len(ids) for ids in found) == SyncRun.objects.filter(state="queued").count() == 1
    assert Breaker.objects.get().probe == SyncRun.objects.get(state="queued").id


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_trouble_at_once_harm_nobody(simulated, source, other):
    breaker = break_down(simulated, source, other)
    simulated.heal()
    simulated.fail(operation=OPERATION, status=503, times=0)
    runs = [start_run(source, "person"), start_run(other, "person")]
    ended = at_once(*[lambda run=run: run_sync(run, 0) for run in runs])
    assert [run.state for run in ended] == ["failed", "complete"]
    assert not Breaker.objects.filter(id=breaker.id).exists()
    assert not Breaker.objects.filter(open_until__isnull=False).exists()
