"""What is asked for: read from a query string, written back as one, counted and paged."""

import itertools
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Team
from catalog import browse, counts, hits, pages
from catalog.browse import Choice, ImageFilter, UnknownFilter, parse
from catalog.labels import DIMENSIONS
from catalog.models import Source
from tests.catalog.shelf import put

TEAM = uuid.uuid4()


def asked(query: str) -> ImageFilter:
    return parse(query, TEAM, [])


def test_it_takes_several_values_by_comma_and_by_repetition() -> None:
    assert asked("arch=x86_64,arm64&arch=i386").choices["arch"] == Choice(("arm64", "i386", "x86_64"))
    assert asked("?os=linux").choices["os"] == Choice(("linux",))


def test_it_takes_exclusions_beside_values() -> None:
    assert asked("arch=-i386,x86_64").choices["arch"] == Choice(("x86_64",), ("i386",))


@pytest.mark.parametrize(
    ("given", "canonical"),
    [("CENTOS", "CentOS"), ("rhel", "Red Hat Enterprise Linux"), ("Unknown", "unknown"), ("My own", "My own")],
)
def test_it_knows_a_distribution_whatever_its_case(given: str, canonical: str) -> None:
    assert asked(f"distribution={given}").choices["distribution"].wanted == (canonical,)


def test_it_writes_one_short_canonical_query() -> None:
    query = asked(
        "q=%20cuda++12%20&arch=x86_64&arch=-i386&os=Linux&sort=name&distribution=ubuntu,centos&os=linux"
    ).query()
    assert query == "os=linux&distribution=CentOS,Ubuntu&arch=x86_64,-i386&q=cuda%2012"
    assert asked("").query() == ""


def test_a_comma_and_a_leading_dash_may_belong_to_a_value() -> None:
    there = ImageFilter(TEAM, {"distribution": Choice(("-c", "a, b"), ("\\d",))})
    assert asked(there.query()).choices == there.choices


@given(
    st.dictionaries(
        st.sampled_from(sorted(set(DIMENSIONS) - {"source"})),
        st.lists(st.tuples(st.text(min_size=1, max_size=20), st.booleans()), max_size=4),
    ),
    st.text(max_size=40),
    st.sampled_from(["", *browse.SORTS, *(f"-{name}" for name in browse.SORTS)]),
)
def test_reading_what_was_written_changes_nothing(choices: dict, q: str, sort: str) -> None:
    query = QueryDict(mutable=True)
    for dimension, values in choices.items():
        query.setlist(dimension, [("-" if out else "") + value for value, out in values])
    query["q"], query["sort"] = q, sort
    once = parse(query, TEAM, [])
    twice = asked(once.query())
    assert replace(twice, notices=()) == replace(once, notices=())
    assert twice.query() == once.query()


def test_a_page_ignores_what_it_does_not_know_and_says_so() -> None:
    found = parse(QueryDict("oss=linux&arch=arm64&sort=colour&page=x&size=-3"), TEAM, [])
    assert found.query() == "arch=arm64"
    assert [notice for notice in found.notices if "oss" in notice or "colour" in notice] == list(found.notices)


@pytest.mark.parametrize("query", ["oss=linux", "page=2", "size=100", "linux", "sort=colour", "os=linux&x", "=linux"])
def test_a_command_refuses_what_it_does_not_know(query: str) -> None:
    with pytest.raises(UnknownFilter):
        parse(query, TEAM, [], strict=True)


def test_it_survives_what_people_and_machines_send() -> None:
    assert len(asked("q=" + "x" * 10_000).q) == browse.LONGEST_VALUE
    many = asked("region=" + ",".join(f"r{n}" for n in range(400)))
    assert len(many.choices["region"].wanted) == browse.MOST_VALUES and many.notices
    assert "\0" not in asked("q=a%00b&distribution=%00").query()
    assert asked("os=,,-,&q=&arch=%20").choices == {}
    assert len(asked("&".join(f"k{n}=1" for n in range(500))).notices) <= 5


def test_a_value_that_is_none_selects_nothing_and_never_everything() -> None:
    assert asked("arch=sparc").choices["arch"] == Choice(("sparc",))
    assert asked("source=nonsense").choices["source"] == Choice(("nonsense",))


def test_archived_images_are_shown_only_to_who_asks() -> None:
    assert asked("").choice("state") == Choice((), ("archived",))
    assert asked("state=archived").choice("state") == Choice(("archived",))
    assert asked("state=-missing").choice("state") == Choice((), ("missing", "archived"))


def test_chips_say_what_is_chosen_and_lead_to_the_rest() -> None:
    chips = asked("type=vm&arch=-i386&q=cuda").chips()
    assert [(chip.text, chip.excluded) for chip in chips] == [
        ("Virtual machine", False),
        ("i386", True),
        ("cuda", False),
    ]
    assert [chip.query for chip in chips] == ["arch=-i386&q=cuda", "type=vm&q=cuda", "type=vm&arch=-i386"]


