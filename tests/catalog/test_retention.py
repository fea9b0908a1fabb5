"""Images that stay missing are archived and come back; old changes go."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from catalog import retention
from catalog.models import FacetCount, Image, ImageChange, Source, SyncRun
from catalog.retention import archive_missing, prune_changes, prune_runs
from catalog.sources import RUNS_SHOWN, source_cards
from catalog.tasks import retire
from tests.catalog.test_sync import PAGED, sync

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(simulated, make_source) -> Source:
    """Ten of its images are missing, and one complete listing has said so."""
    source = make_source("alibaba_ens_self")
    sync(source)
    lost = Image.objects.order_by("key")[:10]
    simulated.remove(**PAGED, ids=[image.remote_id for image in lost])
    sync(source)
    assert Image.objects.filter(state="missing").count() == 10
    return source


def days_pass(days: int) -> None:
    """For the missing images, and for every run so far."""
    Image.objects.exclude(missing_since=None).update(missing_since=F("missing_since") - timedelta(days=days))
    times = ("created_at", "started_at", "finished_at")
    SyncRun.objects.update(**{name: F(name) - timedelta(days=days) for name in times})


def test_images_missing_for_ninety_days_and_two_listings_are_archived(source, team):
    days_pass(91)
    assert archive_missing() == 0, "one listing alone has missed them"
    sync(source)
    assert archive_missing() == 10 and Image.objects.filter(state="archived", missing_since=None).count() == 0
    assert Image.objects.count() == 120, "nothing is deleted"
    assert archive_missing() == 0
    (card,) = source_cards(team)
    assert (card.images, card.missing) == (110, 0)
    assert sum(FacetCount.objects.filter(state="archived").values_list("n", flat=True)) == 10


@pytest.mark.parametrize(("days", "setting", "archived"), [(89, 90, 0), (91, 90, 10), (91, 200, 0), (8, 7, 10)])
def test_how_long_is_a_setting(source, settings, days, setting, archived):
    settings.ARCHIVE_MISSING_DAYS = setting
    days_pass(days)
    sync(source)
    assert archive_missing() == archived


def test_an_archived_image_comes_back_as_it_was(source, simulated):
    image = Image.objects.filter(state="missing").order_by("key")[0]
    Image.objects.filter(id=image.id).update(labels=["gold"])
    days_pass(91)
    sync(source)
    archive_missing()
    simulated.add(**PAGED, items=[image.document_row.document])
    run = sync(source)
    image.refresh_from_db()
    assert (run.returned, image.state, image.missing_since, image.labels) == (1, "available", None, ["gold"])


def test_a_sync_leaves_archived_images_alone(source):
    days_pass(91)
    sync(source)
    archive_missing()
    run = sync(source)
    assert (run.missing, run.changed, run.returned) == (0, 0, 0)
    assert Image.objects.filter(state="archived").count() == 10


def test_it_goes_on_where_it_stopped(source, monkeypatch):
    days_pass(91)
    sync(source)
    monkeypatch.setattr(retention, "BATCH_ROWS", 4)
    monkeypatch.setattr(retention, "BUDGET_SECONDS", 0.0)
    assert archive_missing() == 0
    monkeypatch.setattr(retention, "BUDGET_SECONDS", 20.0)
    assert archive_missing() == 10


def test_changes_go_after_a_year_and_not_before(source, other_team, make_account, make_source, make_image, monkeypatch):
    monkeypatch.setattr(retention, "BATCH_ROWS", 3)
    assert ImageChange.objects.filter(kind="missing").count() == 10
    theirs = make_source("alibaba_ens_public", make_account(team=other_team, name="Theirs"))
    image = make_image(theirs)
    ImageChange.objects.create(
        team=other_team, source=theirs, image=image, kind="added", at=Now() - timedelta(days=364)
    )
    old = ImageChange.objects.filter(kind="missing").order_by("id")[:7]
    ImageChange.objects.filter(id__in=list(old.values_list("id", flat=True))).update(at=Now() - timedelta(days=366))
    assert prune_changes() == 7
    assert ImageChange.objects.count() == 4


def test_old_runs_go_when_their_changes_are_gone_and_newer_ones_are_enough(source, make_source, settings):
    settings.KEEP_CHANGES_DAYS = 7
    other = make_source("alibaba_ens_public")
    sync(other)
    days_pass(8)
    assert prune_runs() == 0, "its page shows as many"
    failed = [
        SyncRun.objects.create(team_id=source.team_id, source=source, state="failed", trigger="schedule")
        for _ in range(RUNS_SHOWN)
    ]
    first, second = SyncRun.objects.filter(source=source, state="complete").order_by("created_at")
    assert prune_runs() == 0, "the last two complete ones say what is missing"
    sync(source)
    assert prune_runs() == 1 and not SyncRun.objects.filter(id=first.id).exists(), "it changed nothing"
    sync(source)
    assert prune_runs() == 0 and ImageChange.objects.filter(run=second).count() == 10
    ImageChange.objects.update(at=Now() - timedelta(days=8))
    assert prune_changes() == 10 and prune_runs() == 1
    assert SyncRun.objects.filter(source=source).count() == len(failed) + 2
    assert SyncRun.objects.filter(source=other).count() == 1


def test_the_beat_does_both(source, settings):
    settings.KEEP_CHANGES_DAYS = settings.ARCHIVE_MISSING_DAYS = 7
    days_pass(8)
    ImageChange.objects.update(at=Now() - timedelta(days=8))
    sync(source)
    retire()
    assert not Image.objects.filter(state="missing").exists() and not ImageChange.objects.exists()
    assert Image.objects.filter(state="archived").count() == 10
