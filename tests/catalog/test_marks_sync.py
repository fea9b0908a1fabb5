"""What a team says of its images survives every sync: labels, stars and notes, and the words they are found by."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Team, User
from catalog import actions
from catalog.models import Image, Source
from catalog.sync import sync_now
from tests.catalog.registration.asked import REGION, VM
from tests.catalog.registration.conftest import account, ask, send  # noqa: F401 - fixtures
from tests.catalog.test_facets import counted, kept
from tests.catalog.test_marks import WORDS, check_search
from tests.catalog.test_sync import PAGED, counts, put_placeholder, shelf, sync


@pytest.fixture
def source(simulated: Any, make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ens_self")


def marks() -> dict[str, tuple]:
    found = Image.objects.values_list("key", "labels", "starred", "note", "own_text")
    return {key: tuple(rest) for key, *rest in found}


def mark(team: Team, eve: User, source: Source) -> None:
    images = list(Image.objects.filter(source=source).order_by("key"))
    actions.add_labels(team, eve, [image.id for image in images[:60]], ["gold", "重要"])
    actions.set_star(team, eve, [image.id for image in images[30:90]], True)
    for image in images[50:70]:
        actions.set_note(team, eve, image, f"note of {image.key}")


def test_marks_survive_syncs_that_change_lose_and_find_images(
    team: Team, eve: User, source: Source, simulated: Any
) -> None:
    sync(source)
    mark(team, eve, source)
    before = marks()
    for mutation in ({"change": 40}, {"remove": 10}, {"change": 30, "add": 5}):
        simulated.mutate(**PAGED, **mutation)
        run = sync(source)
        assert sum(counts(run)[1:]) >= 5
        after = marks()
        assert {key: after[key] for key in before} == before
        assert all(after[key] == ([], False, "", "") for key in after.keys() - before.keys())
        check_search()
        assert kept() == counted()
    lost = Image.objects.exclude(missing_since=None).exclude(own_text="")[0]
    simulated.add(**PAGED, items=[lost.document_row.document])
    assert sync(source).returned == 1
    assert {key: marks()[key] for key in before} == before
    check_search()


def test_an_unchanged_listing_writes_no_marked_row(team: Team, eve: User, source: Source) -> None:
    sync(source)
    mark(team, eve, source)
    before = shelf(source)
    assert counts(sync(source)) == (120, 0, 0, 0, 0)
    assert shelf(source) == before


def test_a_mark_is_no_change_that_a_sync_tells(team: Team, eve: User, source: Source, simulated: Any) -> None:
    sync(source)
    at = dict(Image.objects.values_list("key", "changed_at"))
    mark(team, eve, source)
    assert dict(Image.objects.values_list("key", "changed_at")) == at
    simulated.mutate(**PAGED, change=10)
    assert counts(sync(source)) == (120, 0, 12, 0, 0)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=st.lists(
        st.one_of(
            st.tuples(st.just("label"), st.integers(0, 119), st.integers(1, 40), st.sampled_from(WORDS)),
            st.tuples(st.just("unlabel"), st.integers(0, 119), st.integers(1, 40), st.sampled_from(WORDS)),
            st.tuples(st.just("note"), st.integers(0, 119), st.integers(1, 3), st.sampled_from(["", *WORDS])),
            st.tuples(st.just("sync"), st.integers(0, 60), st.integers(0, 20), st.just("")),
        ),
        max_size=8,
    )
)
def test_what_is_searched_equals_a_fresh_computation_after_any_marks_and_syncs(
    team: Team, eve: User, source: Source, simulated: Any, history: list[tuple]
) -> None:
    sync(source)
    for what, start, length, word in history:
        images = list(Image.objects.filter(source=source).order_by("key")[start : start + length])
        if what == "sync":
            simulated.mutate(**PAGED, change=start, remove=length)
            sync(source)
        elif what == "note":
            for image in images:
                actions.set_note(team, eve, image, word)
        elif what == "label":
            actions.add_labels(team, eve, [image.id for image in images], [word])
        else:
            actions.remove_labels(team, eve, [image.id for image in images], [word])
        check_search()
        assert kept() == counted()


def test_a_registered_image_keeps_its_marks_when_it_is_listed(
    team: Team, eve: User, source: Source, simulated: Any
) -> None:
    sync(source)
    document = Image.objects.all()[0].document_row.document | {"ImageId": "m-brand-new"}
    placeholder = put_placeholder(source, "m-brand-new")
    actions.add_labels(team, eve, [placeholder.id], ["gold"])
    simulated.add(**PAGED, items=[document])
    sync(source)
    image = Image.objects.get(id=placeholder.id)
    assert image.labels == ["gold"] and image.search_text.endswith("\ngold")
    check_search()


@pytest.mark.django_db(transaction=True)
def test_marks_go_over_to_the_image_that_takes_a_placeholders_place(
    team: Team,
    eve: User,
    simulated: Any,
    send: Callable,  # noqa: F811
) -> None:
    """The cloud gave it a version of its own, so that it is listed as another one."""
    made = send(VM, version=None)
    simulated.change(listing="alibaba_ehpc_registered", region=REGION, changes={VM["image_id"]: {"Version": "1"}})
    placeholder = made.image
    actions.add_labels(team, eve, [placeholder.id], ["gold"])
    actions.set_star(team, eve, [placeholder.id], True)
    actions.set_note(team, eve, placeholder, "mine")
    sync_now(placeholder.source, "test", 10)
    made.refresh_from_db()
    image = made.image
    assert image.id != placeholder.id
    assert (made.state, image.labels, image.starred, image.note) == ("seen", ["gold"], True, "mine")
    assert Image.objects.filter(name=VM["name"]).count() == 1 and image.search_text.endswith("\ngold\nmine")
    check_search()


@pytest.mark.django_db(transaction=True)
def test_an_image_that_is_registered_again_keeps_its_marks(
    team: Team,
    eve: User,
    simulated: Any,
    send: Callable,  # noqa: F811
) -> None:
    image = send(VM).image
    actions.add_labels(team, eve, [image.id], ["gold"])
    sync_now(image.source, "test", 10)
    simulated.remove(listing="alibaba_ehpc_registered", region=REGION, ids=[VM["image_id"]])
    sync_now(image.source, "test", 10)
    assert send(VM).image_id == image.id
    image.refresh_from_db()
    assert image.labels == ["gold"] and image.missing_since is None
    check_search()
