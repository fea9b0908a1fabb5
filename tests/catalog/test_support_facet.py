"""Images by how long their system is supported: counts, filter and words follow from the table and the day alone."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Team, User
from catalog import counts, hits, pages, table
from catalog.browse import Choice, ImageFilter, parse
from catalog.cells import Shelf, support_badge
from catalog.models import Image, Source
from catalog.os_support import STATES, TABLE, support
from catalog.supported import Systems
from tests.catalog.shelf import put

DAY = date(2026, 11, 21)
URL = "/t/aero/images/"
# Systems, and how supported they are on DAY.
SHELF = [
    ("Ubuntu", "24.04", "supported"),
    ("Rocky Linux", "9.3", "supported"),
    ("Windows", "11", "unknown"),
    ("Windows Server", "2016", "ending"),
    ("openEuler", "24.03 SP1", "ending"),
    ("CentOS", "7", "past"),
    ("CentOS", "7.9", "past"),
    ("Ubuntu", "16.04", "past"),
    ("Windows", "8.1", "past"),
    ("SUSE", "15", "unknown"),
    ("Ubuntu", None, "unknown"),
    ("Homegrown 3", "7", "unknown"),
    (None, "7", "unknown"),
    (None, None, "unknown"),
]


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_custom", last_complete_at=timezone.now() - timedelta(minutes=3))


@pytest.fixture
def shelf(source: Source, make_source: Callable[..., Source]) -> Source:
    """Three images of each system, of two architectures, in two sources; some are archived."""
    other = make_source("alibaba_ens_self")
    for number in range(3 * len(SHELF)):
        distribution, version, _state = SHELF[number % len(SHELF)]
        put(
            other if number % 4 == 3 else source, f"image-{number:02}", key=str(number), distribution=distribution,
            os_version=version, os="linux" if number % 3 else "windows", arch="arm64" if number % 2 else "x86_64",
            state="archived" if number % 7 == 6 else "available", type="container" if number % 5 == 0 else "vm",
        )  # fmt: skip
    return source


def asked(query: str, source: Source, day: date = DAY) -> ImageFilter:
    found = parse(query, source.team_id, Source.objects.filter(team_id=source.team_id))
    return ImageFilter(found.team_id, found.choices, found.q, found.sort, found.names, systems=Systems(day))


def states(there: ImageFilter) -> list[str]:
    """Of each image that is listed, by the table itself."""
    return [
        support(row[0], row[1], there.systems.day).state for row in pages.stream(there, "i.distribution, i.os_version")
    ]


def test_each_state_has_its_images(shelf: Source) -> None:
    everything = Counter(states(asked("", shelf)))
    assert set(everything) == set(STATES)
    assert counts.count(asked("", shelf)).facets["support"] == everything
    for state in STATES:
        assert set(states(asked(f"support={state}", shelf))) == {state}
        assert counts.count(asked(f"support={state}", shelf)).total == everything[state]
        assert len(states(asked(f"support=-{state}", shelf))) == sum(everything.values()) - everything[state]


def test_it_follows_the_day(shelf: Source) -> None:
    def told(day: date) -> dict[str, int]:
        return counts.count(asked("distribution=Windows Server", shelf, day)).facets["support"]

    end = TABLE["Windows Server", "2016"].ends
    n = counts.count(asked("distribution=Windows Server", shelf)).total
    assert n > 0 and told(end) == told(end - timedelta(days=180)) == {"ending": n}
    assert told(end + timedelta(days=1)) == {"past": n} and told(end - timedelta(days=181)) == {"supported": n}
    query = "support=past&distribution=Windows Server"
    assert states(asked(query, shelf, end)) == [] and len(states(asked(query, shelf, end + timedelta(days=1)))) == n


values = {
    "support": [*STATES, "nonsense"], "distribution": ["ubuntu", "centos", "windows", "other", "homegrown 3"],
    "os_version": ["7", "7.9", "unknown"], "arch": ["x86_64", "arm64"], "os": ["linux", "windows"],
    "type": ["vm", "container"], "state": ["available", "archived"],
}  # fmt: skip
picks = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=3)
chosen = st.fixed_dictionaries({"support": picks}) | st.dictionaries(st.sampled_from(sorted(values)), picks, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices=chosen, q=st.sampled_from(["", "", "image", "mage-1", "im", "none of it"]))
def test_counts_equal_a_recount_with_whatever_else_is_chosen(shelf: Source, choices: dict, q: str) -> None:
    query = QueryDict(mutable=True)
    for dimension, picked in choices.items():
        options = values[dimension]
        query.setlist(dimension, ["-" * out + options[pick % len(options)] for pick, out in picked])
    query["q"] = q
    there = asked(query.urlencode(), shelf)
    told = counts.count(there)
    listed = states(there)
    choice = there.choice("support")
    assert all(choice.allows(state) for state in listed)
    assert told.total == len(listed) == counts.count_matching(there)
    assert told.facets["support"] == Counter(states(there.with_choice("support", Choice())))
    for dimension in ("arch", "os", "type", "source"):
        without = there.with_choice(dimension, Choice())
        column = "i.source_id::text" if dimension == "source" else f"i.{dimension}"
        assert told.facets[dimension] == Counter(row[0] for row in pages.stream(without, column)), dimension


def test_excluding_what_ended_keeps_what_is_unknown(shelf: Source) -> None:
    kept = states(asked("support=-past", shelf))
    assert set(kept) == {"supported", "ending", "unknown"}
    assert set(states(asked("support=-past,-unknown", shelf))) == {"supported", "ending"}
    assert set(states(asked("support=ending,past", shelf))) == {"ending", "past"}
    # What is both chosen and excluded is excluded.
    assert set(states(asked("support=ending,-ending", shelf))) == {"supported", "past", "unknown"}


def test_a_state_no_image_is_in_selects_none(source: Source) -> None:
    put(source, "one", distribution="Ubuntu", os_version="24.04")
    assert states(asked("support=past", source)) == states(asked("support=nonsense", source)) == []
    assert states(asked("support=-past", source)) == ["supported"]


def test_it_is_capped_with_a_search_like_every_facet(shelf: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "MOST", 5)
    there = asked("q=image&support=past", shelf)
    told = counts.count(there)
    assert told.capped and told.exact_total is None
    assert set(states(there)) == {"past"} and len(states(there)) > 5, "what is listed does not depend on the cap"


def test_pages_hold_each_image_once(shelf: Source) -> None:
    there = asked("support=past,unknown&sort=-os", shelf)
    everything = [row[0] for row in pages.stream(there, "i.id", batch=4)]
    page = pages.fetch(there, "i.id", size=5)
    forth = [row[0] for row in page.rows]
    while page.next:
        page = pages.fetch(there, "i.id", size=5, cursor=page.next)
        forth += [row[0] for row in page.rows]
    assert forth == everything and len(set(everything)) == counts.count(there).total > 5


def test_a_team_sees_only_its_own_systems(shelf: Source, other_team: Team) -> None:
    there = parse("support=past", other_team.id, [])
    assert there.systems.dated(other_team.id) == {} and counts.count(there).total == 0
    assert set(there.systems.dated(shelf.team_id)) == {"supported", "ending", "past"}, "one team's are not another's"


def test_the_rows_of_a_page_say_what_the_filter_says(shelf: Source) -> None:
    """A row is read with its version cut to what a cell holds; the facet groups by a longer one."""
    for version in ("7." + "1" * 80, "7" * 40, "2012 R2" + " " * 40 + "x"):
        put(shelf, version, key=version, distribution="CentOS", os_version=version)
    for state in STATES:
        there = asked(f"support={state}", shelf)
        found = [row[2:] for row in pages.select(there, table.sql(["name", "os"]), limit=99)]
        shown = table.rows(found, ["name", "os"], Shelf({}, {}, DAY))
        words = {"past": "EOL", "ending": "ends soon"}.get(state, "")
        badges = [re.findall(r'class="badge[^>]*>([^<]*)<', row.cells) for row in shown]
        assert shown and badges == [[words] if words else []] * len(shown)


# The page


@pytest.fixture
def look(bob: User, as_user: Callable[[User], Client]) -> Callable[..., Any]:
    client = as_user(bob)

    def get(query: str = "", **headers: str) -> Any:
        return client.get(URL + query, headers=headers)

    return get


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_a_row_is_marked_where_support_ended_or_soon_will(look: Callable[..., Any], source: Source) -> None:
    for name, distribution, version in (
        ("old", "CentOS", "7.9"), ("new", "Red Hat Enterprise Linux", "10.1"), ("odd", "CentOS", "77"),
    ):  # fmt: skip
        put(source, name, distribution=distribution, os_version=version)
    response = look()
    html = response.content.decode()
    assert "CentOS 7.9 EOL" in text(response) and html.count(">EOL<") == 1
    assert '<span class="badge bad" title="Support ended June 30, 2024">EOL</span>' in html
    assert ">ends soon<" not in html and "CentOS 77 EOL" not in text(response)


def test_a_badge_is_of_its_day() -> None:
    end = TABLE["Windows Server", "2016"].ends
    for days, badge in ((181, None), (180, "ends soon"), (0, "ends soon"), (-1, "EOL")):
        found = support_badge("Windows Server", "2016", end - timedelta(days=days))
        assert (found and found.text) == badge
    assert support_badge("Windows Server", "2016", end) == ("ends soon", "warn", "Support ends Jan. 12, 2027")


def test_the_rail_offers_states_with_their_counts(look: Callable[..., Any], source: Source) -> None:
    for n in range(3):
        put(source, f"old-{n}", distribution="CentOS", os_version=f"7.{n}", arch="arm64" if n else "x86_64")
    put(source, "new", distribution="AlmaLinux", os_version="10.0", arch="arm64")
    put(source, "odd")
    response = look("?support=past")
    rail = {f"{d}={v}": int(n) for d, v, n in re.findall(
        r'name="(\w+)" value="([^"]*)".*?class="n">(\d+)', response.content.decode()
    )}  # fmt: skip
    assert {name: n for name, n in rail.items() if name.startswith("support")} == {
        "support=past": 3, "support=supported": 1, "support=unknown": 1,
    }  # fmt: skip
    assert rail["arch=arm64"] == 2 and rail["arch=x86_64"] == 1 and "distribution=AlmaLinux" not in rail
    assert "OS support: Ended" in text(response) and "3 of 5 images" in text(response)
    shown = text(look("?support=-past,-unknown"))
    assert "OS support: not Ended" in shown and "m-new" in shown and "m-old" not in shown and "m-odd" not in shown


def test_the_rail_is_silent_where_nothing_is_known(look: Callable[..., Any], source: Source) -> None:
    put(source, "odd")
    assert 'id="ft-support"' not in look().content.decode()
    chosen = look("?support=past")
    assert 'id="ft-support"' in chosen.content.decode() and "OS support: Ended" in text(chosen)


def test_a_filter_that_excludes_everything_says_what_its_removal_leaves(
    look: Callable[..., Any], source: Source
) -> None:
    put(source, "new", distribution="AlmaLinux", os_version="10.0", arch="arm64")
    shown = text(look("?support=past&arch=arm64"))
    assert "Remove OS support: Ended → 1 image" in shown and "Remove Arch: arm64 → 0 images" in shown


def test_it_costs_as_many_queries_for_ten_images_as_for_three_hundred(look: Callable[..., Any], source: Source) -> None:
    for n in range(10):
        put(source, f"image-{n}", distribution="CentOS", os_version="7.9")
    look("?size=100")

    def queries(query: str) -> int:
        with CaptureQueriesContext(connection) as made:
            look(query)
        return len(made)

    plain = queries("?type=vm&size=100")
    few = queries("?type=vm&support=past,-unknown&size=100")
    for n in range(300):
        put(source, f"more-{n}", distribution="Ubuntu", os_version=f"16.04.{n}")
    assert queries("?type=vm&support=past,-unknown&size=100") == few <= 8
    assert queries("?type=vm&size=100") == plain and few <= plain + 1


@pytest.mark.parametrize(
    ("distribution", "version", "badge", "fact"),
    [
        ("CentOS", "7.9", "Support ended June 2024", "Ended June 30, 2024 · CentOS product specifications"),
        ("AlmaLinux", "10.1", "Supported to May 2035", "Until May 31, 2035 · AlmaLinux release notes"),
        ("EulerOS", "2.5", "", "Unknown Architecture"),
    ],
)
def test_an_images_own_page_says_until_when_and_who_says_so(
    bob: User, as_user: Callable[[User], Client], source: Source, distribution: str, version: str, badge: str, fact: str
) -> None:
    image = put(source, "one", distribution=distribution, os_version=version)
    response = as_user(bob).get(f"{URL}{image.id}/")
    assert f"OS support {fact}" in text(response) and badge in text(response)
    if badge:
        row = support(distribution, version, DAY).row
        assert f'<a class="link" href="{row.url}" rel="noreferrer">' in response.content.decode()
    else:
        assert "Support" not in text(response)


def test_dates_are_the_readers_own() -> None:
    end = TABLE["Windows Server", "2016"].ends
    with translation.override("zh-hans"):
        assert "2027年1月12日" in support_badge("Windows Server", "2016", end).title


# The command


def test_the_command_takes_the_same_filter(shelf: Source) -> None:
    def names(query: str) -> set[str]:
        out = StringIO()
        call_command("images", "aero", query, stdout=out)
        return set(re.findall(r"image-\d\d", out.getvalue()))

    everything = names("sort=name")
    parts = [names(f"support={state}") for state in STATES]
    assert set().union(*parts) == everything and sum(map(len, parts)) == len(everything)
    assert names("support=-unknown&distribution=CentOS") == names("distribution=CentOS")
    assert names("support=past") == {
        image.name for image in Image.objects.exclude(state="archived")
        if support(image.distribution, image.os_version, timezone.now().date()).state == "past"
    }  # fmt: skip
    with pytest.raises(CommandError):
        names("os_support=past")
