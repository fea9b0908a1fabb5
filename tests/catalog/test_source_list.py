"""The sources page: how each source fares, in words; progress; what is empty, and who can help."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import SyncRun
from catalog.sources import RUNS_SHOWN, source_cards

pytestmark = pytest.mark.django_db

URL = "/t/aero/sources/"
DENIED = {
    "operation": "ListCustomImages",
    "code": "NotAuthorized",
    "message": "You are not authorized by RAM for this request.",
    "request_id": "7D2C-REQUEST",
    "kind": "permission",
}


@pytest.fixture
def now():
    return timezone.now()


def page(client, **extra):
    response = client.get(URL, **extra)
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_each_source_with_its_account_images_and_times(as_user, bob, make_source, make_image, make_run, now):
    source = make_source("alibaba_ehpc_custom", last_complete_at=now - timedelta(minutes=3))
    source.next_sync_at = now + timedelta(minutes=12, seconds=30)
    source.save()
    make_image(source), make_image(source)
    make_run(source)
    shown = page(as_user(bob))
    assert "E-HPC custom · cn-hangzhou" in shown and source.account_name in shown
    assert f'?source={source.id}">2</a>' in shown
    assert "3 min ago" in shown and "in 12 min" in shown and "Healthy" in shown
    assert "simulated" in shown


@pytest.mark.parametrize(
    ("fields", "run", "badge"),
    [
        ({}, None, "Never synced"),
        ({"last_complete_at": 5}, "complete", "Healthy"),
        ({"last_complete_at": 200}, "complete", "Stale"),
        ({"last_complete_at": 5, "paused_at": 1, "paused_reason": "admin"}, "complete", "Paused"),
        ({"last_complete_at": 5, "last_error": DENIED, "failures": 3}, "failed", "Not allowed"),
        ({"last_complete_at": 5}, "suspect", "Needs a look"),
        ({"last_complete_at": 5}, "listing", "Asking the cloud"),
        ({"last_complete_at": 5}, "queued", "Waiting for a worker"),
        ({"last_complete_at": 5, "last_error": DENIED}, "applying", "Applying 0 images"),
    ],
)
def test_it_says_how_a_source_fares(as_user, bob, make_source, make_run, now, fields, run, badge):
    times = {"last_complete_at", "paused_at"}
    given = {name: now - timedelta(minutes=value) if name in times else value for name, value in fields.items()}
    source = make_source("alibaba_ens_self", **given)
    if run:
        make_run(source, run)
    assert badge in page(as_user(bob))


def test_a_failure_says_the_cause_what_to_do_and_that_old_images_are_kept(
    as_user, alice, make_source, make_image, make_run, now
):
    source = make_source(
        "alibaba_ehpc_custom", last_error=DENIED, failures=4, last_complete_at=now - timedelta(hours=1, minutes=2)
    )
    make_image(source), make_image(source)
    run = make_run(source, "failed", error=DENIED)
    shown = page(as_user(alice))
    assert "E-HPC custom · cn-hangzhou has failed 4 times" in shown
    assert "The credential is valid but is not allowed to do this." in shown
    assert "ehpc:ListCustomImages" in shown and "NotAuthorized" in shown and "7D2C-REQUEST" in shown
    assert "The 2 images it last reported are kept, as of" in shown and "1 h ago" in shown
    assert f"/t/aero/runs/{run.id}/" in shown and "Replace credential" not in shown, "it is the right key"


def test_a_viewer_is_told_of_a_failure_but_offered_nothing_only_others_may_do(as_user, bob, make_source):
    make_source("alibaba_ens_self", last_error=DENIED, failures=1)
    shown = page(as_user(bob))
    assert "has failed" in shown and "Retry now" not in shown
    assert "Replace credential" not in shown and "/sync/" not in shown and "Add cloud account" not in shown


def test_an_editor_can_sync_but_not_connect(as_user, eve, make_source):
    make_source("alibaba_ens_self", last_error=DENIED, failures=1)
    shown = page(as_user(eve))
    assert "/sync/" in shown and "Retry now" in shown and "Add cloud account" not in shown


def test_a_source_that_an_error_paused_says_when_it_goes_on(as_user, alice, make_source, now):
    make_source("alibaba_ens_self", last_error=DENIED, failures=1, paused_at=now, paused_reason="permission")
    shown = page(as_user(alice))
    assert "when resumed" in shown and "paused until the credential is replaced" in shown and "/resume/" in shown


def test_a_failure_stays_in_sight_while_it_is_tried_again_and_goes_when_an_admin_paused_it(
    as_user, bob, make_source, make_run, now
):
    source = make_source("alibaba_ens_self", last_error=DENIED, failures=1)
    make_run(source, "listing")
    assert "It is being tried again now." in page(as_user(bob))
    source.paused_at, source.paused_reason = now, "admin"
    source.save()
    assert "has failed" not in page(as_user(bob))


def test_it_draws_the_last_24_runs_and_says_them_in_words(team, make_source, make_run):
    source = make_source("alibaba_ens_self")
    for number in range(30):
        make_run(source, "failed" if number < 3 else "complete", minutes_ago=number * 60)
    (card,) = source_cards(team)
    assert len(card.bars) == RUNS_SHOWN
    assert card.bars_text == "Last 24 syncs, 3 failed"
    assert [bar.tone for bar in card.bars][-4:] == ["ok", "bad", "bad", "bad"]
    assert all(0 <= bar.x < 144 and bar.y + bar.height == 24 for bar in card.bars)


def test_it_reckons_the_pages_that_are_to_come(team, make_source, make_run):
    source = make_source("alibaba_ens_self")
    make_run(source, "listing", pages=12, listed=600, expected=1_021)
    (card,) = source_cards(team)
    assert card.pages_expected == 21


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"part": 5, "parts": 7}, "Part 5 of 7 · Page 12 · 1,200 images"),
        ({"part": 7, "parts": 7, "expected": 2_400}, "Page 12 of 24 · 1,200 of 2,400 images"),
        ({"part": 1, "parts": 1}, "Page 12 · 1,200 images"),
        ({}, "Page 12 · 1,200 images"),
    ],
)
def test_of_a_listing_in_parts_it_says_what_is_known(as_user, bob, make_source, make_run, fields, words):
    make_run(make_source("alibaba_ehpc_container"), "listing", pages=12, listed=1_200, **fields)
    shown = " ".join(page(as_user(bob)).split())
    assert f">{words}</span>" in shown


def test_it_watches_only_while_something_moves(as_user, bob, make_source, make_run, now):
    source = make_source("alibaba_ens_self", next_sync_at=now + timedelta(hours=1))
    client = as_user(bob)
    assert "every 2s" not in page(client)
    run = make_run(source, "listing", pages=2, listed=100, expected=300)
    shown = page(client)
    assert "every 2s" in shown and "Page 2 of 6 · 100 of 300 images" in shown and 'value="100" max="300"' in shown
    assert "<noscript>" in shown and "See how far it is" in shown
    SyncRun.objects.filter(id=run.id).update(state="complete", finished_at=now)
    fragment = page(client, headers={"HX-Request": "true"})
    assert "every 2s" not in fragment and "All syncs are over." in fragment
    assert "<html" not in fragment and fragment.lstrip().startswith('<div id="source-results"')


def test_the_page_and_its_fragment_are_told_apart_by_caches(as_user, bob):
    assert "HX-Request" in as_user(bob).get(URL)["Vary"]


@pytest.mark.parametrize(("minutes", "state"), [(6, None), (None, "queued")])
def test_it_says_when_nobody_syncs(as_user, bob, make_source, make_run, now, minutes, state):
    source = make_source("alibaba_ens_self", next_sync_at=now - timedelta(minutes=minutes or -60))
    if state:
        make_run(source, state, minutes_ago=6)
    assert "Nobody is syncing." in page(as_user(bob))


def test_a_paused_or_just_due_source_is_no_reason_for_alarm(as_user, bob, make_source, now):
    make_source("alibaba_ens_self", next_sync_at=now - timedelta(minutes=2))
    make_source("alibaba_ens_public", next_sync_at=now - timedelta(days=2), paused_at=now, paused_reason="admin")
    assert "Nobody is syncing." not in page(as_user(bob))


def test_it_warns_of_a_token_that_runs_out(as_user, alice, make_account, make_source, now):
    make_source("alibaba_ens_self", make_account(name="Edge", expires_at=now + timedelta(hours=3)))
    make_account(name="Old", expires_at=now - timedelta(hours=3))
    make_account(name="Fine", expires_at=now + timedelta(days=30))
    shown = page(as_user(alice))
    assert "The STS token of <b><bdi>Edge</bdi></b> is over soon" in shown
    assert "The STS token of <b><bdi>Old</bdi></b> is over." in shown
    assert "The STS token of <b><bdi>Fine</bdi></b>" not in shown


def test_without_an_account_an_admin_may_connect_one_and_others_learn_whom_to_ask(as_user, alice, bob):
    assert "Connect a cloud account" in page(as_user(alice))
    shown = page(as_user(bob))
    assert "Connect a cloud account" not in shown and "Alice Liddell" in shown


def test_with_an_account_and_no_source_the_next_step_is_offered(as_user, alice, make_account):
    make_account()
    assert "No source yet" in page(as_user(alice))


def test_it_hides_other_teams_and_removed_sources(as_user, charlie, alice, other_team, make_account, make_source, now):
    make_source("alibaba_ens_self", make_account(team=other_team, name="Theirs"))
    make_source("alibaba_ens_public", name := make_account(name="Gone soon"), archived_at=now)
    name.delete()
    shown = page(as_user(alice))
    assert "Theirs" not in shown and "ENS public" not in shown


def test_names_are_data(as_user, alice, make_account, make_source):
    make_source("alibaba_ens_self", make_account(name='<img src=x hx-get="/evil">'))
    shown = page(as_user(alice))
    assert "<img" not in shown and "&lt;img src=x" in shown


def test_it_makes_the_same_queries_for_one_source_and_for_ten(as_user, alice, make_account, make_source, make_run):
    account, client = make_account(), as_user(alice)

    def count():
        with CaptureQueriesContext(connection) as queries:
            page(client)
        return len(queries)

    make_run(make_source("alibaba_ens_self", account))
    page(client)
    one = count()
    for number in range(9):
        source = make_source("alibaba_ens_self", account, region=f"cn-{number}0", last_error=DENIED, failures=1)
        make_run(source), make_run(source)
    assert count() == one
