"""One sync of one source against the simulated clouds, through the vendors' SDKs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from catalog.completeness import Tally
from catalog.leases import NEXT_SYNC
from catalog.models import FacetCount, Image, ImageChange, ImageDocument, Registration, Source, SyncRun
from catalog.sync import run_sync, start_run

KINDS = (
    "alibaba_ehpc_custom",
    "alibaba_ehpc_container",
    "alibaba_ehpc_registered",
    "alibaba_ens_public",
    "alibaba_ens_self",
    "huawei_workspace",
)
PAGED = {"listing": "alibaba_ens_self", "region": "cn-hangzhou"}  # three pages of fifty


def sync(source: Source, trigger: str = "command") -> SyncRun:
    """A run of this source to its end, and the source as it is then."""
    queued = start_run(source, trigger)
    assert queued is not None
    run = run_sync(queued, patience_seconds=5)
    assert run is not None
    source.refresh_from_db()
    return run


def counts(run: SyncRun) -> tuple[int, int, int, int, int]:
    return run.listed, run.added, run.changed, run.missing, run.returned


def shelf(source: Source) -> list[tuple]:
    """All that is stored of a source's images, with the system columns that move when a row is written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.ctid, i.xmin::text, i.*, d.ctid, d.xmin::text, d.document FROM catalog_image i"
            " JOIN catalog_imagedocument d ON d.image_id = i.id WHERE i.source_id = %s ORDER BY i.key",
            [source.id],
        )
        return cursor.fetchall()


def changes(run: SyncRun) -> list[tuple]:
    return list(ImageChange.objects.filter(run=run).order_by("id").values_list("kind", "field", "before", "after"))


@pytest.fixture
def source(simulated, make_source) -> Source:
    return make_source("alibaba_ens_self")


@pytest.mark.parametrize("kind", KINDS)
def test_it_puts_a_listing_on_the_shelf(simulated, make_source, kind):
    source = make_source(kind)
    run = sync(source)
    assert (run.state, run.error) == ("complete", None)
    assert run.listed == run.added == simulated.size(kind, source.region) == Image.objects.count()
    assert source.last_complete_at and source.failures == 0 and source.last_error is None
    assert ImageDocument.objects.count() == run.listed
    assert not ImageChange.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unchanged_listing_writes_no_row(simulated, make_source, kind):
    source = make_source(kind)
    first = sync(source)
    before, seen = shelf(source), source.last_complete_at
    again = sync(source)
    assert counts(again) == (first.listed, 0, 0, 0, 0) and again.pages == first.pages
    assert shelf(source) == before
    assert source.last_complete_at > seen
    assert Image.objects.all()[0].seen_at(source) == source.last_complete_at


def test_a_run_tells_what_it_did_and_when(source):
    run = sync(source, "schedule")
    assert (run.state, run.pages, run.expected, run.trigger, run.attempt) == ("complete", 3, 120, "schedule", 1)
    assert run.started_at <= run.heartbeat_at <= run.finished_at and run.lease_until is None
    assert source.last_complete_at <= run.finished_at


def test_the_next_sync_comes_after_the_interval_give_or_take_a_tenth(source):
    Source.objects.update(every_minutes=100)
    sync(source)
    assert timedelta(minutes=89) < source.next_sync_at - timezone.now() < timedelta(minutes=111)


def test_no_source_syncs_more_often_than_each_quarter_of_an_hour(source):
    Source.objects.update(every_minutes=15)
    with connection.cursor() as cursor:
        for _ in range(50):
            cursor.execute(f"SELECT {NEXT_SYNC} - clock_timestamp() FROM catalog_source")
            assert timedelta(minutes=14, seconds=59) < cursor.fetchone()[0] < timedelta(minutes=17)


def test_new_images_are_added_and_told(source, simulated):
    sync(source)
    simulated.mutate(**PAGED, add=2)
    run = sync(source)
    assert counts(run) == (122, 2, 0, 0, 0)
    assert changes(run) == [("added", "", None, None)] * 2
    assert Image.objects.filter(first_seen_at=source.last_complete_at).count() == 2


def test_a_changed_image_is_told_field_by_field(source, simulated):
    sync(source)
    image = Image.objects.order_by("name")[0]
    fields = {"Status": "CreateFailed", "ImageSize": "77", "ImageName": image.name + "-Rebuilt"}
    simulated.change(**PAGED, changes={image.remote_id: fields})
    run = sync(source)
    after = Image.objects.get(id=image.id)
    assert counts(run) == (120, 0, 1, 0, 0)
    assert (after.status, after.size_gib, after.name) == ("CreateFailed", 77, image.name + "-Rebuilt")
    assert after.document_row.document["Status"] == "CreateFailed"
    assert {change for change in changes(run) if change[1] != "state"} == {
        ("changed", "name", image.name, image.name + "-Rebuilt"),
        ("changed", "size_gib", str(image.size_gib), "77"),
        ("changed", "status", image.status, "CreateFailed"),
    }
    assert (after.changed_at, after.first_seen_at) == (source.last_complete_at, image.first_seen_at)
    assert "rebuilt" in after.search_text and after.name_key == after.name.lower()


