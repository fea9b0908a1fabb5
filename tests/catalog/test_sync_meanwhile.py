"""What others may do while a listing is applied."""

import pytest
from django.db import connection, transaction

from catalog.locks import SourceBusy, lock_source
from catalog.models import Image, Source
from tests.catalog.test_sync import sync
from tests.waiting import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(simulated, make_source) -> Source:
    source = make_source("alibaba_ens_self")
    sync(source)
    return source


def test_who_writes_the_images_of_a_source_that_is_being_applied_hears_so(source, monkeypatch):
    heard = []

    def try_to_write(applied):
        def write():
            try:
                with transaction.atomic():
                    lock_source(source.id, timeout=0.05)
            except SourceBusy:
                heard.append("busy")

        at_once(write)

    monkeypatch.setattr("catalog.applying.close_seen", try_to_write)
    sync(source)
    assert heard == ["busy"]


def test_the_shelf_can_be_read_while_a_listing_is_applied(source, monkeypatch):
    read = []

    def read_meanwhile(applied):
        read.extend(at_once(lambda: Image.objects.filter(team_id=source.team_id).count()))

    monkeypatch.setattr("catalog.applying.close_seen", read_meanwhile)
    sync(source)
    assert read == [120]


@pytest.fixture
def check_in_the_end():
    """A constraint of images that is checked at the end of a transaction, and keeps what state the run is in then."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE TABLE checked (state text);
            CREATE FUNCTION check_image() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO checked SELECT state FROM catalog_syncrun WHERE source_id = NEW.source_id; RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER check_in_the_end AFTER INSERT ON catalog_image
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_image()""")
        yield
        cursor.execute("DROP FUNCTION check_image CASCADE; DROP TABLE checked")


def test_the_heartbeat_waits_for_no_check_of_what_was_written(simulated, make_source, check_in_the_end):
    """The run and its source are written last: from there on who writes them too, the heartbeat and the beat, waits."""
    sync(make_source("alibaba_ens_self"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, count(*) FROM checked GROUP BY state")
        assert cursor.fetchall() == [("applying", 120)]
