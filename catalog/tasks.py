"""What Celery runs: doors of three lines. A message carries ids only; the database says if there is anything to do."""

from uuid import UUID

from celery import shared_task
from django.conf import settings

from accounts import sessions
from catalog import (
    actions,
    batch_sending,
    connection_tests,
    pulses,
    registration,
    removal,
    request_mails,
    retention,
    runs,
    shelving,
    sync,
)


@shared_task
def sync_source(run_id: str) -> None:
    sync.run_queued(UUID(run_id))


@shared_task
def queue_due_sources() -> None:
    runs.queue_due_sources()


@shared_task
def reconcile() -> None:
    runs.reconcile()


@shared_task
def register_image(registration_id: str) -> None:
    registration.register(UUID(registration_id), settings.SYNC_PATIENCE_SECONDS)


@shared_task
def register_batch(batch_id: str) -> None:
    batch_sending.send_next(UUID(batch_id), settings.SYNC_PATIENCE_SECONDS)


@shared_task
def remove_image(removal_id: str) -> None:
    removal.remove(UUID(removal_id), settings.SYNC_PATIENCE_SECONDS)


@shared_task
def settle_registrations() -> None:
    registration.settle()
    removal.settle()
    if shelving.make_due():
        runs.queue_due_sources()
    batch_sending.reconcile()


@shared_task
def mail_requests() -> None:
    request_mails.send_due()


@shared_task
def test_connection(test_id: str) -> None:
    connection_tests.run_test(UUID(test_id))


@shared_task
def finish_removals() -> None:
    actions.finish_removals()
    actions.finish_teams()


@shared_task
def retire() -> None:
    retention.archive_missing()
    retention.prune_changes()
    retention.prune_runs()


@shared_task
def tidy() -> None:
    actions.purge_drafts()
    actions.purge_passwords()
    actions.purge_batch_drafts()
    actions.expire_requests()
    connection_tests.end_stale_tests()
    actions.finish_removals()
    actions.finish_teams()
    pulses.forget_pulses()
    sessions.forget_over()
