"""The beat's clock: what it sends where nobody takes it, and after it was set back."""

from datetime import timedelta

import pytest
from django.conf import settings

from catalog.beat import MOST_WAITING, QUEUE, Scheduler
from config.celery import app


@pytest.fixture
def broker():
    """Empty, before and after; its client."""
    with app.connection_for_write() as connection:
        client = connection.default_channel.client
        client.delete(QUEUE)
        yield client
        client.delete(QUEUE)


@pytest.fixture
def beat(tmp_path, transactional_db):
    scheduler = Scheduler(app=app, schedule_filename=str(tmp_path / "schedule"))
    yield scheduler
    scheduler.close()


def make_due(beat) -> None:
    for entry in beat.schedule.values():
        entry.last_run_at -= timedelta(hours=1)
    beat._heap = None


def tick_all(beat) -> None:
    while not beat.tick():
        pass


def test_it_sends_what_is_due_into_a_queue_of_its_own(beat, broker):
    tick_all(beat)
    assert not broker.llen(QUEUE)
    make_due(beat)
    tick_all(beat)
    assert broker.llen(QUEUE) == len(settings.CELERY_BEAT_SCHEDULE)


def test_what_nobody_takes_does_not_pile_up(beat, broker, caplog):
    for _ in range(MOST_WAITING + 3):
        make_due(beat)
        tick_all(beat)
    assert broker.llen(QUEUE) == MOST_WAITING * len(settings.CELERY_BEAT_SCHEDULE)
    assert "wait for a worker" in caplog.text
    broker.delete(QUEUE)
    make_due(beat)
    tick_all(beat)
    assert broker.llen(QUEUE) == len(settings.CELERY_BEAT_SCHEDULE)


def test_no_message_has_a_time_after_which_it_is_void(beat, broker):
    make_due(beat)
    tick_all(beat)
    assert all(b'"expires": null' in message for message in broker.lrange(QUEUE, 0, -1))


def test_a_clock_that_was_set_back_keeps_nothing_waiting(beat, broker):
    """All of them, not only what is due soonest."""
    for number, entry in enumerate(beat.schedule.values()):
        entry.last_run_at += timedelta(hours=1 + number)
    beat.tick()
    now = next(iter(beat.schedule.values())).default_now()
    assert all(entry.last_run_at <= now for entry in beat.schedule.values())
    assert all(event.time <= now.timestamp() + 600 for event in beat._heap)
