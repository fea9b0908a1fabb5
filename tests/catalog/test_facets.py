"""The facet counts are kept by triggers: after any history of inserts, updates and deletions they equal a recount."""

from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Team
from catalog.combinations import read
from catalog.models import FacetCount, FacetStamp, Image, Source
from tests.catalog.test_sync import sync
from tests.waiting import at_once

DIMENSIONS = [
    "team_id",
    "source_id",
    *(field.name for field in FacetCount._meta.fields if field.name not in ("id", "team", "source", "n")),
]
VALUES: dict[str, list[Any]] = {
    "type": ["vm", "container"],
    "os": ["linux", "windows"],
    "distribution_facet": ["Ubuntu", "other"],
    "os_version_facet": ["22.04", "unknown"],
    "arch": ["x86_64", "arm64"],
    "visibility": ["public", "private"],
    "state": ["available", "missing"],
    "region": ["cn-hangzhou", "cn-shanghai"],
    "labels": [[], ["gold", "blessed"]],
    "starred": [False, True],
}


def kept() -> dict[tuple, int]:
    return {plain(row[:-1]): row[-1] for row in FacetCount.objects.exclude(n=0).values_list(*DIMENSIONS, "n")}


def counted() -> dict[tuple, int]:
    return Counter(map(plain, Image.objects.values_list(*DIMENSIONS)))


def remembered(team: Team) -> dict[int, int]:
    """What a page counts by, which a process keeps until a source is stamped anew."""
    kept, _ = read(team.id)
    return {int(number): n for number, n in zip(kept.combinations.numbers, kept.counts, strict=True) if n}


def plain(row: tuple) -> tuple:
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)


def put(source: Source, combinations: list[dict]) -> None:
    """One statement, an image a combination."""
    first = Image.objects.count()
    rest = {"content_hash": b"x", "name": "image", "name_key": "image", "search_text": "", "search_pieces": []}
    Image.objects.bulk_create(
        Image(team_id=source.team_id, source=source, key=str(number), remote_id=str(number), **rest, **values)
        for number, values in enumerate(combinations, start=first * 100)
    )


combinations = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
changed = st.dictionaries(st.sampled_from(list(VALUES)), st.integers(0, 1), min_size=1).map(
    lambda picks: {name: VALUES[name][pick] for name, pick in picks.items()}
)
places = st.integers(0, 2)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), places, st.lists(combinations, min_size=1, max_size=6)),
        st.tuples(st.just("update"), places, changed, changed),
        st.tuples(st.just("delete"), places, changed),
        st.tuples(st.just("rename"), places),
        st.tuples(st.just("move"), places, places, changed),
        st.tuples(st.just("undo"), places, st.lists(combinations, min_size=1, max_size=3)),
        st.tuples(st.just("drop"), places),
    ),
    max_size=12,
)


def take_step(sources: list[Source], what: str, place: int, *rest) -> None:
    source = sources[place]
    images = Image.objects.filter(source_id=source.id)
    if what == "drop":
        Source.objects.filter(id=source.id).delete()
    elif not Source.objects.filter(id=source.id).exists():
        return
    elif what == "insert":
        put(source, rest[0])
    elif what == "update":
        images.filter(**rest[0]).update(**rest[1])
    elif what == "delete":
        images.filter(**rest[0])._raw_delete(using="default")
    elif what == "rename":
        images.update(name="another")
    elif what == "move" and Source.objects.filter(id=sources[rest[0]].id).exists():
        target = sources[rest[0]]
        if target.team_id == source.team_id and target.id != source.id:
            images.filter(**rest[1]).update(source=target)
    elif what == "undo":
        with transaction.atomic():
            put(source, rest[0])
            transaction.set_rollback(True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps)
def test_they_equal_a_recount_after_any_history(make_account, team, other_team, history):
    with transaction.atomic():
        sources = [
            Source.objects.create(team_id=owner.id, account_name="a", kind="k", region=region)
            for owner, region in [(team, "r1"), (team, "r2"), (other_team, "r1")]
        ]
        for step in history:
            take_step(sources, *step)
            assert kept() == counted(), step
            for owner in (team, other_team):
                assert remembered(owner) == Counter(Image.objects.filter(team=owner).values_list("facets", flat=True))
        transaction.set_rollback(True)


def test_an_update_that_changes_no_facet_writes_no_count(make_source):
    source = make_source("alibaba_ens_self")
    put(source, [{name: values[0] for name, values in VALUES.items()}] * 3)
    before = versions()
    Image.objects.update(name="another")
    assert versions() == before


def test_only_the_source_whose_counts_moved_is_stamped_anew(make_source):
    one, other = make_source("alibaba_ens_self"), make_source("huawei_workspace")
    for source in (one, other):
        put(source, [{name: values[0] for name, values in VALUES.items()}] * 3)
    before = stamps()
    Image.objects.filter(source=one).update(name="another")
    assert stamps() == before
    Image.objects.filter(source=one).update(arch="arm64")
    assert stamps()[one.id] != before[one.id] and stamps()[other.id] == before[other.id]


def stamps() -> dict[Any, Any]:
    return dict(FacetStamp.objects.values_list("source_id", "stamp"))


def test_a_deleted_source_leaves_no_count(make_source):
    source = make_source("alibaba_ens_self")
    put(source, [{name: values[0] for name, values in VALUES.items()}] * 3)
    source.delete()
    assert not FacetCount.objects.exists()


def test_a_deleted_team_leaves_no_count(make_source):
    put(make_source("alibaba_ens_self"), [{name: values[0] for name, values in VALUES.items()}] * 3)
    Team.objects.all().delete()
    assert not FacetCount.objects.exists()


def test_they_equal_a_recount_after_real_syncs(simulated, make_source):
    sources = [make_source("alibaba_ens_self"), make_source("huawei_workspace"), make_source("alibaba_ehpc_container")]
    for round_ in range(4):
        for source in sources[: 2 + round_ % 2]:
            sync(source)
            assert kept() == counted()
            place = {"listing": source.kind, "region": source.region}
            if source.kind != "alibaba_ehpc_container":
                simulated.mutate(**place, change=30, remove=10, add=7)


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_lose_no_count(make_source):
    sources = [make_source("alibaba_ens_self", region=f"cn-{number}") for number in range(4)]
    every = [{name: pair[number >> bit & 1] for bit, (name, pair) in enumerate(VALUES.items())} for number in range(64)]
    at_once(*[lambda source=source: put(source, every) for source in sources])
    assert kept() == counted() and Image.objects.count() == 256


def versions() -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid, xmin::text, n FROM catalog_facetcount ORDER BY id")
        return cursor.fetchall()
