"""Every count of every facet equals what going through the images one by one finds, whatever is chosen."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Team
from catalog import counts, pages, rail, rows
from catalog.browse import SORTS, Choice, ImageFilter, parse
from catalog.labels import DIMENSIONS
from catalog.models import Image, Source
from catalog.os_support import STATES, support
from catalog.providers.base import RemoteImage
from catalog.search import fold, query_pieces
from catalog.supported import Systems

DAY = date(2026, 11, 21)
SYSTEMS = [("Ubuntu", "24.04"), ("Ubuntu", "16.04"), ("CentOS", "7.9"), ("Windows Server", "2016"),
           ("Homegrown 3", "7"), ("homegrown 3", None), ("Other thing", "7"), (None, None)]  # fmt: skip
OFFERED: dict[str, list[str]] = {
    "type": ["vm", "container", "nonsense"],
    "os": ["linux", "windows", "unknown"],
    "distribution": ["ubuntu", "centos", "windows server", "other", "unknown", "HOMEGROWN 3"],
    "os_version": ["24.04", "7", "unknown", "no such"],
    "arch": ["x86_64", "arm64", "unknown"],
    "visibility": ["public", "private"],
    "source": ["0", "1", "nonsense"],
    "region": ["cn-a", "cn-b"],
    "state": ["available", "missing", "archived"],
    "support": [*STATES, "nonsense"],
    "label": ["gold", "old, cheap", "-odd", "unknown", "no such"],
    "star": ["yes", "no", "maybe"],
}
images = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["Zebra 1", "alpha-镜像", "计算 cuda", "镜像-c++", "x"]),
            "type": st.sampled_from(["vm", "container"]),
            "os": st.sampled_from(["linux", "windows", "unknown"]),
            "system": st.sampled_from(SYSTEMS),
            "arch": st.sampled_from(["x86_64", "arm64", "unknown"]),
            "visibility": st.sampled_from(["public", "private"]),
            "source": st.integers(0, 1),
            "region": st.sampled_from(["cn-a", "cn-b"]),
            "state": st.sampled_from(["available", "available", "missing", "archived"]),
            "size_gib": st.sampled_from([None, 0, 7]),
            "labels": st.sampled_from([[], [], ["gold"], ["gold", "old, cheap"], ["-odd"], ["-odd", "gold"]]),
            "starred": st.booleans(),
        }
    ),
    max_size=14,
)
picks = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=3)
chosen = st.dictionaries(st.sampled_from(sorted(OFFERED)), picks, max_size=5)
searches = st.sampled_from(["", "", "", "zebra", "像", "镜像 al", "cu", "1", "a-镜", "像-", "-镜", "c++", "ra 1"])


def test_every_dimension_is_tried() -> None:
    assert set(OFFERED) == set(DIMENSIONS)


@pytest.fixture
def sources(make_source: Callable[..., Source]) -> list[Source]:
    return [make_source("alibaba_ehpc_custom"), make_source("alibaba_ens_self")]


def fill(sources: list[Source], given: list[dict[str, Any]]) -> list[Image]:
    """Exactly these images on the shelf."""
    Image.objects.all()._raw_delete(using="default")
    made = []
    for number, fields in enumerate(given):
        fields = dict(fields)
        source, (distribution, version) = sources[fields.pop("source")], fields.pop("system")
        own = {name: fields.pop(name) for name in ("labels", "starred") if name in fields}
        remote = RemoteImage(
            key=str(number), remote_id=str(number), distribution=distribution, os_version=version, **fields
        )
        made.append(Image(team_id=source.team_id, source=source, content_hash=b"x", **rows.columns(remote), **own))
    return Image.objects.bulk_create(made)


def ask(sources: list[Source], choices: dict[str, list[tuple[int, bool]]], q: str = "", sort: str = "") -> ImageFilter:
    """As the page reads it, on a day of its own."""
    query = QueryDict(mutable=True)
    for dimension, picked in choices.items():
        for pick, excluded in picked:
            value = OFFERED[dimension][pick % len(OFFERED[dimension])]
            if dimension == "source" and value.isdigit():
                value = str(sources[int(value)].id)
            value = value.replace(",", "\\,")
            query.appendlist(dimension, "-" + value if excluded else value.replace("-odd", "\\-odd"))
    query["q"], query["sort"] = q, sort
    found = parse(query, sources[0].team_id, sources)
    return ImageFilter(found.team_id, found.choices, found.q, found.sort, found.names, systems=Systems(DAY))


def values_of(image: Image, dimension: str) -> list[str]:
    """What the facet files an image under."""
    special: dict[str, Callable[[], Any]] = {
        "distribution": lambda: image.distribution_facet,
        "os_version": lambda: image.os_version_facet,
        "source": lambda: str(image.source_id),
        "support": lambda: support(image.distribution_facet, image.os_version_facet, DAY).state,
        "label": lambda: image.labels or ["unknown"],
        "star": lambda: "yes" if image.starred else "no",
    }
    found = special.get(dimension, lambda: getattr(image, dimension))()
    return found if isinstance(found, list) else [found]


def is_chosen(image: Image, dimension: str, choice: Choice) -> bool:
    values = set(values_of(image, dimension))
    wanted, unwanted = set(choice.wanted), set(choice.unwanted)
    if dimension == "distribution" and image.distribution_facet == "other":
        known = {value.lower(): value for value in (*wanted, *unwanted)}
        values.add(known.get(str(image.distribution).lower(), "other"))
    return (not wanted or bool(values & wanted)) and not values & unwanted


def has_words(image: Image, q: str) -> bool:
    return all(
        set(query_pieces(word)) <= set(image.search_pieces)
        if word in ("cu", "1", "al", "ra")
        else word in image.search_text
        for word in fold(q).split()
    )


def recount(there: ImageFilter, shelf: list[Image], dimension: str) -> Counter[str]:
    """The counts of a facet: its own choice left out, archived images too, all others honoured."""
    others = [d for d in DIMENSIONS if d != dimension]
    return Counter(
        value
        for image in shelf
        if has_words(image, there.q) and all(is_chosen(image, d, there.choice(d)) for d in others)
        for value in values_of(image, dimension)
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=images, choices=chosen, q=searches, sort=st.sampled_from([w + s for s in SORTS for w in ("", "-")]))
def test_every_count_is_what_a_recount_finds(
    sources: list[Source], given: list[dict[str, Any]], choices: dict[str, Any], q: str, sort: str
) -> None:
    shelf = fill(sources, given)
    there = ask(sources, choices, q, sort)
    told = counts.count(there)
    found = [i for i in shelf if has_words(i, q) and all(is_chosen(i, d, there.choice(d)) for d in DIMENSIONS)]
    assert {row[0] for row in pages.stream(there, "i.id", batch=3)} == {image.id for image in found}
    assert told.total == len(found) == counts.count_matching(there)
    assert told.shelf == sum(image.state != "archived" for image in shelf) and not told.capped
    for dimension in DIMENSIONS:
        assert told.facets[dimension] == recount(there, shelf, dimension), dimension


def test_labels_are_any_of_several(sources: list[Source]) -> None:
    """One of the labels wanted is enough, one that is unwanted too many."""
    base = {"name": "x", "type": "vm", "region": "r", "source": 0, "system": (None, None), "starred": False}
    fill(sources, [base | {"labels": labels} for labels in (["blessed", "gold"], ["blessed"], ["gold", "old"], [])])

    def n(query: str) -> int:
        return counts.count(parse(query, sources[0].team_id, sources)).total

    assert (n("label=gold"), n("label=gold,blessed"), n("label=Gold,-old"), n("label=unknown")) == (2, 3, 1, 1)
    assert (n("label=-gold"), n("label=-unknown"), n("label=gold,unknown"), n("label=-gold,-unknown")) == (2, 3, 3, 1)


def test_what_a_choice_of_labels_would_leave_is_no_sum_of_theirs(sources: list[Source]) -> None:
    base = {"name": "x", "type": "vm", "region": "r", "source": 0, "system": (None, None), "starred": False}
    fill(sources, [base | {"labels": labels} for labels in (["a", "b"], ["a", "b"], [])])
    told = counts.count(parse("label=c", sources[0].team_id, sources))
    assert told.facets["label"] == {"a": 2, "b": 2, "unknown": 1}
    assert told.with_choice("label", Choice(("a", "b"))) == 2 and told.with_choice("label", Choice()) == 3


def test_labels_and_stars_are_the_teams_own(sources: list[Source], other_team: Team) -> None:
    base = {"name": "x", "type": "vm", "region": "r", "source": 0, "system": (None, None)}
    fill(sources, [base | {"labels": ["gold"], "starred": True}])
    told = counts.count(parse("label=gold&star=yes", other_team.id, sources))
    assert told.total == 0 and told.facets["label"] == told.facets["star"] == {}


def test_a_facet_is_offered_where_there_is_something_to_choose(sources: list[Source]) -> None:
    def offered(query: str = "") -> set[str]:
        there = parse(query, sources[0].team_id, sources)
        return {facet.dimension for facet in rail.facets(there, counts.count(there))}

    base = {"name": "x", "type": "vm", "region": "r", "source": 0, "system": (None, None)}
    fill(sources, [base])
    assert not offered() & {"label", "star"} and {"label", "star"} <= offered("label=gold&star=yes")
    fill(sources, [base, base | {"labels": ["gold"], "starred": True}])
    assert {"label", "star"} <= offered()
