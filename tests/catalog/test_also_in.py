"""Where else the same image is: by its id, or by repository and tag."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from catalog import also_in as module
from catalog.also_in import MOST_READ, SHOWN, also_in
from catalog.models import Image, Source
from tests.catalog.shelf import put


@pytest.fixture
def sources(make_source: Callable[..., Source]) -> list[Source]:
    return [
        make_source("alibaba_ehpc_container", region="cn-hangzhou"),
        make_source("alibaba_ehpc_container", region="cn-beijing"),
        make_source("alibaba_ehpc_registered", region="cn-shanghai"),
    ]


def box(source: Source, name: str, repository: str = "ai/torch", tag: str = "2.1", **fields: Any) -> Image:
    return put(source, name, type="container", repository=repository, tag=tag, **fields)


def test_it_finds_the_same_id_and_the_same_tag(sources: list[Source]) -> None:
    image = box(sources[0], "one", remote_id="m-1")
    same = put(sources[2], "registered", remote_id="m-1")
    tagged = box(sources[1], "two", cluster="ehpc-bj")
    box(sources[1], "other tag", tag="2.2")
    box(sources[1], "other repository", repository="ai/jax")
    put(sources[1], "no tag", repository="ai/torch")
    found = also_in(image)
    assert [(place.image_id, place.same_id) for place in found.shown] == [(same.id, True), (tagged.id, False)]
    assert [place.source for place in found.shown] == [
        "E-HPC registered · cn-shanghai",
        "E-HPC containers · cn-beijing",
    ]
    assert [place.cluster for place in found.shown] == ["", "ehpc-bj"] and (found.more, found.at_least) == (0, False)
    assert [place.image_id for place in also_in(same).shown] == [image.id]


def test_both_ways_of_being_the_same_are_one_place(sources: list[Source]) -> None:
    image, twin = (box(source, f"twin-{n}", remote_id="m-1") for n, source in enumerate(sources[:2]))
    assert [(place.image_id, place.same_id) for place in also_in(image).shown] == [(twin.id, True)]


def test_it_hides_other_teams_images(
    sources: list[Source], make_account: Any, make_source: Any, other_team: Any
) -> None:
    theirs = make_source("alibaba_ehpc_container", make_account("alibaba", team=other_team))
    image = box(sources[0], "one", remote_id="m-1")
    box(theirs, "one", remote_id="m-1")
    assert not also_in(image)


def test_an_archived_image_is_nowhere_and_a_missing_one_says_so(sources: list[Source]) -> None:
    image = put(sources[0], "one", remote_id="m-1")
    put(sources[1], "old", remote_id="m-1", state="archived")
    put(sources[2], "lost", remote_id="m-1", state="missing")
    (place,) = also_in(image).shown
    assert (str(place.state), place.tone, place.name) == ("Missing", "bad", "lost")


def test_texts_that_share_a_beginning_are_told_apart(sources: list[Source]) -> None:
    long = "i" * 1_000_000
    image = put(sources[0], "one", remote_id=long + "a", row={"key": "1"})
    put(sources[1], "two", remote_id=long + "b", row={"key": "2"})
    assert not also_in(image)
    same = put(sources[1], "three", remote_id=long + "a", row={"key": "3"})
    assert [place.image_id for place in also_in(image).shown] == [same.id]


def test_many_are_cut_and_lead_to_the_list(
    sources: list[Source], monkeypatch: pytest.MonkeyPatch, bob: User, as_user: Any
) -> None:
    image = put(sources[0], "one", remote_id="m-shared")
    for n in range(SHOWN + 3):
        put(sources[1], f"copy-{n:02}", remote_id="m-shared", row={"key": f"k{n}"})
    put(sources[1], "another", remote_id="m-else")
    found = also_in(image)
    assert (len(found.shown), found.more, found.at_least) == (SHOWN, 3, False)
    html = as_user(bob).get(f"/t/aero/images/{image.id}/").content.decode()
    assert f'href="/t/aero/images/?{found.query}"' in html and "3 more" in html
    listed = as_user(bob).get(f"/t/aero/images/?{found.query}").content.decode()
    assert f"<b>{SHOWN + 4}</b>" in listed
    for name in ("_SAME_ID", "_SAME_TAG"):
        monkeypatch.setattr(module, name, getattr(module, name).replace(str(MOST_READ + 1), str(SHOWN + 2)))
    monkeypatch.setattr(module, "MOST_READ", SHOWN + 1)
    found = also_in(image)
    assert (len(found.shown), found.at_least) == (SHOWN, True)


def test_it_costs_one_query(sources: list[Source], django_assert_num_queries: Any) -> None:
    image = box(sources[0], "one")
    with django_assert_num_queries(1):
        also_in(image)
    for n in range(5):
        box(sources[1], f"two-{n}")
    with django_assert_num_queries(1):
        assert len(also_in(image).shown) == 5


def test_the_query_goes_by_the_indexes(sources: list[Source]) -> None:
    image = box(sources[0], "one")
    for n in range(300):
        box(sources[1], f"other-{n}", repository=f"ai/{n}")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_image")
        values = {name: getattr(image, name) for name in ("id", "remote_id", "repository", "tag")}
        half = f"EXPLAIN ({module._SAME_ID}) UNION ALL ({module._SAME_TAG})"
        cursor.execute(half, {"team": image.team_id, **values})
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "image_team_remote_id" in plan and "image_team_reference" in plan, plan


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x>', "%_\\'; --", "\u202egpj", "a" * 500])
def test_strangers_text_stays_text(sources: list[Source], bob: User, as_user: Any, hostile: str) -> None:
    image = box(sources[0], hostile, repository=hostile, tag=hostile, remote_id=hostile)
    box(sources[1], hostile + "2", repository=hostile, tag=hostile, cluster=hostile[:100])
    answer = as_user(bob).get(f"/t/aero/images/{image.id}/")
    assert answer.status_code == 200 and "same repository and tag" in answer.content.decode()
    if "<" in hostile:
        assert hostile not in answer.content.decode()
