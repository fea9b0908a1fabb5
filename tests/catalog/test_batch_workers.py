"""Batches with real workers: at the cloud's pace, killed in the middle, gone on with by the next, each image once."""

from datetime import UTC, datetime

import pytest

from accounts.models import SealedSecret
from catalog import batch_sending, tasks
from catalog.models import Image, Registration
from catalog.registration import TABLE
from config.celery import app
from tests.catalog.batching import confirmed, containers, states, vms
from tests.catalog.registration.asked import age, sent, settle
from tests.waiting import wait_until
from tests.workers import kill, worker

# Before any message that is on its way.
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


@pytest.fixture
def account(make_account):
    return make_account("alibaba", name="prod")


def waiting(batch) -> int:
    return Registration.objects.filter(batch=batch, state__in=["pending", "sending"]).count()


def names(cloud) -> list[str]:
    return sorted(call["parameters"]["Name"] for call in sent(cloud))


def test_a_confirmed_batch_is_sent_by_the_worker_at_the_clouds_pace(account, alice, simulated):
    rate, n = 5, 30
    with worker(SIMULATOR_URL=simulated.url, PROVIDER_CALLS_PER_SECOND=str(rate)):
        batch = confirmed(account, alice, [*vms(n - 2), *containers(2)])
        wait_until(lambda: not waiting(batch))
    assert states(batch) == ["succeeded"] * n and Image.objects.count() == n
    arrived = sorted(call["at"] for call in sent(simulated))
    assert len(arrived) == n == len(set(names(simulated)))
    for start in arrived:
        assert sum(start <= at < start + 1 for at in arrived) <= 2 * rate
    assert arrived[-1] - arrived[0] >= (n - 2 * rate) / rate, "a second's worth at once, the first of which may be late"
    assert not SealedSecret.sealed.filter(table=TABLE).exists()


@pytest.mark.faults
@pytest.mark.parametrize("apply", [True, False])
def test_a_worker_killed_in_the_middle_of_a_batch_sends_none_twice(account, alice, simulated, start_worker, apply):
    simulated.fail(operation="AddImage", parameters={"Name": "container-4"}, delay=60, reset=True, apply=apply)
    first = start_worker("threads", concurrency=1)
    batch = confirmed(account, alice, containers(8))
    wait_until(lambda: len(sent(simulated)) == 4)
    kill(first)
    simulated.heal()
    (cut,) = Registration.objects.filter(batch=batch, state="sending")
    for one in Registration.objects.filter(batch=batch).exclude(sent_at=None):
        age(one, "sent_at", 6 * 60)
    type(batch).objects.update(confirmed_at=EARLIER)
    start_worker("threads", concurrency=2)
    tasks.settle_registrations()
    wait_until(lambda: not waiting(batch))
    cut.refresh_from_db()
    assert cut.state == "unknown" and settle(cut).state == ("succeeded" if apply else "unknown")
    assert names(simulated) == [f"container-{n}" for n in range(1, 9)], "each once"
    others = Registration.objects.filter(batch=batch).exclude(id=cut.id)
    assert set(others.values_list("state", flat=True)) == {"succeeded"}
    assert not SealedSecret.sealed.filter(table=TABLE).exists()


@pytest.mark.faults
def test_a_broker_that_forgot_its_messages_delays_a_batch_and_loses_nothing(account, alice, simulated):
    batch = confirmed(account, alice, vms(3))
    with app.connection_for_write() as broker:
        assert app.control.purge(connection=broker) >= batch_sending.LANES
    with worker(SIMULATOR_URL=simulated.url):
        assert states(batch) == ["pending"] * 3
        type(batch).objects.update(confirmed_at=EARLIER)
        tasks.settle_registrations()
        wait_until(lambda: not waiting(batch))
    assert names(simulated) == ["image-1", "image-2", "image-3"]
