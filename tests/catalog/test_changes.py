"""The Changes page: what it shows of whom, its filters and addresses, its pages, and what is new since when."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Team, User
from catalog import change_sets
from catalog.actions import correct_image
from catalog.change_sets import fetch_sets
from catalog.changes import parse
from catalog.models import ChangeVisit, Image, ImageChange, Source, SyncRun
from tests.catalog.shelf import put
from tests.catalog.telling import ago, became, tell
from tests.test_deadline import slow

URL = "/t/aero/changes/"
HTMX = {"HX-Request": "true", "HX-Target": "change-results", "HX-Current-URL": f"http://testserver{URL}"}


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_custom", last_complete_at=timezone.now())


@pytest.fixture
def edge(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ens_self", last_complete_at=timezone.now())


@pytest.fixture
def image(source: Source) -> Image:
    return put(source, "solver")


@pytest.fixture
def look(bob: User, as_user: Callable[[User], Client]) -> Callable[..., Any]:
    client = as_user(bob)
    return lambda query="", follow=False, **headers: client.get(f"{URL}?{query}", headers=headers, follow=follow)


@pytest.fixture
def told(source: Source, edge: Source, image: Image) -> dict[str, SyncRun]:
    """Three syncs, the latest of the edge."""
    other = put(edge, "gateway")
    return {
        "old": tell(source, ago(days=9), [{"image": image, "kind": "added"}], added=1),
        "grown": tell(source, ago(days=2), [became(image), became(image, "arch", "i386", "arm64")], changed=1),
        "lost": tell(edge, ago(hours=3), [{"image": other, "kind": "missing"}], missing=1),
    }


def text(response: Any) -> str:
    assert response.status_code == 200
    html = response.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html[html.index('id="change-results"') :]).split())


def runs_shown(response: Any) -> list[str]:
    return re.findall(r'/runs/([0-9a-f-]{36})/"', response.content.decode())


# What is shown


def test_it_shows_each_set_with_its_source_run_and_changes_in_words(look: Callable[..., Any], told: Any) -> None:
    response = look()
    assert runs_shown(response) == [str(told[name].id) for name in ("lost", "grown", "old")]
    shown = text(response)
    assert "ENS custom · cn-hangzhou · 1 missing" in shown and "E-HPC custom · cn-hangzhou · 1 changed" in shown
    assert "Size: 20 GiB → became 40 GiB" in shown and "Architecture: i386 → became arm64" in shown
    assert "solver m-solver Added" in shown and "gateway m-gateway Missing" in shown
    assert f'href="/t/aero/images/{Image.objects.get(name="solver").id}/"' in response.content.decode()


def test_of_a_large_run_it_shows_the_first_few_and_leads_to_all(
    look: Callable[..., Any], source: Source, told: Any
) -> None:
    images = [put(source, f"node-{n:03}") for n in range(130)]
    run = tell(source, ago(hours=1), [became(image) for image in images], changed=130)
    response = look()
    assert "130 changed" in text(response) and text(response).count("node-") == 10, "five names and IDs"
    assert f'{URL}?run={run.id}">All 130 changes of this sync</a>' in response.content.decode()
    assert runs_shown(response)[1] == str(told["lost"].id), "the run before it comes right behind"
    found, query = [], f"run={run.id}"
    while query:
        html = look(query).content.decode()
        found += re.findall(r"<bdi>(node-\d+)</bdi>", html)
        older = re.search(r'href="[^"?]*\?([^"]+)" rel="next"', html)
        query = older[1].replace("&amp;", "&") if older else ""
    assert sorted(found) == sorted(image.name for image in images) and len(found) == 130


def test_a_filter_counts_what_fits_it_and_keeps_to_it_in_the_run(
    look: Callable[..., Any], source: Source, team: Team
) -> None:
    images = [put(source, f"node-{n:03}") for n in range(12)]
    changes = [became(image) for image in images] + [became(image, "arch", "i386", "arm64") for image in images[:7]]
    run = tell(source, ago(hours=1), changes, changed=12)
    response = look("field=arch")
    assert "7 changes" in text(response) and "12 changed" not in text(response)
    assert f"{URL}?field=arch&amp;run={run.id}" in response.content.decode()
    assert "Size" not in text(look(f"field=arch&run={run.id}"))


def test_it_says_who_corrected_what(
    look: Callable[..., Any], team: Team, alice: User, image: Image, source: Source
) -> None:
    correct_image(team, alice, image, {"arch": "arm64"}, {"arch": image.arch})
    assert "Corrected Architecture: Unknown → became arm64 alice@example.org" in text(look())
    assert runs_shown(look()) == []


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '" onclick="x', "\u202egpj", "x" * 5000, "\x01\x1b"])
def test_strangers_text_stays_text_and_is_cut(look: Callable[..., Any], source: Source, hostile: str) -> None:
    image = put(source, hostile, remote_id=hostile)
    tell(source, ago(hours=1), [became(image, "name", hostile, hostile), became(image, hostile[:40], hostile, hostile)])
    html = look().content.decode()
    assert escape(hostile[:20]) in html and (hostile == escape(hostile) or hostile not in html)
    assert len(html) < 30_000


def test_it_hides_other_teams_changes(
    look: Callable[..., Any], told: Any, other_team: Team, make_account: Any, make_source: Any
) -> None:
    theirs = make_source("alibaba_ens_public", make_account(team=other_team, name="Theirs"))
    run = tell(theirs, ago(minutes=5), [became(put(theirs, "secret"))], changed=1)
    for query in ("", f"run={run.id}", f"source={theirs.id}", "q=secret"):
        response = look(query)
        assert "m-secret" not in response.content.decode() and str(run.id) not in runs_shown(response)


# Filters


@pytest.mark.parametrize(
    ("query", "runs"),
    [
        ("kind=missing", ["lost"]),
        ("kind=added,missing", ["lost", "old"]),
        ("kind=Changed", ["grown"]),
        ("kind=corrected", []),
        ("field=arch", ["grown"]),
        ("field=name", []),
        ("source=e-hpc", ["grown", "old"]),
        ("source=ens&kind=added", []),
        ("from={2}", ["lost", "grown"]),
        ("to={3}", ["old"]),
        ("day={2}", ["grown"]),
        ("from={1}&to={20}", ["grown", "old"]),
        ("q=solver", ["grown", "old"]),
        ("q=m-gate", ["lost"]),
        ("q=nothing", []),
        ("q=solver&field=size_gib", ["grown"]),
        ("from={2}&source=ens", ["lost"]),
    ],
)
def test_filters(look: Callable[..., Any], told: Any, query: str, runs: list[str]) -> None:
    for days in (1, 2, 3, 20):
        query = query.replace(f"{{{days}}}", ago(days=days).date().isoformat())
    response = look(query, follow=True)
    assert runs_shown(response) == [str(told[name].id) for name in runs]
    assert ("No change fits all of this" in text(response)) is (not runs)


def test_many_images_with_the_words_are_sought_the_other_way_round(
    look: Callable[..., Any], told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_sets, "MOST_IMAGES", 0)
    assert runs_shown(look("q=solver")) == [str(told["grown"].id), str(told["old"].id)]
    assert runs_shown(look("q=solver&kind=added")) == [str(told["old"].id)]


@pytest.mark.django_db(transaction=True)
def test_what_takes_too_long_says_what_to_do(look: Callable[..., Any], told: Any) -> None:
    look()
    with slow("WITH RECURSIVE"):
        assert "Finding these changes took too long" in text(look("q=solver"))
        assert "Finding these changes took too long" in text(look("page=o1-" + "0" * 32))


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("kind=missing&kind=added&q=&from=&to=", "kind=added,missing"),
        ("day=2026-11-20", "from=2026-11-20&to=2026-11-20"),
        ("from=2026-11-20&to=2026-11-01", "from=2026-11-01&to=2026-11-20"),
        ("q=+a++b+&since=visit", "since=visit&q=a%20b"),
        ("kind=ADDED&page=o1-" + "0" * 32, "kind=added&page=o1-" + "0" * 32),
    ],
)
def test_one_list_has_one_address(look: Callable[..., Any], told: Any, query: str, canonical: str) -> None:
    response = look(query)
    assert (response.status_code, response["Location"]) == (302, f"{URL}?{canonical}")
    assert look(canonical).status_code == 200


def test_the_last_chip_leads_to_the_bare_address(look: Callable[..., Any], told: Any) -> None:
    html = look("kind=missing").content.decode()
    assert f'<a class="chip" href="{URL}" aria-label="Remove Kind: Missing">' in html


@pytest.mark.parametrize(
    ("query", "notice"),
    [
        ("colour=red", "There is no filter “colour”."),
        ("kind=exploded", "“exploded” is no value of “kind”"),
        ("kind=-added", "“-added” is no value of “kind”"),
        ("field=secret", "“secret” is no value of “field”"),
        ("source=nowhere", "There is no source “nowhere”."),
        ("from=yesterday", "“yesterday” is not a day"),
        ("to=2026-13-45", "“2026-13-45” is not a day"),
        ("from=0001-01-01", "“0001-01-01” is not a day"),
        ("to=9999-12-31", "“9999-12-31” is not a day"),
        ("since=monday", "“since” knows only your last visit"),
        ("run=1", "There is no sync “1”."),
        ("run=9c2a4d4e-6f9c-4b1c-8a54-0d3d6a9a5b11", "There is no such sync any more."),
        ("page=x", "This address led to no place in the list."),
        ("page=o99999999999999999-" + "f" * 32, "E-HPC"),
        ("page=n99999999999999999-" + "f" * 32, "E-HPC"),
        ("q=" + "w" * 9000, "The search is too long"),
        ("q=%00", "has no letter or digit, so it is not searched"),
        ("q=-", "“-” has no letter or digit, so it is not searched"),
        ("q=solver+-+%23", "“- #” has no letter or digit, so it is not searched"),
        ("kind=" + ",".join(f"k{n}" for n in range(300)), "too many or too long values"),
        ("source=" + "s" * 9000, "too many or too long values"),
        ("%ED%A0%80=%ED%A0%80&q=%ED%A0%80", "There is no filter"),
    ],
)
def test_what_is_not_understood_is_told_and_breaks_nothing(
    look: Callable[..., Any], told: Any, query: str, notice: str
) -> None:
    assert notice in text(look(query, follow=True))


def test_words_of_signs_alone_are_not_searched_and_the_others_are(team: Team, source: Source) -> None:
    assert parse(QueryDict("q=solver+-+node-01+%E2%80%94"), team.id, [source]).query() == "q=solver%20node-01"


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.dictionaries(
        st.sampled_from(["source", "kind", "field", "from", "to", "day", "since", "q", "run", "x"]),
        st.one_of(st.text(max_size=30), st.sampled_from(["added", "name,arch", "2026-02-03", "visit", "a\\,b", "-x"])),
        max_size=5,
    )
)
def test_the_canonical_query_means_the_same_again(team: Team, source: Source, query: dict[str, str]) -> None:
    given_query = QueryDict(mutable=True)
    given_query.update(query)
    asked = parse(given_query, team.id, [source])
    again = parse(QueryDict(asked.query()), team.id, [source])
    assert again.query() == asked.query() and again.choices == asked.choices
    fetch_sets(asked)


# Pages


def follow(look: Callable[..., Any], rel: str, query: str = "") -> list[list[str]]:
    """The runs of each page, from this one along its links."""
    pages = []
    while True:
        html = look(query, follow=True).content.decode()
        pages.append(re.findall(r'/runs/([0-9a-f-]{36})/"', html))
        link = re.search(rf'href="[^"?]*\?([^"]+)" rel="{rel}"', html)
        if not link:
            return pages
        query = link[1].replace("&amp;", "&")


def test_pages_go_through_everything_once_both_ways(
    look: Callable[..., Any], source: Source, edge: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, images = ago(days=1), {one.id: put(one, "one") for one in (source, edge)}
    runs = []
    for n in range(40):  # both sources at the very same times
        for one in (source, edge):
            changes = [became(images[one.id], after=str(m)) for m in range(1 + n % 7)]
            runs.append(tell(one, at - timedelta(minutes=n), changes, changed=1))
    pages = follow(look, "next")
    assert [len(page) for page in pages] == [25, 25, 25, 5]
    assert sorted(chain(*pages)) == sorted(str(run.id) for run in runs)
    last = re.search(r"page=(o[^\"&]+)", look().content.decode())
    assert last
    second = look(f"page={last[1]}").content.decode()
    newer = re.search(r'page=(n[^"&]+)" rel="prev"', second)
    assert newer and re.findall(r'/runs/([0-9a-f-]{36})/"', look(f"page={newer[1]}").content.decode()) == pages[0]
    assert "Newest" in second and "Newest" not in look(f"page={newer[1]}").content.decode()
    assert list(chain(*follow(look, "next", "source=ens"))) == [
        run for run in chain(*pages) if SyncRun.objects.get(id=run).source_id == edge.id
    ]


def test_a_page_whose_changes_are_gone_shows_the_newest(look: Callable[..., Any], told: Any) -> None:
    assert runs_shown(look("page=o1-" + "0" * 32))[0] == str(told["lost"].id)


def test_it_costs_as_many_queries_for_ten_changes_as_for_a_thousand(
    look: Callable[..., Any], source: Source, image: Image, team: Team, alice: User
) -> None:
    correct_image(team, alice, image, {"arch": "arm64"}, {"arch": image.arch})
    tell(source, ago(hours=1), [became(image)], changed=1)
    look()
    counts = []
    for more in (0, 60):
        for n in range(more):
            tell(source, ago(hours=2 + n), [became(put(source, f"s-{n}-{m}")) for m in range(20)], changed=20)
        for query, headers in (("", {}), ("q=s&kind=changed", {}), ("since=visit", HTMX)):
            with CaptureQueriesContext(connection) as queries:
                look(query, **headers)
            counts.append(len(queries))
    assert counts[:3] == counts[3:] and max(counts) <= 12, counts


# Nothing to see, and what is new


def test_without_any_change_it_says_what_will_come(look: Callable[..., Any], source: Source) -> None:
    assert "No change yet" in text(look()) and "No change yet" in text(look("kind=added"))


def away(minutes: float) -> None:
    """Everybody's last look at the page was so long ago."""
    time = timedelta(minutes=minutes)
    ChangeVisit.objects.update(opened_at=F("opened_at") - time, shown_until=F("shown_until") - time)


