"""An admin's correction of an image's system: set, kept over real syncs, taken back."""

import threading

import pytest
from django.db import connection, transaction

from accounts.models import AuditEvent
from catalog import actions
from catalog.actions.overrides import checked_value, shown_value
from catalog.applying import TOLD_LENGTH
from catalog.locks import lock_source
from catalog.models import FacetCount, Image, ImageChange, Source
from catalog.rows import COLUMNS
from catalog.sync import sync_now
from tests.catalog.shelf import put
from tests.catalog.test_sync import PAGED, changes, counts, shelf, sync

UBUNTU = {"os": "linux", "distribution": "ubuntu", "os_version": "24.04", "arch": "arm64"}
EFFECTIVE = UBUNTU | {"distribution": "Ubuntu"}


@pytest.fixture
def source(simulated, make_source) -> Source:
    return make_source("alibaba_ens_self")


def seen(image: Image) -> dict[str, str]:
    return {field: shown_value(field, getattr(image, field)) for field in UBUNTU}


@pytest.fixture
def correct(team, alice):
    def make(image: Image, actor=alice, reason: str = "", **wanted: str) -> list[str]:
        return actions.correct_image(team, actor, image, wanted, seen(image), reason)

    return make


def system(image: Image) -> dict[str, str | None]:
    image.refresh_from_db()
    return {field: getattr(image, field) for field in UBUNTU}


def stored(image: Image) -> dict[str, object]:
    """Everything a sync writes of an image."""
    row = Image.objects.filter(id=image.id).values(*COLUMNS, "content_hash", "overrides").get()
    return row | {"content_hash": bytes(row["content_hash"])}


def facets_agree() -> bool:
    """Whether the counts kept are those of the images."""
    names = ["os", "distribution_facet", "os_version_facet", "arch"]
    kept: dict[tuple, int] = {}
    for *values, n in FacetCount.objects.filter(n__gt=0).values_list(*names, "n"):
        kept[tuple(values)] = kept.get(tuple(values), 0) + n
    counted: dict[tuple, int] = {}
    for values in Image.objects.values_list(*names):
        counted[values] = counted.get(values, 0) + 1
    return kept == counted


def test_a_correction_takes_the_place_of_what_the_cloud_says(source, correct, alice):
    sync(source)
    image = Image.objects.order_by("key")[0]
    before = system(image)
    assert set(correct(image, reason="  wrong\n tag ", **UBUNTU)) == {f for f in UBUNTU if before[f] != EFFECTIVE[f]}
    assert system(image) == EFFECTIVE
    assert (image.distribution_facet, image.os_version_facet) == ("Ubuntu", "24.04")
    assert image.provenance["distribution"] == "admin" and image.provenance["name"] == "reported"
    entry = image.overrides["distribution"]
    assert (entry["value"], entry["reported"], entry["by"]) == ("Ubuntu", before["distribution"], alice.email)
    assert entry["reason"] == "wrong tag" and facets_agree()
    event = AuditEvent.objects.get()
    assert (event.action, event.target_id, event.actor) == ("image.overridden", image.id, alice.email)
    assert event.changes["distribution"] == [before["distribution"], "Ubuntu"]
    assert event.changes["reason"] == "wrong tag"
    told = ImageChange.objects.get(field="distribution")
    assert (told.kind, told.run, told.before, told.after) == ("corrected", None, before["distribution"], "Ubuntu")


def test_an_unchanged_listing_writes_no_corrected_row(source, correct):
    sync(source)
    correct(Image.objects.order_by("key")[0], **UBUNTU)
    before = shelf(source)
    assert counts(sync(source)) == (120, 0, 0, 0, 0)
    assert shelf(source) == before