def test_only_the_changed_image_is_written(source, simulated):
    sync(source)
    before = {row[2]: row for row in shelf(source)}
    simulated.change(**PAGED, changes={Image.objects.all()[0].remote_id: {"ImageSize": "77"}})
    sync(source)
    assert sum(row != before[row[2]] for row in shelf(source)) == 1


def test_a_change_without_a_column_is_told_as_one_of_the_document(source, simulated):
    sync(source)
    image = Image.objects.all()[0]
    simulated.change(**PAGED, changes={image.remote_id: {"SomethingNew": 1}})
    run = sync(source)
    assert run.changed == 1 and changes(run) == [("changed", "document", None, None)]


def test_another_order_of_keys_is_no_change(source, simulated):
    sync(source)
    image = Image.objects.all()[0]
    document = image.document_row.document
    simulated.remove(**PAGED, ids=[image.remote_id])
    simulated.add(**PAGED, items=[dict(sorted(document.items(), reverse=True))])
    assert counts(sync(source)) == (120, 0, 0, 0, 0)


def test_a_row_written_anew_for_a_new_mapping_is_no_change(source, monkeypatch):
    sync(source)
    image = Image.objects.order_by("key")[0]
    monkeypatch.setattr("catalog.rows.MAPPING", 10_000)
    run = sync(source)
    again = Image.objects.get(id=image.id)
    assert counts(run) == (120, 0, 0, 0, 0) and not changes(run)
    assert bytes(again.content_hash) != bytes(image.content_hash) and again.changed_at == image.changed_at


def test_an_image_that_is_gone_is_marked_and_kept(source, simulated):
    sync(source)
    seen = source.last_complete_at
    gone = Image.objects.order_by("key")[5]
    simulated.remove(**PAGED, ids=[gone.remote_id])
    run = sync(source)
    after = Image.objects.get(id=gone.id)
    assert counts(run) == (119, 0, 0, 1, 0) and changes(run) == [("missing", "", None, None)]
    assert (after.state, after.missing_since, after.last_seen_at) == ("missing", source.last_complete_at, seen)
    assert after.seen_at(source) == seen
    assert bytes(after.content_hash) == bytes(gone.content_hash) and after.name == gone.name


def test_a_missing_image_is_not_marked_again(source, simulated):
    sync(source)
    simulated.remove(**PAGED, ids=[Image.objects.all()[0].remote_id])
    sync(source)
    before = shelf(source)
    assert counts(sync(source)) == (119, 0, 0, 0, 0)
    assert shelf(source) == before


def test_an_image_that_comes_back_is_found_again(source, simulated):
    sync(source)
    image = Image.objects.order_by("key")[5]
    document = image.document_row.document
    simulated.remove(**PAGED, ids=[image.remote_id])
    sync(source)
    simulated.add(**PAGED, items=[document])
    run = sync(source)
    after = Image.objects.get(id=image.id)
    assert counts(run) == (120, 0, 0, 0, 1) and changes(run) == [("returned", "", None, None)]
    assert (after.state, after.missing_since, after.last_seen_at) == (image.state, None, None)
    assert after.first_seen_at == image.first_seen_at and after.changed_at == source.last_complete_at


def test_an_image_that_comes_back_changed_is_told_as_both(source, simulated):
    sync(source)
    image = Image.objects.order_by("key")[5]
    document = image.document_row.document
    simulated.remove(**PAGED, ids=[image.remote_id])
    sync(source)
    simulated.add(**PAGED, items=[document | {"ImageSize": "77"}])
    run = sync(source)
    assert counts(run) == (120, 0, 1, 0, 1)
    assert sorted(kind for kind, *_ in changes(run)) == ["changed", "returned"]


def test_facet_counts_move_with_the_images(source, simulated):
    sync(source)
    simulated.mutate(**PAGED, change=10, remove=5, add=3)
    sync(source)
    assert sum(FacetCount.objects.values_list("n", flat=True)) == Image.objects.count() == 123
    assert sum(FacetCount.objects.filter(state="missing").values_list("n", flat=True)) == 6