# With images


@pytest.fixture
def shelf(make_source: Callable[..., Source]) -> list[Source]:
    """Three sources and 60 images, no two facets alike."""
    sources = [
        make_source("alibaba_ehpc_custom"),
        make_source("alibaba_ens_self"),
        make_source("huawei_workspace"),
    ]
    systems = [("linux", "Ubuntu", "22.04"), ("linux", "CentOS", "7.9"), ("windows", "Windows Server", "2019"),
               ("unknown", "Homegrown 3", None), ("unknown", None, None)]  # fmt: skip
    arches = ["x86_64", "arm64", "unknown"]
    states = ["available", "available", "creating", "missing", "archived"]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for n, (source, system, arch) in zip(
        range(60), itertools.cycle(itertools.product(sources, systems, arches)), strict=False
    ):
        put(
            source, f"{'Zebra' if n % 2 else 'alpha'}-{n % 7}-镜像", key=str(n), os=system[0], distribution=system[1],
            os_version=system[2], arch=arch, type="container" if n % 5 == 0 else "vm",
            visibility=["private", "shared", "public"][n % 3], size_gib=[None, 0, 20, 40][n % 4], state=states[n % 5],
            region="cn-beijing-5" if source is sources[1] and n % 2 else source.region,
            row={"changed_at": start + timedelta(hours=n // 3)},
        )  # fmt: skip
    return sources


def found(query: str, sources: list[Source]) -> tuple[ImageFilter, list]:
    there = parse(query, sources[0].team_id, sources)
    return there, [row[0] for row in pages.stream(there, "i.name", batch=7)]


def test_it_selects_by_every_dimension(shelf: list[Source]) -> None:
    def n(query: str) -> int:
        return len(found(query, shelf)[1])

    assert (
        n("") == 48 and n("state=archived") == 12 and n("state=archived,available") + n("state=creating,missing") == 60
    )
    assert n("os=linux") + n("os=-linux") == 48
    assert n("distribution=homegrown 3") == n("distribution=other") > 0
    assert n("distribution=-Homegrown 3,-ubuntu") == n("distribution=-other,-ubuntu")
    assert n("distribution=unknown") == n("os_version=unknown") - n("distribution=other")
    assert n("region=cn-beijing-5") > 0 == n(f"region=cn-beijing-5&source={shelf[0].id}")
    assert (
        n(f"source={shelf[0].id}") == n(f"source={str(shelf[0].id)[:8]}") == n(f"source=-{shelf[1].id},-{shelf[2].id}")
    )
    assert n("arch=sparc") == n("source=nonsense") == n(f"source={uuid.uuid4()}") == 0


def test_it_searches_words_anywhere_and_chinese_too(shelf: list[Source]) -> None:
    zebras = found("q=ZEBRA", shelf)[1]
    assert zebras and all("Zebra" in name for name in zebras)
    assert found("q=bra 像", shelf)[1] == zebras == found("q=镜像 zebra", shelf)[1]
    assert len(found("q=镜", shelf)[1]) == 48 and found("q=100%25", shelf)[1] == []
    assert found("q=ze", shelf)[1] == zebras, "a word of two letters is found at a word's start"
    assert found("q=_a", shelf)[1] == []


def test_it_searches_only_the_team(shelf: list[Source], other_team: Team) -> None:
    there = parse("q=zebra", other_team.id, shelf)
    assert list(pages.stream(there, "i.id")) == [] and counts.count(there).total == 0


def test_a_search_that_finds_too_much_says_so(shelf: list[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "MOST", 10)
    there, names = found("q=zebra", shelf)
    assert len(names) > 10 and counts.count(there).exact_total is None
    narrow, names = found("q=zebra&distribution=ubuntu&arch=arm64", shelf)
    assert counts.count(narrow).exact_total == len(names) <= 10, "what is narrowed enough is counted exactly again"


@pytest.mark.parametrize("sort", [way + name for name in browse.SORTS for way in ("", "-")])
def test_pages_forth_and_back_hold_each_image_once(shelf: list[Source], sort: str) -> None:
    there = parse(f"sort={sort}", shelf[0].team_id, shelf)
    everything = [row[0] for row in pages.stream(there, "i.id")]
    page = pages.fetch(there, "i.id", size=7)
    forth = [row[0] for row in page.rows]
    assert not page.previous
    while page.next:
        page = pages.fetch(there, "i.id", size=7, cursor=page.next)
        forth += [row[0] for row in page.rows]
        assert page.end == len(forth)
    page = pages.fetch(there, "i.id", size=7, cursor=pages.LAST, total=48)
    back = [row[0] for row in page.rows]
    assert not page.next and page.start == 42
    while page.previous:
        page = pages.fetch(there, "i.id", size=7, cursor=page.previous)
        back = [row[0] for row in page.rows] + back
    assert page.start == 1
    assert forth == back == everything and len(set(everything)) == 48


def test_the_other_way_round_is_the_same_list_reversed(shelf: list[Source]) -> None:
    for sort in browse.SORTS:
        forwards = [row[0] for row in pages.stream(parse(f"sort={sort}", shelf[0].team_id, shelf), "i.id")]
        backwards = [row[0] for row in pages.stream(parse(f"sort=-{sort}", shelf[0].team_id, shelf), "i.id")]
        assert forwards == backwards[::-1], sort


def test_the_unknown_sorts_behind_what_has_a_name(shelf: list[Source]) -> None:
    systems = [row[0] for row in pages.stream(parse("sort=distribution", shelf[0].team_id, shelf), "i.distribution")]
    assert systems[0] == "CentOS" and systems[-1] is None
    sizes = [row[0] for row in pages.stream(parse("sort=-size", shelf[0].team_id, shelf), "i.size_gib")]
    assert sizes[0] == 40 and sizes[-1] is None


def test_a_page_stays_in_place_while_images_come_and_go(shelf: list[Source]) -> None:
    there = parse("", shelf[0].team_id, shelf)
    first = pages.fetch(there, "i.id, i.name", size=10)
    rest = [row[0] for row in pages.stream(there, "i.id")][10:]
    put(shelf[0], "aaaa-new")
    connection.cursor().execute("DELETE FROM catalog_image WHERE id = %s", [first.rows[-1][0]])
    second = pages.fetch(there, "i.id, i.name", size=10, cursor=first.next)
    assert [row[0] for row in second.rows] == rest[:10]


@pytest.mark.parametrize("cursor", ["forged", "x" * 5000, "a:b:c", "Ωmega", "last:"])
def test_a_forged_cursor_is_refused(shelf: list[Source], cursor: str) -> None:
    with pytest.raises(pages.BadCursor):
        pages.fetch(parse("", shelf[0].team_id, shelf), "i.id", cursor=cursor)


def test_a_cursor_of_another_list_is_refused(shelf: list[Source], other_team: Team) -> None:
    cursor = pages.fetch(parse("sort=os", shelf[0].team_id, shelf), "i.id", size=5).next
    for there in (parse("", shelf[0].team_id, shelf), parse("sort=os&os=linux", shelf[0].team_id, shelf),
                  parse("sort=os", other_team.id, [])):  # fmt: skip
        with pytest.raises(pages.BadCursor):
            pages.fetch(there, "i.id", cursor=cursor)


def test_counting_takes_one_query_and_a_page_another(shelf: list[Source]) -> None:
    there = parse("os=linux&q=zebra&arch=-arm64", shelf[0].team_id, shelf)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        pages.fetch(there, "i.id", selected=counts.count(there).selected)
    assert len(queries) == 2


# The saved view an address is in


VIEW = "0f3c9a71"


def test_the_view_stays_in_every_address_and_filters_nothing() -> None:
    found = asked(f"view={VIEW.upper()}&os=linux&arch=arm64")
    assert found.view == VIEW and found.query() == f"os=linux&arch=arm64&view={VIEW}"
    assert found.bare_query() == "os=linux&arch=arm64" == asked("os=linux&arch=arm64").query()
    assert {chip.query for chip in found.chips()} == {f"os=linux&view={VIEW}", f"arch=arm64&view={VIEW}"}
    assert found.sorted_by("size").query(page="x") == f"os=linux&arch=arm64&sort=size&view={VIEW}&page=x"
    assert found.cleared().query() == f"view={VIEW}"
    assert asked(found.query()) == found


@pytest.mark.parametrize("view", ["x", "0f3c9a7", "0f3c9a71-", "0f3c9a71 or 1=1", "‮" * 50, "0f3c9a71,0f3c9a72"])
def test_what_is_no_view_is_left_out_and_told(view: str) -> None:
    query = QueryDict(mutable=True)
    query["view"] = view
    found = parse(query, TEAM, [])
    assert found.view == "" and len(found.notices) == 1 and "no saved view" in found.notices[0]


def test_everything_has_a_name_where_a_bare_address_leads_to_the_default_view() -> None:
    everything = asked("view=all")
    assert everything.view == "" and everything.query() == "" and not everything.notices
    beside_a_default = everything.in_view("", has_default=True)
    assert beside_a_default.query() == "view=all" and beside_a_default.query(page="x") == "view=all&page=x"
    assert beside_a_default.toggled("os", "linux").query() == "os=linux" and beside_a_default.bare_query() == ""


def test_a_command_is_told_that_a_view_is_no_filter() -> None:
    with pytest.raises(UnknownFilter):
        parse(f"view={VIEW}", TEAM, [], strict=True)