def test_a_correction_is_kept_when_the_cloud_changes_the_image(source, simulated, correct):
    sync(source)
    image = Image.objects.order_by("key")[0]
    correct(image, **UBUNTU)
    simulated.change(**PAGED, changes={image.remote_id: {"ImageSize": "77", "Platform": "Debian", "OsVersion": "12"}})
    run = sync(source)
    assert system(image) == EFFECTIVE and image.size_gib == 77
    assert [change[1] for change in changes(run)] == ["size_gib"], "a corrected field never looks changed"
    assert (image.overrides["distribution"]["reported"], image.overrides["os_version"]["reported"]) == ("Debian", "12")
    assert image.overrides["distribution"]["by"] and image.provenance["distribution"] == "admin"
    assert (image.distribution_facet, image.os_version_facet) == ("Ubuntu", "24.04") and facets_agree()


def test_the_rest_of_the_listing_is_written_as_ever(source, simulated, correct):
    sync(source)
    image, other = Image.objects.order_by("key")[:2]
    correct(image, arch="arm64" if image.arch != "arm64" else "i386")
    simulated.change(**PAGED, changes={other.remote_id: {"Platform": "Debian", "OsVersion": "12"}})
    sync(source)
    other.refresh_from_db()
    assert (other.distribution, other.os_version, other.overrides) == ("Debian", "12", {})


def test_a_correction_stays_when_the_cloud_comes_to_say_the_same(source, simulated, correct, team, alice):
    sync(source)
    image = Image.objects.order_by("key")[0]
    simulated.change(**PAGED, changes={image.remote_id: {"Platform": "CentOS", "OsVersion": "7.9"}})
    sync(source)
    image.refresh_from_db()
    correct(image, distribution="Debian")
    simulated.change(**PAGED, changes={image.remote_id: {"Platform": "Debian"}})
    run = sync(source)
    image.refresh_from_db()
    assert image.overrides["distribution"]["reported"] == "Debian"
    assert changes(run) == [("changed", "document", None, None)]
    simulated.change(**PAGED, changes={image.remote_id: {"Platform": "Rocky Linux"}})
    sync(source)
    image.refresh_from_db()
    assert image.distribution == "Debian" and image.overrides["distribution"]["reported"] == "Rocky Linux"
    assert actions.remove_override(team, alice, image, "distribution")
    image.refresh_from_db()
    assert (image.distribution, image.overrides) == ("Rocky Linux", {})


@pytest.mark.parametrize("changed", [False, True])
def test_taking_it_back_gives_exactly_what_a_sync_writes(source, simulated, correct, team, alice, changed):
    sync(source)
    for image in Image.objects.order_by("key")[:30]:
        if changed:
            simulated.change(**PAGED, changes={image.remote_id: {"Platform": "Debian", "OsVersion": "12"}})
    expected = {}
    if changed:
        sync(source)
        expected = {image.id: stored(image) for image in Image.objects.all()}
        simulated.change(
            **PAGED, changes={image.remote_id: {"Platform": "Ubuntu"} for image in Image.objects.order_by("key")[:30]}
        )
        sync(source)
    else:
        expected = {image.id: stored(image) for image in Image.objects.all()}
    images = list(Image.objects.order_by("key")[:30])
    for image in images:
        correct(image, os="windows", distribution="Homemade 1", os_version="unknown", arch="i386")
    if changed:
        simulated.change(**PAGED, changes={i.remote_id: {"Platform": "Debian"} for i in images})
        sync(source)
    for image in images:
        for field in UBUNTU:
            actions.remove_override(team, alice, image, field)
        assert stored(image) == expected[image.id]
    assert facets_agree() and not Image.objects.exclude(overrides={}).exists()


def test_fields_are_taken_back_one_by_one(source, correct, team, alice):
    sync(source)
    image = Image.objects.order_by("key")[0]
    before = system(image)
    correct(image, **UBUNTU)
    assert actions.remove_override(team, alice, image, "distribution")
    image.refresh_from_db()
    assert image.distribution == before["distribution"] and image.os_version == "24.04"
    assert "distribution" not in image.overrides and "os_version" in image.overrides
    assert not actions.remove_override(team, alice, image, "distribution"), "somebody was faster"
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["image.overridden", "image.override_removed"]
    assert ImageChange.objects.get(kind="restored").after == before["distribution"]


