"""How a run that fails tells so, on itself and on its source, and what becomes of the source."""

import logging
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import CloudAccount, SealedSecret
from accounts.secrets import forget
from catalog.actions import replace_credential
from catalog.connections import TABLE
from catalog.leases import give_back, take
from catalog.models import Image, Source
from catalog.providers import list_pages
from catalog.rows import values
from catalog.sync import run_sync, start_run
from tests.catalog.test_sync import shelf, sync
from tests.clouds import credentials

OPERATION = "DescribeSelfImages"


@pytest.fixture
def source(simulated, make_source) -> Source:
    return make_source("alibaba_ens_self", every_minutes=60)


def fail(source):
    run = run_sync(start_run(source, "schedule"), patience_seconds=0)
    source.refresh_from_db()
    assert run.state == "failed" and run.finished_at and run.lease_until is None
    return run


def test_a_failure_says_operation_code_message_and_request(source, simulated):
    simulated.fail(operation=OPERATION, code="CallInterface", times=0)
    run = fail(source)
    assert (run.error["operation"], run.error["code"], run.error["kind"]) == (OPERATION, "CallInterface", "unavailable")
    assert run.error["message"] == "Call Interface Happen Error." and run.error["request_id"]
    assert {name: source.last_error[name] for name in run.error} == run.error
    assert source.last_error["at"].startswith(str(timezone.now().year))


@pytest.mark.parametrize(
    ("credential", "kind"),
    [
        (credentials.ALIBABA_INACTIVE, "authentication"),
        (credentials.ALIBABA_EXPIRED, "authentication"),
        (credentials.ALIBABA_DENIED, "permission"),
        (credentials.ALIBABA_IN_DEBT, "billing"),
    ],
    ids=lambda value: getattr(value, "key", value),
)
def test_what_does_not_pass_by_itself_pauses_the_source(simulated, make_account, make_source, credential, kind):
    source = make_source("alibaba_ens_self", make_account("alibaba", credential=credential.as_json()))
    fail(source)
    assert source.paused_at and (source.paused_reason, source.last_error["kind"]) == (kind, kind)


def test_a_pause_for_an_error_is_over_when_a_sync_works(source, simulated):
    simulated.fail(operation=OPERATION, code="NoPermission", times=1)
    fail(source)
    assert source.paused_reason == "permission"
    sync(source)
    assert (source.paused_at, source.paused_reason) == (None, "")


@pytest.mark.parametrize("clock", [0, -1, 1], ids=["", "by a clock that is slow", "by a clock that is fast"])
def test_a_credential_replaced_while_the_old_one_was_refused_pauses_nothing(
    source, simulated, alice, monkeypatch, clock
):
    def replace(*words):
        replace_credential(source.team, alice, source.cloud_account, credentials.ALIBABA.as_json())
        SealedSecret.sealed.update(sealed_at=timezone.now() + timedelta(hours=clock))
        return list_pages(*words)

    simulated.fail(operation=OPERATION, code="InvalidAccessKeyId.NotFound", times=2)
    monkeypatch.setattr("catalog.sync.list_pages", replace)
    run = fail(source)
    assert run.error["kind"] == "authentication" and source.paused_at is None
    monkeypatch.undo()
    fail(source)
    assert source.paused_reason == "authentication"


def test_a_second_attempt_that_finds_another_credential_is_judged_by_that(source, simulated, alice):
    run = start_run(source, "schedule")
    lost = take(run.id)
    replace_credential(source.team, alice, source.cloud_account, credentials.ALIBABA_DENIED.as_json())
    give_back(lost)
    assert run_sync(run, patience_seconds=0).error["kind"] == "permission"
    source.refresh_from_db()
    assert source.paused_reason == "permission"


def test_an_admins_pause_outlives_a_sync_by_hand(source, simulated):
    Source.objects.update(paused_at=timezone.now(), paused_reason="admin")
    sync(source)
    assert source.paused_at and source.paused_reason == "admin"
    simulated.fail(operation=OPERATION, code="NoPermission", times=1)
    fail(source)
    assert source.paused_reason == "admin"


