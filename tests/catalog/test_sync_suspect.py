"""A complete listing that loses too much is suspect: not believed until it comes twice or an admin says so."""

import pytest

from accounts.models import AuditEvent
from catalog.models import Image, Source, SyncRun
from catalog.runs import accepted_before, keep_shelf
from catalog.sync import accept_suspect, run_sync, start_run
from tests.catalog.test_sync import counts, put_placeholder, shelf, sync

PAGED = {"listing": "alibaba_ens_self", "region": "cn-hangzhou"}


@pytest.fixture
def source(simulated, make_source) -> Source:
    source = make_source("alibaba_ens_self")
    sync(source)
    return source


def lose(simulated, count: int) -> None:
    present = Image.objects.filter(missing_since=None).order_by("key")
    simulated.remove(**PAGED, ids=list(present.values_list("remote_id", flat=True)[:count]))


def test_a_listing_that_loses_everything_is_suspect(source, simulated):
    before, seen = shelf(source), source.last_complete_at
    simulated.serve(**PAGED, items=[])
    run = sync(source)
    assert (run.state, counts(run)) == ("suspect", (0, 0, 0, 0, 0))
    assert shelf(source) == before and source.last_complete_at == seen
    assert (run.error["code"], run.error["lost"], run.error["present"]) == ("SuspectListing", 120, 120)
    assert run.finished_at and run.lease_until is None
    first = Image.objects.order_by("name_key", "id")[:50]
    assert run.error["images"] == [{"id": str(image.id), "name": image.name} for image in first]
    assert source.last_error is None and source.failures == 0


def test_losing_the_only_image_is_losing_everything(simulated, make_source):
    source = make_source("alibaba_ens_self")
    simulated.serve(**PAGED, items=[{"ImageId": "m-only", "ImageName": "only"}])
    sync(source)
    simulated.serve(**PAGED, items=[])
    assert sync(source).state == "suspect"


@pytest.mark.parametrize(("lost", "state"), [(36, "complete"), (37, "suspect")])
def test_losing_more_than_thirty_in_a_hundred_is_suspect(source, simulated, lost, state):
    lose(simulated, lost)
    assert sync(source).state == state


@pytest.mark.parametrize(("lost", "state"), [(20, "complete"), (21, "suspect")])
def test_losing_twenty_is_not_suspect_however_few_there_are(simulated, make_source, lost, state):
    source = make_source("alibaba_ens_self")
    simulated.serve(**PAGED, items=[{"ImageId": f"m-{n}", "ImageName": f"image {n}"} for n in range(30)])
    sync(source)
    lose(simulated, lost)
    assert sync(source).state == state


def test_two_equal_suspect_listings_are_believed(source, simulated):
    lose(simulated, 60)
    assert sync(source).state == "suspect"
    run = sync(source)
    assert (run.state, run.missing) == ("complete", 60)
    assert Image.objects.exclude(missing_since=None).count() == 60


def test_a_failure_between_two_equal_ones_says_nothing(source, simulated):
    lose(simulated, 60)
    sync(source)
    simulated.fail(operation="DescribeSelfImages", status=500, times=0)
    assert run_sync(start_run(source, "command"), 0).state == "failed"
    simulated.heal()
    assert sync(source).state == "complete"


def test_two_different_suspect_listings_are_not(source, simulated):
    lose(simulated, 60)
    sync(source)
    simulated.mutate(**PAGED, add=1)
    assert sync(source).state == "suspect"
    assert sync(source).state == "complete"


def test_a_change_of_an_image_makes_no_other_listing(source, simulated):
    lose(simulated, 60)
    sync(source)
    simulated.mutate(**PAGED, change=50)
    assert sync(source).state == "complete"


def test_images_that_come_back_leave_nothing_suspect(source, simulated):
    documents = [image.document_row.document for image in Image.objects.select_related("document_row")]
    lose(simulated, 60)
    sync(source)
    simulated.serve(**PAGED, items=documents)
    assert counts(sync(source)) == (120, 0, 0, 0, 0)
    lose(simulated, 60)
    assert sync(source).state == "suspect"