def test_to_set_what_the_cloud_says_is_to_take_it_back(source, correct):
    sync(source)
    image = Image.objects.order_by("key")[0]
    stood = image.arch
    correct(image, arch="mixed")
    image.refresh_from_db()
    assert correct(image, arch=stood) == ["arch"]
    image.refresh_from_db()
    assert image.overrides == {} and AuditEvent.objects.latest("id").action == "image.override_removed"


def test_a_missing_image_that_returns_keeps_its_correction(source, simulated, correct):
    sync(source)
    image = Image.objects.order_by("key")[0]
    document = image.document_row.document
    correct(image, **UBUNTU)
    simulated.remove(**PAGED, ids=[image.remote_id])
    sync(source)
    assert system(image) == EFFECTIVE and image.state == "missing"
    simulated.add(**PAGED, items=[document])
    run = sync(source)
    assert system(image) == EFFECTIVE and image.missing_since is None
    assert {change[:2] for change in changes(run)} <= {("returned", ""), ("changed", "state")}


def test_a_row_written_anew_for_a_new_mapping_keeps_it(source, correct, monkeypatch):
    sync(source)
    image = Image.objects.order_by("key")[0]
    correct(image, **UBUNTU)
    monkeypatch.setattr("catalog.rows.MAPPING", 10_000)
    assert counts(sync(source)) == (120, 0, 0, 0, 0)
    assert system(image) == EFFECTIVE


@pytest.mark.django_db(transaction=True)
def test_a_registered_image_that_is_brought_back_keeps_it(simulated, make_account, alice, team, correct):
    from catalog import tasks
    from catalog.registration_spec import validate_spec
    from tests.catalog.registration.asked import REGION, VM

    account = make_account("alibaba")

    def register() -> Image:
        spec, _errors = validate_spec(VM)
        made = actions.create_registration(team, alice, account, REGION, spec, None, queue=False)
        tasks.register_image(str(made.id))
        made.refresh_from_db()
        return made.image

    image = register()
    correct(image, **UBUNTU)
    assert sync_now(image.source, "test", 10).state == "complete"
    assert system(image) == EFFECTIVE, "the listing saw it for the first time"
    simulated.remove(listing="alibaba_ehpc_registered", region=REGION, ids=["m-bp1akkkr1rkxtb"])
    sync_now(image.source, "test", 10)
    back = register()
    assert back.id == image.id and back.missing_since is None
    assert system(back) == EFFECTIVE and back.overrides["os"]["reported"] == "unknown"
    actions.remove_override(team, alice, back, "os")
    assert Image.objects.get(id=back.id).os == "unknown"


@pytest.mark.django_db(transaction=True)
def test_an_image_listed_in_the_place_of_a_registered_one_takes_it_over(simulated, make_account, alice, team, correct):
    """The cloud gave a version of its own: the row that stood for it goes, and what an admin said of it does not."""
    from catalog import tasks
    from catalog.registration_spec import validate_spec
    from tests.catalog.registration.asked import REGION, VM

    spec, _errors = validate_spec(VM | {"version": None})
    made = actions.create_registration(team, alice, make_account("alibaba"), REGION, spec, None, queue=False)
    tasks.register_image(str(made.id))
    made.refresh_from_db()
    correct(made.image, **UBUNTU)
    listing = {"listing": "alibaba_ehpc_registered", "region": REGION}
    simulated.change(**listing, changes={"m-bp1akkkr1rkxtb": {"Version": "1"}})
    sync_now(made.image.source, "test", 10)
    (image,) = Image.objects.filter(name="cfd-base")
    assert image.id != made.image_id and system(image) == EFFECTIVE and facets_agree()
    assert image.overrides["os"]["reported"] == "unknown" and image.provenance["os"] == "admin"


