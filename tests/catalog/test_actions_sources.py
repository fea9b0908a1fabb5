"""Sources: added several at once, paused, resumed, rescheduled, taken down with or without their images."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent
from catalog import actions
from catalog.actions import ActionError
from catalog.models import FacetCount, Image, Registration, Source, SyncRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(make_account):
    return make_account(name="Production")


@pytest.fixture
def add(team, account):
    def make(kind="alibaba_ehpc_custom", regions=("cn-hangzhou",), clusters=(), narrowing=None, every=60, **fields):
        payer = fields.get("account", account)
        return actions.add_sources(team, fields.get("actor", "test"), payer, kind, regions, clusters, narrowing, every)

    return make


def audited() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


# Added


def test_several_regions_are_added_at_once_with_one_audit_row(add, alice, account, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as queued:
        sources = add(regions=["cn-hangzhou", " cn-shanghai ", "cn-hangzhou"], every=30, actor=alice)
    assert [(s.region, s.every_minutes, s.account_name, s.simulated) for s in sources] == [
        ("cn-hangzhou", 30, "Production", True),
        ("cn-shanghai", 30, "Production", True),
    ]
    assert Source.objects.filter(next_sync_at__lte=timezone.now()).count() == 2, "the first sync is due at once"
    row = AuditEvent.objects.get()
    assert (row.actor, row.action, row.target) == ("alice@example.org", "source.added", "Production")
    assert row.changes["regions"] == ["cn-hangzhou", "cn-shanghai"] and len(queued) == 1


def test_several_clusters_of_one_region_are_added_at_once(add):
    sources = add("alibaba_ehpc_container", clusters=["ehpc-hz-1", "ehpc-hz-2", " "])
    assert [s.cluster for s in sources] == ["ehpc-hz-1", "ehpc-hz-2"]


def test_a_listing_may_be_narrowed(add):
    (source,) = add(narrowing={"InstanceType": " ecs.n1.tiny ", "ImageOwnerAlias": "self", "BaseOsTag": ""})
    assert source.narrowing == {"ImageOwnerAlias": "self", "InstanceType": "ecs.n1.tiny"}


def test_the_same_listing_narrowed_otherwise_is_another_source(add):
    add(narrowing={"ImageOwnerAlias": "self"})
    add(narrowing={"ImageOwnerAlias": "others"})
    assert Source.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "alibaba_oss"}, "kind"),
        ({"kind": "huawei_workspace"}, "kind"),
        ({"regions": []}, "regions"),
        ({"regions": ["cn-hangzhou", "CN-Shanghai"]}, "regions"),
        ({"regions": ["x"]}, "regions"),
        ({"regions": ["a" * 41]}, "regions"),
        ({"regions": ["cn-hangzhou/../.."]}, "regions"),
        ({"regions": ["cn-hangzhou.evil.example"]}, "regions"),
        ({"regions": [""]}, "regions"),
        ({"kind": "alibaba_ens_public", "clusters": ["ehpc-1"]}, "clusters"),
        ({"kind": "alibaba_ehpc_container", "clusters": ["a"], "regions": ["cn-a", "cn-b"]}, "clusters"),
        ({"kind": "alibaba_ehpc_container", "clusters": ["a\nb"]}, "clusters"),
        ({"kind": "alibaba_ehpc_container", "clusters": ["a" * 101]}, "clusters"),
        ({"narrowing": {"Huh": "x"}}, "narrowing"),
        ({"narrowing": {"ImageOwnerAlias": "everyone"}}, "narrowing"),
        ({"narrowing": {"BaseOsTag": "x" * 101}}, "narrowing"),
        ({"every": 14}, "every_minutes"),
        ({"every": 0}, "every_minutes"),
        ({"every": -60}, "every_minutes"),
        ({"every": 10_081}, "every_minutes"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_written(add, fields, field):
    with pytest.raises(ActionError) as caught:
        add(**fields)
    assert caught.value.field == field and "\n" not in caught.value.message
    assert not Source.objects.exists() and not AuditEvent.objects.exists()


def test_all_are_added_or_none(add):
    add(regions=["cn-shanghai"])
    with pytest.raises(ActionError, match="alibaba_ehpc_custom cn-shanghai of Production is a source already"):
        add(regions=["cn-hangzhou", "cn-shanghai", "cn-beijing"])
    assert Source.objects.count() == 1 and audited() == ["source.added"]


def test_the_same_cluster_twice_is_told_at_the_cluster(add):
    add("alibaba_ehpc_container", clusters=["ehpc-1"])
    with pytest.raises(ActionError) as caught:
        add("alibaba_ehpc_container", clusters=["ehpc-1"])
    assert caught.value.field == "clusters"


def test_a_source_that_was_taken_down_can_be_added_again(add, team):
    (source,) = add()
    actions.delete_source(team, "test", source, "archive")
    assert len(add()) == 1 and Source.objects.count() == 2


def test_another_account_may_list_the_same(add, make_account):
    add()
    add(account=make_account())
    assert Source.objects.count() == 2


# Paused, resumed, rescheduled


def test_a_paused_source_waits_until_it_is_resumed(add, team, alice):
    (source,) = add()
    actions.pause_source(team, alice, source)
    assert source.paused_at and source.paused_reason == "admin"
    Source.objects.update(next_sync_at=timezone.now() + timedelta(days=1))
    actions.resume_source(team, alice, source)
    assert (source.paused_at, source.paused_reason) == (None, "") and source.next_sync_at <= timezone.now()
    assert audited() == ["source.added", "source.paused", "source.resumed"]


def test_pausing_or_resuming_twice_leaves_one_row(add, team):
    (source,) = add()
    for _ in range(2):
        actions.pause_source(team, "test", source)
    for _ in range(2):
        actions.resume_source(team, "test", source)
    assert audited() == ["source.added", "source.paused", "source.resumed"]


def test_what_a_failure_paused_stays_named_so(add, team):
    (source,) = add()
    Source.objects.update(paused_at=timezone.now(), paused_reason="authentication")
    assert actions.pause_source(team, "test", source).paused_reason == "authentication"


def test_a_shorter_interval_brings_the_next_sync_nearer_and_a_longer_one_does_not_delay_it(add, team):
    (source,) = add(every=600)
    Source.objects.update(next_sync_at=timezone.now() + timedelta(minutes=500))
    actions.update_source(team, "test", source, every_minutes=30)
    soon = source.next_sync_at
    assert source.every_minutes == 30 and timedelta(minutes=29) < soon - timezone.now() <= timedelta(minutes=30)
    actions.update_source(team, "test", source, every_minutes=600)
    assert source.next_sync_at == soon
    assert AuditEvent.objects.last().changes == {"every_minutes": [30, 600]}


def test_the_same_interval_is_no_change(add, team):
    (source,) = add(every=60)
    actions.update_source(team, "test", source, every_minutes=60)
    assert audited() == ["source.added"]


# Taken down


@pytest.fixture
def full(add, make_image):
    """A source with three images, one of them missing."""
    (source,) = add()
    images = [make_image(source) for _ in range(3)]
    Image.objects.filter(id=images[0].id).update(state="missing", missing_since=timezone.now())
    return source


def states(source) -> dict[str, int]:
    return {count.state: count.n for count in FacetCount.objects.filter(source=source).exclude(n=0)}


def test_archived_images_stay_on_the_shelf(full, team, alice):
    actions.delete_source(team, alice, full, "archive")
    assert set(Image.objects.values_list("state", flat=True)) == {"archived"} and states(full) == {"archived": 3}
    full.refresh_from_db()
    assert full.archived_at and full.paused_at and full.account_name == "Production"
    row = AuditEvent.objects.last()
    assert (row.action, row.target, row.changes["images"]) == (
        "source.deleted",
        "alibaba_ehpc_custom cn-hangzhou",
        "archive",
    )


def test_removed_images_go_with_all_that_belongs_to_them(full, team, account):
    run = SyncRun.objects.create(team=team, source=full, state="complete")
    registration = Registration.objects.create(
        team=team,
        cloud_account=account,
        account_name="Production",
        region="cn-hangzhou",
        type="vm",
        name="x",
        requested_by="alice",
        image=Image.objects.first(),
    )
    actions.delete_source(team, "test", full, "remove")
    assert not Source.objects.exists() and not Image.objects.exists() and not SyncRun.objects.filter(id=run.id).exists()
    assert not FacetCount.objects.exists()
    registration.refresh_from_db()
    assert registration.image_id is None, "a registration is history and stays"


def test_only_its_own_images_are_touched(full, add, team, make_image):
    (other,) = add(regions=["cn-shanghai"])
    make_image(other)
    actions.delete_source(team, "test", full, "remove")
    assert states(other) == {"available": 1}


@pytest.mark.parametrize("choice", ["", "keep", "delete", None])
def test_the_choice_is_to_archive_or_to_remove(full, team, choice):
    with pytest.raises(ActionError) as caught:
        actions.delete_source(team, "test", full, choice)
    assert caught.value.field == "images" and states(full) == {"available": 2, "missing": 1}


@pytest.mark.parametrize("choice", ["archive", "remove"])
def test_many_images_are_left_to_the_worker(full, team, choice, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr("catalog.actions.sources.AT_ONCE", 2)
    with django_capture_on_commit_callbacks() as queued:
        actions.delete_source(team, "test", full, choice)
    full.refresh_from_db()
    assert full.archived_at and len(queued) == 1 and states(full) == {"available": 2, "missing": 1}
    assert actions.finish_removals() == 1 and actions.finish_removals() == 0
    assert states(full) == ({"archived": 3} if choice == "archive" else {})
    assert Source.objects.filter(archived_at=None).count() == 0 and Image.objects.exists() == (choice == "archive")


def test_a_source_under_removal_is_not_synced(full, team, monkeypatch):
    from catalog.runs import queue_due_sources

    monkeypatch.setattr("catalog.actions.sources.AT_ONCE", 2)
    monkeypatch.setattr("catalog.runs._announce", lambda run_ids: None)
    actions.delete_source(team, "test", full, "archive")
    Source.objects.update(next_sync_at=timezone.now() - timedelta(hours=1))
    assert queue_due_sources() == []


def test_taking_down_many_images_takes_one_statement_a_table(full, team, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        actions.delete_source(team, "test", full, "archive")


def test_the_lock_waits_a_second_and_no_longer_than_the_action(full, team):
    """Afterwards the connection waits as it did before."""
    actions.delete_source(team, "test", full, "archive")
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