def test_an_image_registered_while_the_listing_ran_stays(source, simulated, monkeypatch):
    sync(source)
    listed = []

    def register_meanwhile(tally, page, *, add=Tally.add):
        if page.number == 2:
            listed.append(put_placeholder(source, "m-brand-new"))
        add(tally, page)

    monkeypatch.setattr(Tally, "add", register_meanwhile)
    run = sync(source)
    assert listed and counts(run) == (120, 0, 0, 0, 0)
    assert Image.objects.get(key="m-brand-new").missing_since is None


def test_an_image_brought_back_by_a_registration_while_the_listing_ran_stays(source, simulated, monkeypatch):
    sync(source)
    placeholder = put_placeholder(source, "m-brand-new")
    sync(source)
    assert Image.objects.get(id=placeholder.id).missing_since

    def bring_back_meanwhile(tally, page, *, add=Tally.add):
        if page.number == 2:
            back = {"missing_since": None, "state": "available", "content_hash": b"", "changed_at": Now()}
            Image.objects.filter(id=placeholder.id).update(**back)
        add(tally, page)

    monkeypatch.setattr(Tally, "add", bring_back_meanwhile)
    assert sync(source).missing == 0
    assert Image.objects.get(id=placeholder.id).missing_since is None


def test_a_registered_image_the_next_listing_has_is_seen_not_changed(source, simulated):
    sync(source)
    document = Image.objects.all()[0].document_row.document | {"ImageId": "m-brand-new"}
    placeholder = put_placeholder(source, "m-brand-new")
    simulated.add(**PAGED, items=[document])
    run = sync(source)
    after = Image.objects.get(id=placeholder.id)
    assert counts(run) == (121, 0, 0, 0, 0) and not changes(run)
    assert after.name == document["ImageName"] and bytes(after.content_hash) != b""
    assert (after.first_seen_at, after.changed_at) == (placeholder.first_seen_at, placeholder.changed_at)
    assert after.document_row.document["ImageId"] == "m-brand-new"


def test_a_registered_image_the_next_listing_lacks_is_missing(source):
    sync(source)
    placeholder = put_placeholder(source, "m-brand-new")
    run = sync(source)
    assert run.missing == 1 and Image.objects.get(id=placeholder.id).missing_since


def test_a_first_listing_tells_that_it_lacks_a_registered_image(source):
    """Nothing else of it is told: all would be new."""
    placeholder = put_placeholder(source, "m-brand-new")
    run = sync(source)
    assert (run.added, run.missing) == (120, 1) and changes(run) == [("missing", "", None, None)]
    assert ImageChange.objects.get(run=run).image_id == placeholder.id


def test_a_registered_image_that_is_listed_after_all_has_returned(source, simulated):
    sync(source)
    document = Image.objects.all()[0].document_row.document | {"ImageId": "m-brand-new"}
    placeholder = put_placeholder(source, "m-brand-new")
    assert changes(sync(source)) == [("missing", "", None, None)]
    simulated.add(**PAGED, items=[document])
    run = sync(source)
    after = Image.objects.get(id=placeholder.id)
    assert counts(run) == (121, 0, 0, 0, 1) and changes(run) == [("returned", "", None, None)]
    assert (after.name, after.missing_since) == (document["ImageName"], None)
    assert after.changed_at == source.last_complete_at


def test_a_sync_that_lists_a_registered_image_closes_its_registration(simulated, make_source):
    source = make_source("alibaba_ehpc_registered")
    sync(source)
    image = Image.objects.filter(type="vm")[0]
    fields = {"team_id": source.team_id, "cloud_account": source.cloud_account, "region": source.region}
    told = {"type": "vm", "name": image.name, "version": image.version, "requested_by": "alice@example.org"}
    sent = [Registration.objects.create(**fields, **told, state=state) for state in ("succeeded", "unknown", "sending")]
    sync(source)
    assert [Registration.objects.get(id=one.id).state for one in sent] == ["seen", "seen", "sending"]
    closed = Registration.objects.get(id=sent[0].id)
    assert closed.image_id == image.id and closed.seen_at


def test_two_sources_keep_their_images_apart(simulated, make_source):
    one, other = make_source("alibaba_ens_self"), make_source("alibaba_ens_self", region="cn-shanghai")
    sync(one)
    simulated.serve(listing="alibaba_ens_self", region="cn-shanghai", items=[])
    before = shelf(one)
    assert sync(other).listed == 0
    assert shelf(one) == before


def put_placeholder(source: Source, key: str) -> Image:
    image = Image.objects.create(
        team_id=source.team_id,
        source=source,
        key=key,
        content_hash=b"",
        remote_id=key,
        name="new",
        type="vm",
        visibility="private",
        os="unknown",
        arch="unknown",
        state="creating",
        region=source.region,
        distribution_facet="unknown",
        os_version_facet="unknown",
        name_key="new",
        search_text="new",
        search_pieces=["n"],
    )
    image.refresh_from_db()
    return image