def time_passes(minutes: float) -> None:
    time = timedelta(minutes=minutes)
    ImageChange.objects.update(at=F("at") - time)
    ChangeVisit.objects.update(since=F("since") - time)
    away(minutes)


def test_what_came_since_the_last_visit_stays_new_while_one_looks(
    look: Callable[..., Any], source: Source, image: Image, told: Any
) -> None:
    assert "new since" not in text(look()), "at the first visit all would be"
    assert "This is your first visit" in text(look("since=visit"))
    time_passes(60)
    new = tell(source, ago(minutes=20), [became(image)], changed=1)
    for query in ("", "", "kind=changed", "since=visit"):
        assert "1 new since your last visit" in text(look(query))
    assert runs_shown(look("since=visit")) == [str(new.id)]
    time_passes(29)
    assert "1 new since" in text(look()), "half an hour makes no new visit"
    time_passes(31)
    assert "new since" not in text(look())
    assert "Nothing new since your last visit" in text(look("since=visit"))


def test_all_can_be_marked_as_seen_but_not_what_came_unseen(
    look: Callable[..., Any], bob: User, as_user: Callable[[User], Client], source: Source, image: Image, told: Any
) -> None:
    look()
    away(60 * 24 * 5)
    assert "3 new since" in text(look())
    tell(source, timezone.now(), [became(image)], changed=1)
    assert as_user(bob).post(f"{URL}seen/")["Location"] == URL
    assert "1 new since" in text(look())


