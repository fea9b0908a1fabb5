"""Real workers, killed before, during and after the call: each call is sent once, and ends in the truth."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

from accounts.models import SealedSecret, Team, User
from catalog import actions, registration, removal, tasks
from catalog.models import Image
from catalog.queueing import send as queue
from catalog.sync import sync_now
from tests.catalog.registration.asked import CONTAINER, LISTING, REGION, VM, age, listed, settle, settle_all
from tests.waiting import wait_until
from tests.workers import Worker, kill

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("simulated"),
]

GIVEN_UP = 6 * 60  # seconds, after which nobody thinks that a worker is still at it
OPERATIONS = ["AddImage", "RemoveImage"]


@dataclass
class Sent:
    """One call that waits to be sent, and what the cloud would have of it."""

    operation: str
    task: str
    row: Any
    cloud: Any

    def queue(self) -> None:
        assert queue(self.task, self.row.id)

    def calls(self) -> int:
        return len(self.cloud.requests(self.operation))

    @property
    def state(self) -> str:
        self.row.refresh_from_db()
        return str(self.row.state)

    def is_listed(self) -> bool:
        """Whether the cloud has the image."""
        return listed(self.cloud) == 1


@pytest.fixture
def make(ask: Any, send: Any, cloud: Any, team: Team, alice: User) -> Callable[[str], Sent]:
    def prepare(operation: str) -> Sent:
        cloud.serve(listing=LISTING, region=REGION, items=[])
        if operation == "AddImage":
            return Sent(operation, registration.TASK, ask(CONTAINER), cloud)
        image = Image.objects.select_related("source__cloud_account").get(id=send(VM).image_id)
        assert sync_now(image.source, "test", 10).state == "complete"
        return Sent(operation, removal.TASK, actions.create_removal(team, alice, image, queue=False), cloud)

    return prepare


@contextmanager
def held(sql: str, parameters: tuple[Any, ...] = ()) -> Iterator[None]:
    """Another connection holds the lock that this statement takes; whoever waits for it goes with its worker."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(sql, parameters)
            yield
            # A host that died takes its connections along: PostgreSQL would go on with the statement they wait in.
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
            )
            cursor.execute("ROLLBACK")
    finally:
        other.close()


def is_blocked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return cursor.fetchone() is not None


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_before_it_was_taken_it_is_sent_by_another(
    make: Callable[[str], Sent], operation: str, start_worker: Callable[..., Worker]
) -> None:
    sent = make(operation)
    worker = start_worker()
    with held(f"SELECT FROM {sent.row._meta.db_table} WHERE id = %s FOR UPDATE", (sent.row.id,)):
        sent.queue()
        wait_until(is_blocked)
        kill(worker)
    assert (sent.state, sent.calls()) == ("pending", 0), "its message is lost with the worker"
    start_worker()
    tasks.settle_registrations()
    assert sent.state == "pending", "a fresh one has its message"
    age(sent.row, "created_at", 60)
    tasks.settle_registrations()
    wait_until(lambda: sent.state not in ("pending", "sending"))
    assert (sent.state, sent.calls(), sent.is_listed()) == ("succeeded", 1, operation == "AddImage")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_between_taking_and_calling_it_is_found_not_to_have_happened(
    make: Callable[[str], Sent], operation: str, start_worker: Callable[..., Worker], team: Team, alice: User, send: Any
) -> None:
    sent = make(operation)
    worker = start_worker()
    with held("LOCK TABLE accounts_sealedsecret IN ACCESS EXCLUSIVE MODE"):
        sent.queue()
        wait_until(is_blocked)
        kill(worker)
    assert (sent.state, sent.calls()) == ("sending", 0)
    another = start_worker()
    sent.queue()  # a message that came twice
    tasks.settle_registrations()
    assert sent.state == "sending", "its worker may still be at it"
    age(sent.row, "sent_at", GIVEN_UP)
    tasks.settle_registrations()
    assert sent.state == "unknown" and sent.row.error["code"] == "Interrupted"
    settle_all(sent.row)
    kill(another)
    assert sent.calls() == 0 and sent.is_listed() == (operation == "RemoveImage")
    if operation == "RemoveImage":
        assert (sent.state, sent.row.error["code"]) == ("rejected", "StillListed")
        return
    assert sent.state == "unknown" and not SealedSecret.sealed.filter(row=sent.row.id).exists()
    actions.deny_registration(team, alice, sent.row)
    assert sent.state == "rejected"
    assert send(CONTAINER).state == "succeeded" and sent.calls() == 1


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("applied", [True, False], ids=["it happened", "it did not"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_during_the_call_the_cloud_is_asked_what_became_of_it(
    make: Callable[[str], Sent],
    operation: str,
    applied: bool,
    pool: str,
    start_worker: Callable[..., Worker],
    cloud: Any,
) -> None:
    sent = make(operation)
    cloud.fail(operation=operation, apply=applied, delay=120.0, reset=True)
    worker = start_worker(pool)
    sent.queue()
    wait_until(lambda: sent.calls() == 1)
    kill(worker)
    assert sent.state == "sending"
    cloud.heal()
    another = start_worker(pool)
    sent.queue()
    age(sent.row, "sent_at", GIVEN_UP)
    tasks.settle_registrations()
    assert sent.state == "unknown"
    settle_all(sent.row)
    kill(another)
    happened = sent.is_listed() == (operation == "AddImage")
    assert (sent.calls(), happened) == (1, applied)
    not_so = "unknown" if operation == "AddImage" else "rejected"  # an admin decides; the cloud still lists it
    assert sent.state == ("succeeded" if applied else not_so)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_after_the_call_the_answer_is_lost_and_the_truth_found(
    make: Callable[[str], Sent], operation: str, start_worker: Callable[..., Worker], cloud: Any
) -> None:
    """The worker has the cloud's answer, and dies before it is committed."""
    sent = make(operation)
    cloud.fail(operation=operation, delay=1.0)
    worker = start_worker()
    sent.queue()
    wait_until(lambda: sent.calls() == 1)
    with held(f"SELECT FROM {sent.row._meta.db_table} WHERE id = %s FOR UPDATE", (sent.row.id,)):
        wait_until(is_blocked)
        kill(worker)
    assert sent.state == "sending", "what it would have written is undone"
    another = start_worker()
    sent.queue()
    age(sent.row, "sent_at", GIVEN_UP)
    tasks.settle_registrations()
    assert sent.state == "unknown"
    settle(sent.row)
    kill(another)
    assert (sent.state, sent.calls(), sent.row.lookups) == ("succeeded", 1, 1)
    assert sent.is_listed() == (operation == "AddImage")
    image = sent.row.image
    assert sync_now(image.source, "test", 10).state == "complete"
    image.refresh_from_db()
    assert sent.state == "seen" and (image.missing_since is None) == (operation == "AddImage")
