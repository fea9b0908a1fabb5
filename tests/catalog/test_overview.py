"""The Overview: how much is on the shelf, how it grew, and what needs a person."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Pulse, Registration
from catalog.overview import CHART_HEIGHT, CHART_WIDTH, POINTS, trend

pytestmark = pytest.mark.django_db

URL = "/t/aero/"
DENIED = {"operation": "DescribeSelfImages", "code": "NoPermission", "message": "m", "kind": "permission"}


def page(client, **extra) -> str:
    response = client.get(URL, **extra)
    assert response.status_code == 200
    return response.content.decode()


def test_it_counts_images_changes_ended_support_and_failing_sources(as_user, bob, make_source, make_image, make_run):
    source = make_source("alibaba_ens_self", last_complete_at=timezone.now())
    make_image(source), make_image(source)
    make_image(source, distribution="CentOS", os_version="6.8")
    make_run(source, added=38, returned=2, missing=5)
    make_run(source, minutes_ago=8 * 24 * 60, added=900, missing=900)
    make_source("alibaba_ens_public", last_error=DENIED, failures=1)
    shown = page(as_user(bob))
    assert "<b>3</b> images on the shelf" in shown
    assert "<b>+40 / −5</b> this week" in shown
    assert '<b class="bad-text">1</b> past the end of OS support' in shown
    assert '<b class="warn-text">1</b> source failing' in shown
    assert "2 sources" in shown and "?distribution=CentOS" in shown and "?support=past" in shown


def test_the_nav_leads_to_it_first(as_user, bob, make_source):
    shown = page(as_user(bob))
    nav = shown[shown.index('<nav class="nav') :]
    assert nav.index(f'href="{URL}" aria-current="page"') < nav.index("/t/aero/images/")


def test_it_draws_what_the_clouds_listed_from_day_to_day(team, make_source, make_run):
    now = timezone.now()
    one, two = make_source("alibaba_ens_self"), make_source("alibaba_ens_public")
    for source in (one, two):
        source.created_at = now - timedelta(days=200)
    make_run(one, minutes_ago=60 * 24 * 95, listed=100)
    make_run(one, minutes_ago=60 * 24 * 45, listed=150)
    make_run(two, minutes_ago=60 * 24 * 30, listed=1_000)
    make_run(two, "failed", minutes_ago=60, listed=3)
    make_run(one, "suspect", minutes_ago=50, listed=4)
    drawn = trend(team.id, [one, two])
    assert (drawn.days, drawn.first, drawn.last, drawn.least, drawn.most) == (90, 100, 1_150, 100, 1_150)
    places = [tuple(map(float, point.split(","))) for point in drawn.line.split()]
    assert len(places) == POINTS and places[0][0] == 0 and places[-1][0] == CHART_WIDTH
    assert all(0 <= y <= CHART_HEIGHT for _x, y in places) and places[0][1] > places[-1][1]


def test_a_shelf_of_today_has_no_chart_yet_and_says_so(as_user, bob, team, make_source, make_run):
    source = make_source("alibaba_ens_self")
    make_run(source, listed=5)
    assert trend(team.id, [source]) is None and trend(team.id, []) is None
    assert "From tomorrow this shows" in page(as_user(bob))


def test_it_names_what_needs_a_person(as_user, bob, make_source, make_image, make_run, make_account, team):
    now = timezone.now()
    failing = make_source("alibaba_ens_self", last_error={**DENIED, "at": (now - timedelta(hours=2)).isoformat()})
    suspect = make_source("alibaba_ehpc_custom", last_complete_at=now)
    run = make_run(suspect, "suspect", error={"code": "SuspectListing", "lost": 48, "present": 120})
    make_source("alibaba_ens_public", make_account(name="Edge", expires_at=now + timedelta(hours=3)),
                last_complete_at=now - timedelta(hours=5))  # fmt: skip
    make_image(suspect, state="missing")
    Pulse.objects.create(name="w", role="worker", seen_at=now - timedelta(minutes=9))
    sent = Registration.objects.create(team=team, name="cuda-12.4", type="vm", state="unknown", region="cn-hangzhou",
                                       account_name="a", requested_by="a@example.org")  # fmt: skip
    shown = page(as_user(bob))
    attention = shown[shown.index("Needs attention") :]
    for words in (
        "No worker is running.",
        "ENS custom · cn-hangzhou: The credential is valid but is not allowed to do this.",
        "2 h ago",
        "E-HPC custom · cn-hangzhou lists far fewer images than before",
        "48 of 120 are not listed any more",
        "ENS public · cn-hangzhou is stale",
        "The STS token of Edge is over soon",
        "cuda-12.4: the outcome of its registration is unknown",
        "1 image is missing",
        f"/t/aero/sources/{failing.id}/",
        f"/t/aero/runs/{run.id}/",
        f"/t/aero/registrations/{sent.id}/",
        "?state=missing",
    ):
        assert words in attention, words
    assert attention.index("No worker") < attention.index("ENS custom") < attention.index("is missing")


def test_many_failing_sources_are_a_few_names_and_a_number(as_user, bob, make_account, make_source):
    account = make_account()
    for number in range(30):
        make_source("alibaba_ens_self", account, region=f"cn-{number}0", last_error=DENIED, failures=1)
    shown = page(as_user(bob))
    assert shown.count("is not allowed to do this") == 3 and "27 more sources like this" in shown


def test_where_nothing_needs_anybody_it_says_so(as_user, bob, make_source, make_run):
    make_run(make_source("alibaba_ens_self", last_complete_at=timezone.now()))
    assert "Nothing: every source is fresh" in page(as_user(bob))


def test_without_a_source_it_says_what_to_do_and_whom_to_ask(as_user, alice, bob, make_account):
    assert "Connect a cloud account" in page(as_user(alice))
    assert "Alice Liddell" in page(as_user(bob))
    make_account()
    assert "No source yet" in page(as_user(alice))


def test_a_first_sync_is_watched_until_it_is_over(as_user, bob, make_source, make_run):
    source = make_source("alibaba_ens_self")
    run = make_run(source, "listing", pages=2, listed=100, expected=300)
    client = as_user(bob)
    shown = page(client)
    assert "every 2s" in shown and "Page 2 of 6 · 100 of 300 images" in shown
    run.state = "complete"
    run.save()
    fragment = page(client, headers={"HX-Request": "true"})
    assert "every 2s" not in fragment and "<html" not in fragment


def test_it_hides_other_teams_images_and_names_are_data(
    as_user, alice, team, other_team, make_account, make_source, make_image
):
    make_image(make_source("alibaba_ens_self", last_complete_at=timezone.now()))
    make_image(make_source("alibaba_ens_public", make_account(team=other_team, name="Theirs"), last_error=DENIED))
    for owner, name in ((team, "<script>x</script>"), (other_team, "cuda of theirs")):
        Registration.objects.create(team=owner, name=name, type="vm", state="unknown", region="cn-hangzhou")
    shown = page(as_user(alice))
    assert "<script>x" not in shown and "&lt;script&gt;x" in shown
    assert "ENS public" not in shown and "cuda of theirs" not in shown and "<b>1</b> image on the shelf" in shown


def test_it_makes_the_same_queries_for_one_source_and_for_ten(
    as_user, bob, make_account, make_source, make_image, make_run
):
    account, client = make_account(), as_user(bob)

    def more(region: str) -> None:
        source = make_source(
            "alibaba_ens_self", account, region=region, last_error=DENIED, last_complete_at=timezone.now()
        )
        source.created_at = timezone.now() - timedelta(days=9)
        source.save()
        (
            make_image(source, state="missing"),
            make_run(source),
            make_run(source, "suspect", error={"lost": 1, "present": 1}),
        )

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(client)
        return len(queries)

    more("cn-hangzhou")
    page(client)
    one = count()
    for number in range(9):
        more(f"cn-{number}0")
    assert count() == one <= 16
