"""What others may do while a listing is applied."""

import pytest
from django.db import transaction

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