def test_a_sync_that_was_being_applied_at_the_last_visit_is_new(
    look: Callable[..., Any], source: Source, image: Image, make_run: Callable[..., SyncRun]
) -> None:
    """Its changes have the time its listing ended, and are seen only when it is applied."""
    applying = make_run(source, "applying", minutes_ago=3)
    look()
    away(60)
    SyncRun.objects.filter(id=applying.id).update(
        state="complete", started_at=ago(minutes=63), finished_at=ago(minutes=50), changed=1
    )
    place = {"team_id": source.team_id, "source": source, "run": applying, "at": ago(minutes=62)}
    ImageChange.objects.create(**place, **became(image))
    assert "1 new since your last visit" in text(look())


def test_visits_are_each_members_own(
    look: Callable[..., Any], eve: User, as_user: Callable[[User], Client], told: Any, source: Source, image: Image
) -> None:
    look()
    away(60)
    tell(source, ago(minutes=1), [became(image)])
    assert "new since" not in text(as_user(eve).get(URL)), "it is her first"
    assert "1 new since" in text(look())


def nav(response: Any) -> list[str]:
    return re.findall(r"since your last visit: </span>([0-9+]+)", response.content.decode())


def test_the_navigation_says_how_much_came_since_one_looked(
    look: Callable[..., Any], bob: User, as_user: Callable[[User], Client], source: Source, image: Image
) -> None:
    client = as_user(bob)
    tell(source, ago(hours=3), [became(image)])
    assert nav(client.get("/t/aero/team/")) == [], "who never looked is not told"
    look()
    away(60)
    tell(source, ago(minutes=10), [became(image), became(image, "arch")])
    assert nav(client.get("/t/aero/team/")) == ["2", "2"], "on wide screens and in the menu of narrow ones"
    tell(source, ago(minutes=9), [became(image, after=str(n)) for n in range(200)])
    assert nav(client.get("/t/aero/team/"))[0] == "99+"
    assert nav(look()) == [] and nav(client.get("/t/aero/team/")) == []


