"""Workers that die, double or are given up on: AddImage is sent once, and the truth comes out."""

import logging
import threading
import time
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.models import SealedSecret
from catalog import actions, registration, tasks
from catalog.models import Registration
from catalog.registration_spec import validate_spec
from tests.catalog.registration.asked import CANARY, CONTAINER, REGION, VM, age, sent, settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


# The worker dies


def test_sending_is_committed_before_the_call(ask, cloud):
    """Another connection sees it while the cloud has not answered yet."""
    cloud.fail(operation="AddImage", delay=1.5)
    made = ask(VM)
    worker = threading.Thread(target=in_thread, args=(made,))
    worker.start()
    deadline = time.monotonic() + 10
    while not sent(cloud) and time.monotonic() < deadline:
        time.sleep(0.02)
    made.refresh_from_db()
    assert made.state == "sending" and made.sent_at
    worker.join()
    made.refresh_from_db()
    assert made.state == "succeeded"


def in_thread(made: Registration) -> None:
    try:
        tasks.register_image(str(made.id))
    finally:
        connection.close()


def test_a_registration_taken_twice_is_sent_once(ask, cloud):
    made = ask(VM)
    cloud.fail(operation="AddImage", delay=0.3)
    workers = [threading.Thread(target=in_thread, args=(made,)) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(sent(cloud)) == 1 and Registration.objects.get().state == "succeeded"


def test_two_equal_requests_at_the_same_moment_make_one_registration(account, alice):
    """As by a double click."""
    spec, _ = validate_spec(VM)
    made, refused, start = [], [], threading.Barrier(4)

    def ask_at_once() -> None:
        try:
            start.wait()
            made.append(actions.create_registration(account.team, alice, account, REGION, spec, None, queue=False))
        except actions.ActionError as error:
            refused.append(error)
        finally:
            connection.close()

    people = [threading.Thread(target=ask_at_once) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert (len(made), len(refused), Registration.objects.count()) == (1, 3, 1)


def test_a_message_that_was_lost_is_sent_again_by_the_reconciler(ask, monkeypatch):
    told = []
    monkeypatch.setattr("catalog.writes.send", lambda task, row_id: told.append((task, row_id)))
    made = ask(VM)
    tasks.settle_registrations()
    assert told == [], "a fresh one has its message"
    age(made, "created_at", 60)
    tasks.settle_registrations()
    assert told == [("catalog.tasks.register_image", made.id)]


def test_a_worker_killed_while_sending_leaves_an_unknown_outcome(ask, cloud):
    made = ask(CONTAINER)
    Registration.objects.update(state="sending", sent_at=Now())
    tasks.settle_registrations()
    made.refresh_from_db()
    assert made.state == "sending", "its worker may still be at it"
    age(made, "sent_at", 6 * 60)
    tasks.settle_registrations()
    made.refresh_from_db()
    assert (made.state, made.error["code"]) == ("unknown", "Interrupted") and made.next_lookup_at
    assert not SealedSecret.sealed.filter(row=made.id).exists() and not sent(cloud)


def test_a_worker_that_was_given_up_on_still_writes_down_the_truth(ask, cloud, monkeypatch):
    made = ask(VM)
    real = registration.providers.add_image

    def slow(*args: Any) -> Any:
        answer = real(*args)
        age(made, "sent_at", 6 * 60)
        registration.settle()
        assert Registration.objects.get(id=made.id).state == "unknown"
        return answer

    monkeypatch.setattr("catalog.registration.providers.add_image", slow)
    tasks.register_image(str(made.id))
    made.refresh_from_db()
    assert (made.state, made.next_lookup_at, made.error) == ("succeeded", None, None) and made.image


def test_an_unforeseen_exception_leaves_an_unknown_outcome_and_its_text_nowhere(ask, monkeypatch, caplog):
    made = ask(CONTAINER)

    def burst(*args: Any) -> Any:
        raise ValueError(f"in the middle of {CANARY}")

    monkeypatch.setattr("catalog.registration.providers.add_image", burst)
    with caplog.at_level(logging.DEBUG):
        tasks.register_image(str(made.id))
    made.refresh_from_db()
    assert (made.state, made.error["code"]) == ("unknown", "Interrupted")
    assert "interrupted by ValueError" in caplog.text and CANARY not in caplog.text


def test_ctrl_c_while_sending_leaves_an_unknown_outcome_and_ends_the_process(ask, monkeypatch):
    made = ask(VM)

    def interrupted(*args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("catalog.registration.providers.add_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        registration.register(made.id, 1)
    made.refresh_from_db()
    assert made.state == "unknown"


def test_a_registration_that_is_gone_is_no_error(ask):
    made = ask(VM)
    Registration.objects.all().delete()
    tasks.register_image(str(made.id))


def test_an_account_deleted_before_sending_rejects_what_waits(ask, account, alice, cloud):
    made = ask(CONTAINER)
    actions.delete_cloud_account(account.team, alice, account, "archive")
    made.refresh_from_db()
    assert (made.state, made.error["code"], made.account_name) == ("rejected", "AccountDeleted", "prod")
    assert not SealedSecret.sealed.exists()
    tasks.register_image(str(made.id))
    assert not sent(cloud)


def test_an_account_deleted_while_the_outcome_is_unknown_ends_the_lookups(send, account, alice, cloud):
    cloud.fail(operation="AddImage", apply=True, reset=True)
    made = send(VM)
    actions.delete_cloud_account(account.team, alice, account, "archive")
    before = len(cloud.requests("ListImages"))
    assert settle(made).state == "unknown" and len(cloud.requests("ListImages")) == before