def test_an_admin_accepts_a_suspect_listing(source, simulated, alice):
    lose(simulated, 60)
    suspect = sync(source)
    queued = accept_suspect(suspect, alice)
    assert (queued.state, queued.trigger, queued.requested_by) == ("queued", "person", alice.email)
    assert AuditEvent.objects.filter(action="listing.accepted", target_id=source.id, actor=alice.email).count() == 1
    assert (run_sync(queued, 5).state, Image.objects.exclude(missing_since=None).count()) == ("complete", 60)


def test_what_an_admin_accepted_is_one_listing_not_any(source, simulated, alice):
    lose(simulated, 60)
    queued = accept_suspect(sync(source), alice)
    lose(simulated, 100)
    assert run_sync(queued, 5).state == "suspect"


def test_a_run_that_goes_on_is_told_what_an_admin_accepted(source, simulated, alice):
    lose(simulated, 60)
    suspect = sync(source)
    going_on = start_run(source, "schedule")
    assert accept_suspect(suspect, alice).id == going_on.id
    assert run_sync(going_on, 5).state == "complete"


def test_what_a_later_listing_settled_is_not_accepted_any_more(source, simulated, alice):
    lose(simulated, 60)
    suspect = sync(source)
    assert sync(source).state == "complete"
    assert accept_suspect(suspect, alice) is None
    assert not AuditEvent.objects.exists() and SyncRun.objects.count() == 3


def test_a_suspect_run_remembers_who_accepted_it_and_what_followed(source, simulated, alice):
    lose(simulated, 60)
    suspect = sync(source)
    queued = accept_suspect(suspect, alice)
    suspect.refresh_from_db()
    assert (suspect.error["accepted_by"], suspect.error["accepted_run"]) == (alice.email, str(queued.id))
    assert suspect.accepted_at and accepted_before(queued) == suspect and accepted_before(suspect) is None


def test_only_a_suspect_run_is_accepted(source, alice):
    assert accept_suspect(sync(source), alice) is None
    assert not AuditEvent.objects.exists()


def test_what_an_admin_kept_is_not_believed_however_often_it_comes(source, simulated, alice):
    lose(simulated, 60)
    assert keep_shelf(sync(source), alice)
    before = shelf(source)
    for _ in range(3):
        run = sync(source)
        assert (run.state, run.error["kept_by"]) == ("suspect", alice.email)
    assert shelf(source) == before
    (event,) = AuditEvent.objects.filter(action="listing.refused")
    assert (event.actor, event.target_id) == (alice.email, source.id)
    assert run_sync(accept_suspect(run, alice), 5).state == "complete", "an admin may think better of it"


def test_another_listing_after_one_that_was_kept_is_judged_anew(source, simulated, alice):
    lose(simulated, 60)
    keep_shelf(sync(source), alice)
    lose(simulated, 80)
    assert "kept_by" not in sync(source).error
    assert sync(source).state == "complete"


def test_only_the_last_word_is_kept_and_once(source, simulated, alice):
    lose(simulated, 60)
    first = sync(source)
    assert keep_shelf(first, alice) and not keep_shelf(first, alice)
    lose(simulated, 80)
    sync(source)
    assert not keep_shelf(first, alice) and AuditEvent.objects.count() == 1
    assert not keep_shelf(sync(source), alice), "this one was believed"


def test_an_image_that_was_only_registered_is_no_loss(simulated, make_source):
    source = make_source("alibaba_ens_self")
    put_placeholder(source, "m-not-listed-yet")
    simulated.serve(**PAGED, items=[])
    run = sync(source)
    assert (run.state, run.missing) == ("complete", 1)


def test_missing_images_are_no_loss_again(source, simulated):
    lose(simulated, 36)
    assert sync(source).state == "complete"
    lose(simulated, 25)
    assert sync(source).state == "complete"