def test_looking_at_a_redirect_or_a_head_is_a_visit_of_its_page_alone(look: Callable[..., Any], told: Any) -> None:
    assert look("day=2026-11-20").status_code == 302 and not ChangeVisit.objects.exists()
    look()
    assert ChangeVisit.objects.count() == 1


def test_htmx_gets_the_results_alone_and_the_address(look: Callable[..., Any], told: Any) -> None:
    response = look("kind=missing&from=", **HTMX)
    assert "<html" not in response.content.decode() and response["HX-Push-Url"] == f"{URL}?kind=missing"
    assert look("q=sol", **HTMX)["HX-Replace-Url"] == f"{URL}?q=sol", "typing adds no step to the history"
    assert "HX-Request" in response["Vary"]


# A run's own page


def test_a_run_shows_what_it_changed_page_by_page(
    bob: User, as_user: Callable[[User], Client], source: Source, make_run: Callable[..., SyncRun]
) -> None:
    client = as_user(bob)
    make_run(source, minutes_ago=600, added=3)
    images = [put(source, f"node-{n:03}") for n in range(60)]
    run = tell(source, ago(hours=1), [became(image) for image in images], changed=60)
    first = client.get(f"/t/aero/runs/{run.id}/").content.decode()
    names = re.findall(r"<bdi>(node-\d+)</bdi>", first)
    older = re.search(r'href="\?(page=o\d+)"', first)
    assert len(names) == 50 and older
    rest = client.get(f"/t/aero/runs/{run.id}/?{older[1]}").content.decode()
    assert len({*names, *re.findall(r"<bdi>(node-\d+)</bdi>", rest)}) == 60
    assert client.get(f"/t/aero/runs/{run.id}/?page=<x>").status_code == 200


@pytest.mark.parametrize(
    ("earlier", "counts", "words"),
    [
        (False, {"added": 9}, "It was the first sync of its source"),
        (True, {"added": 9}, "Changes are kept for 365 days: those of this sync are gone."),
        (True, {}, "Nothing: all images were as before."),
    ],
)
def test_a_run_without_changes_says_why(
    bob: User, as_user: Callable[[User], Client], source: Source, make_run: Any, earlier: bool, counts: Any, words: str
) -> None:
    if earlier:
        make_run(source, minutes_ago=600)
    run = make_run(source, **counts)
    assert words in as_user(bob).get(f"/t/aero/runs/{run.id}/").content.decode()