def test_trouble_that_passes_is_tried_again_sooner_and_later_and_later(source, simulated):
    simulated.fail(operation=OPERATION, status=503, times=0)
    waits = []
    for _ in range(8):
        fail(source)
        assert source.paused_at is None
        waits.append((source.next_sync_at - timezone.now()) / timedelta(minutes=1))
    assert source.failures == 8
    for wait, minutes in zip(waits, [2, 4, 8, 16, 32, 60, 60, 60], strict=True):
        assert 0.89 * minutes < wait < 1.11 * minutes
    simulated.heal()
    assert sync(source).state == "complete" and source.failures == 0


def test_a_cloud_that_says_when_is_not_asked_before(source, simulated):
    simulated.fail(operation=OPERATION, throttle=45 * 60 * 1000, times=0)
    fail(source)
    assert source.last_error["kind"] == "throttled"
    assert source.next_sync_at - timezone.now() > timedelta(minutes=44)


def test_a_credential_that_does_not_open_is_one_clear_error(source):
    forget(source.team_id, TABLE, source.cloud_account_id)
    run = fail(source)
    assert run.error["code"] == "CredentialUnreadable" and source.paused_reason == "authentication"


def test_a_source_without_its_cloud_account_fails_and_is_not_blamed(source):
    CloudAccount.objects.all().delete()
    run = fail(source)
    assert run.error["code"] == "SourceRemoved" and source.failures == 0


def test_a_source_taken_down_while_it_is_listed_keeps_its_images(source, monkeypatch):
    sync(source)
    before = shelf(source)

    def take_down(*words):
        Source.objects.update(archived_at=timezone.now())

    monkeypatch.setattr("catalog.sync.show", take_down)
    run = fail(source)
    assert run.error["code"] == "SourceRemoved" and shelf(source) == before
    assert source.failures == 0 and start_run(source, "person") is None


def test_a_fault_of_our_own_is_told_without_what_it_said(source, monkeypatch, caplog):
    secret = "LTAI-planted-secret"

    def explode(*words):
        raise RuntimeError(f"refused: https://ens/?AccessKeyId={secret}")

    monkeypatch.setattr("catalog.sync.list_pages", explode)
    with caplog.at_level(logging.DEBUG):
        run = fail(source)
    assert (run.error["code"], run.error["kind"]) == ("Internal", "internal")
    assert secret not in caplog.text and secret not in str(run.error)
    assert "RuntimeError" in caplog.text and "explode" in caplog.text


def test_an_interrupted_sync_says_so_and_blames_nobody(source, monkeypatch):
    def interrupt(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr("catalog.sync.list_pages", interrupt)
    queued = start_run(source, "command")
    with pytest.raises(KeyboardInterrupt):
        run_sync(queued)
    queued.refresh_from_db()
    source.refresh_from_db()
    assert (queued.state, queued.error["code"], source.failures) == ("failed", "Interrupted", 0)


def test_a_worker_that_is_told_to_stop_gives_its_run_back(source, monkeypatch):
    def stop(*words):
        raise SystemExit

    monkeypatch.setattr("catalog.sync.list_pages", stop)
    queued = start_run(source, "schedule")
    with pytest.raises(SystemExit):
        run_sync(queued)
    queued.refresh_from_db()
    assert (queued.state, queued.attempt) == ("queued", 2)


def test_a_missing_keyset_is_said_and_blames_no_source(source, monkeypatch):
    monkeypatch.delenv("BOOTSHELF_KEYSET")
    run = fail(source)
    assert run.error["code"] == "KeysetMissing" and "BOOTSHELF_KEYSET is not set" in run.error["message"]
    assert source.failures == 0


@pytest.mark.django_db(transaction=True)
def test_what_the_database_refuses_fails_the_run(source, monkeypatch):
    monkeypatch.setattr("catalog.staging.values", lambda image: (*values(image)[:-1], "no array"))
    run = fail(source)
    assert run.error["code"] == "Database" and not Image.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_sync_is_not_run_within_a_transaction(source):
    queued = start_run(source, "command")
    with transaction.atomic(), pytest.raises(RuntimeError):
        run_sync(queued)


def test_a_run_leaves_no_table_behind(source):
    sync(source)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'sync\\_%'")
        assert cursor.fetchone()[0] == 0