def test_what_was_set_meanwhile_is_not_overwritten_unseen(source, correct, team, alice, eve):
    sync(source)
    image = Image.objects.order_by("key")[0]
    shown = seen(image)
    correct(image, distribution="Debian")
    with pytest.raises(actions.ActionError) as caught:
        actions.correct_image(team, eve, image, {"distribution": "Fedora"}, shown)
    assert caught.value.field == "distribution" and "Debian" in caught.value.message
    image.refresh_from_db()
    assert image.distribution == "Debian" and AuditEvent.objects.count() == 1
    assert actions.correct_image(team, eve, image, {"distribution": "debian"}, shown) == [], "the same is no conflict"
    assert actions.correct_image(team, eve, image, {"arch": "mixed"}, shown) == ["arch"], "nor is another field"


@pytest.mark.django_db(transaction=True)
def test_while_a_sync_is_applied_it_says_so(make_source, correct):
    image = put(make_source("alibaba_ens_self"), "one")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            lock_source(image.source_id)
            held.set()
            done.wait(20)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(10)
        with pytest.raises(actions.ActionError, match="A sync is being applied"):
            correct(image, os="linux")
    finally:
        done.set()
        holder.join()
    assert correct(image, os="linux") == ["os"]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_leave_one_correction_and_the_truth_behind_it(make_source, team, alice, correct):
    image = put(make_source("alibaba_ens_self"), "one", arch="x86_64")
    shown = seen(image)
    start = threading.Barrier(2)
    ended: list[object] = []

    def race(value: str) -> None:
        start.wait(10)
        try:
            ended.append(actions.correct_image(team, alice, image, {"arch": value}, shown))
        except actions.ActionError as error:
            ended.append(error.field)
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=(value,)) for value in ("arm64", "i386")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    image.refresh_from_db()
    assert sorted(map(str, ended)) == ["['arch']", "arch"]
    assert image.overrides["arch"]["reported"] == "x86_64" and AuditEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("os", "linux", "linux"),
        ("arch", "mixed", "mixed"),
        ("distribution", " rhel ", "Red Hat Enterprise Linux"),
        ("distribution", "Homemade  OS", "Homemade OS"),
        ("distribution", "", None),
        ("distribution", "Unknown", None),
        ("distribution", "银河麒麟", "Kylin"),
        ("os_version", "22.04", "22.04"),
        ("os_version", " ", None),
    ],
)
def test_a_value_has_one_spelling(field, text, value):
    assert checked_value(field, text) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("os", "plan9"),
        ("os", ""),
        ("arch", "X86"),
        ("distribution", "Ubuntu 22.04"),
        ("distribution", "d" * 101),
        ("distribution", "a\0b"),
        ("distribution", "\u202egpj"),
        ("os_version", "9" * 61),
        ("os_version", "\ud800"),
    ],
)
def test_a_value_that_is_none_is_refused_at_its_field(field, text):
    with pytest.raises(actions.ActionError) as caught:
        checked_value(field, text)
    assert caught.value.field == field and caught.value.message


@pytest.mark.parametrize("reason", ["r" * 201, "a\0b"])
def test_a_reason_that_is_none_is_refused(make_source, correct, reason):
    image = put(make_source("alibaba_ens_self"), "one")
    with pytest.raises(actions.ActionError) as caught:
        correct(image, reason=reason, os="linux")
    assert caught.value.field == "reason" and Image.objects.get().overrides == {}


def test_a_megabyte_of_a_clouds_text_is_given_back_whole(make_source, team, alice, correct):
    image = put(make_source("alibaba_ens_self"), "one", distribution="d" * 1_000_000)
    correct(image, distribution="Ubuntu")
    told = ImageChange.objects.get()
    assert len(told.before) == TOLD_LENGTH and len(AuditEvent.objects.get().changes["distribution"][0]) == TOLD_LENGTH
    actions.remove_override(team, alice, image, "distribution")
    assert Image.objects.get().distribution == "d" * 1_000_000


def test_an_image_that_is_gone_is_told(make_source, correct):
    image = put(make_source("alibaba_ens_self"), "one")
    Source.objects.all().delete()
    with pytest.raises(actions.ActionError, match="no longer there"):
        correct(image, os="linux")
