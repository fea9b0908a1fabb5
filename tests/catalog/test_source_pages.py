"""Adding, scheduling, pausing, syncing, deleting a source, and the page of one run."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from catalog.leases import ABANDONED
from catalog.models import Image, Pulse, Source, SyncRun

pytestmark = pytest.mark.django_db

ADD = "/t/aero/sources/add/"


@pytest.fixture
def source(make_source):
    return make_source("alibaba_ens_self")


@pytest.fixture
def admin(as_user, alice):
    return as_user(alice)


def url(source, verb=""):
    return f"/t/aero/sources/{source.id}/{verb}"


def wanted(account, kind="alibaba_ens_self", **fields):
    return {"account": account.id, "kind": kind, "regions": "cn-hangzhou", "every_minutes": 60} | fields


def text(response):
    return response.content.decode()


def test_several_regions_are_added_at_once(admin, make_account):
    account = make_account()
    response = admin.post(
        ADD, wanted(account, regions="cn-hangzhou, cn-shanghai\ncn-beijing,cn-hangzhou", every_minutes=30)
    )
    assert response.status_code == 302 and response["Location"] == "/t/aero/sources/"
    sources = Source.objects.order_by("region")
    assert [s.region for s in sources] == ["cn-beijing", "cn-hangzhou", "cn-shanghai"]
    assert {(s.kind, s.every_minutes, s.simulated) for s in sources} == {("alibaba_ens_self", 30, True)}
    assert AuditEvent.objects.filter(action="source.added").count() == 1


def test_several_clusters_of_a_region_are_added_at_once(admin, make_account):
    account = make_account()
    admin.post(ADD, wanted(account, "alibaba_ehpc_container", clusters="ehpc-hz-1 ehpc-hz-2"))
    assert sorted(Source.objects.values_list("cluster", flat=True)) == ["ehpc-hz-1", "ehpc-hz-2"]


def test_a_listing_is_narrowed_and_what_its_kind_does_not_take_is_left_out(admin, make_account):
    account = make_account()
    fields = {"alibaba_ehpc_custom-ImageOwnerAlias": "self", "alibaba_ehpc_custom-InstanceType": "ecs.n1.tiny"}
    admin.post(ADD, wanted(account, "alibaba_ehpc_custom", clusters="ehpc-hz-1", **fields))
    admin.post(ADD, wanted(account, "alibaba_ens_self", clusters="ehpc-hz-1", **fields))
    custom, ens = Source.objects.order_by("kind")
    assert (custom.cluster, custom.narrowing) == (
        "ehpc-hz-1",
        {"ImageOwnerAlias": "self", "InstanceType": "ecs.n1.tiny"},
    )
    assert (ens.cluster, ens.narrowing) == ("", {})


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"regions": ""}, "This field is required."),
        ({"regions": "cn-hangzhou Nowhere!"}, "“Nowhere!” is not a region"),
        ({"every_minutes": 14}, "greater than or equal to 15"),
        ({"kind": "huawei_workspace"}, "Select a valid choice"),
        ({"kind": ""}, "Choose what to list."),
        ({"kind": "alibaba_ehpc_container", "regions": "cn-a1 cn-b2", "clusters": "x"}, "belongs to one region"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_nothing_typed_is_lost(admin, make_account, fields, sentence):
    response = admin.post(ADD, wanted(make_account(), every_minutes=45) | fields)
    assert response.status_code == 422
    assert sentence in text(response)
    assert (fields.get("regions") or "cn-hangzhou").split()[0] in text(response)
    assert not Source.objects.exists()


def test_the_same_source_twice_is_refused(admin, source):
    response = admin.post(ADD, wanted(source.cloud_account))
    assert response.status_code == 422 and "is a source already" in text(response)
    assert Source.objects.count() == 1


def test_the_form_offers_the_kinds_of_the_accounts_vendor(admin, make_account):
    make_account(name="Edge")
    huawei = make_account("huawei")
    assert "What to list" not in text(admin.get(ADD))
    shown = text(admin.get(f"{ADD}?account={huawei.id}&region=cn-north-4,cn-east-3"))
    assert "huawei_workspace" in shown and "alibaba_ens_self" not in shown
    assert "cn-north-4, cn-east-3" in shown


def test_an_account_of_another_team_cannot_be_used(admin, make_account, other_team):
    theirs = make_account(team=other_team, name="Theirs")
    response = admin.post(ADD, wanted(theirs))
    assert "Theirs" not in text(response) and not Source.objects.exists()


def test_without_an_account_it_leads_to_connecting_one(admin):
    assert "Connect a cloud account" in text(admin.get(ADD))


def test_the_detail_page_shows_what_is_listed_and_the_runs(admin, make_source):
    source = make_source(
        "alibaba_ehpc_custom", cluster="ehpc-hz-FYUr32", narrowing={"ImageOwnerAlias": "self"}, every_minutes=45
    )
    run = SyncRun.objects.create(
        team_id=source.team_id, source=source, state="complete", listed=1204, added=7, started_at=timezone.now()
    )
    shown = text(admin.get(url(source)))
    for part in ("ListCustomImages", "ehpc-hz-FYUr32", "ImageOwnerAlias", "1,204", 'value="45"', f"/runs/{run.id}/"):
        assert part in shown


def test_the_schedule_is_changed(admin, source):
    assert admin.post(url(source, "edit/"), {"every_minutes": 240}).status_code == 302
    source.refresh_from_db()
    assert source.every_minutes == 240
    response = admin.post(url(source, "edit/"), {"every_minutes": 3})
    assert response.status_code == 422 and 'value="3"' in text(response)


def test_it_is_paused_and_resumed(admin, source):
    admin.post(url(source, "pause/"))
    source.refresh_from_db()
    assert source.paused_reason == "admin"
    assert "Resume" in text(admin.get(url(source)))
    admin.post(url(source, "resume/"))
    source.refresh_from_db()
    assert source.paused_at is None and source.next_sync_at <= timezone.now()
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["source.paused", "source.resumed"]


def test_an_editor_syncs_now_and_a_second_press_joins_the_run(as_user, eve, source):
    client = as_user(eve)
    assert client.post(url(source, "sync/")).status_code == 302
    shown = client.post(url(source, "sync/"), headers={"HX-Request": "true"})
    assert "Waiting for a worker" in text(shown) and "every 2s" in text(shown)
    run = SyncRun.objects.get()
    assert (run.state, run.trigger, run.requested_by) == ("queued", "person", eve.email)


def test_sync_now_from_its_page_comes_back_to_its_page(admin, source):
    assert admin.post(url(source, "sync/"), {"detail": "1"})["Location"] == url(source)


@pytest.mark.parametrize(("images", "left"), [("archive", ["archived", "archived"]), ("remove", [])])
def test_deleting_asks_what_becomes_of_the_images(admin, source, make_image, images, left):
    make_image(source), make_image(source)
    shown = text(admin.get(url(source, "delete/")))
    assert "<b>2 images</b> come from this source." in shown
    response = admin.post(url(source, "delete/"), {})
    assert response.status_code == 422 and "Choose what becomes of the images." in text(response)
    assert admin.post(url(source, "delete/"), {"images": images}).status_code == 302
    assert list(Image.objects.values_list("state", flat=True)) == left
    assert "ENS custom" not in text(admin.get("/t/aero/sources/")).partition('<div id="source-results"')[2]
    assert admin.get(url(source)).status_code == 404


def test_a_runs_page_shows_steps_and_figures_and_ends_watching(admin, source):
    now = timezone.now()
    run = SyncRun.objects.create(
        team_id=source.team_id, source=source, state="listing", pages=3, listed=150, expected=400, created_at=now,
        started_at=now,
    )  # fmt: skip
    shown = text(admin.get(f"/t/aero/runs/{run.id}/"))
    assert "3 pages · 150 images" in shown and "every 2s" in shown
    SyncRun.objects.update(
        state="complete",
        added=150,
        finished_at=now + timedelta(seconds=75),
        requested_by="alice@example.org",
        trigger="person",
    )
    fragment = text(admin.get(f"/t/aero/runs/{run.id}/", headers={"HX-Request": "true"}))
    assert "every 2s" not in fragment and "<html" not in fragment
    assert "150 added, 0 changed, 0 missing, 0 returned" in fragment and "1 min 15 s" in fragment


def test_a_failed_run_is_explained_and_says_that_nothing_changed(admin, source):
    error = {"operation": "DescribeSelfImages", "code": "CallInterface", "message": "Call <b>", "request_id": "R-9"}
    run = SyncRun.objects.create(team_id=source.team_id, source=source, state="failed", error=error)
    shown = text(admin.get(f"/t/aero/runs/{run.id}/"))
    assert "The cloud failed while it carried out the call." in shown and "R-9" in shown
    assert "Call &lt;b&gt;" in shown and "Nothing was changed" in shown


def test_a_suspect_listing_is_accepted_by_an_admin(admin, source):
    error = {"operation": "DescribeSelfImages", "code": "SuspectListing", "message": "Lacks 9 of 9.", "kind": "suspect"}
    run = SyncRun.objects.create(team_id=source.team_id, source=source, state="suspect", error=error, digest=b"d" * 24)
    assert f"/t/aero/runs/{run.id}/accept/" in text(admin.get(f"/t/aero/runs/{run.id}/"))
    assert "No image is deleted" in text(admin.get(f"/t/aero/runs/{run.id}/accept/"))
    assert SyncRun.objects.get() == run, "being asked accepts nothing"
    response = admin.post(f"/t/aero/runs/{run.id}/accept/")
    started = SyncRun.objects.exclude(id=run.id).get()
    assert response["Location"] == f"/t/aero/runs/{started.id}/" and bytes(started.digest) == b"d" * 24
    assert admin.get(f"/t/aero/runs/{started.id}/accept/").status_code == 302
    admin.post(f"/t/aero/runs/{started.id}/accept/")
    assert "There is nothing to accept here any more." in text(admin.get(f"/t/aero/runs/{started.id}/"))


def test_the_images_are_kept_by_an_admin_and_everybody_is_told(admin, as_user, bob, source):
    error = {"operation": "DescribeSelfImages", "code": "SuspectListing", "message": "m", "kind": "suspect"}
    error |= {"lost": 1_200, "present": 2_000}
    run = SyncRun.objects.create(team_id=source.team_id, source=source, state="suspect", error=error, digest=b"d" * 24)
    for path in ("/t/aero/sources/", url(source)):
        shown = text(admin.get(path))
        assert "1,200 of 2,000 are not listed any more" in shown and "Accept or keep" in shown
        assert "Accept or keep" not in text(as_user(bob).get(path))
    assert f"/t/aero/runs/{run.id}/keep/" in text(admin.get(f"/t/aero/runs/{run.id}/"))
    seen = text(as_user(bob).get(f"/t/aero/runs/{run.id}/"))
    assert "/keep/" not in seen and "/accept/" not in seen and "Who can decide:" in seen and "Alice Liddell" in seen
    assert "is not believed then, however often it comes" in text(admin.get(f"/t/aero/runs/{run.id}/keep/"))
    assert not AuditEvent.objects.exists(), "being asked keeps nothing"
    response = admin.post(f"/t/aero/runs/{run.id}/keep/", follow=True)
    shown = text(response)
    assert "alice@example.org kept the images" in shown and "/accept/" in shown
    assert "/keep/" not in shown and "it is believed" not in shown
    assert "An admin keeps the images." in text(as_user(bob).get("/t/aero/sources/"))
    assert "nothing to decide" in text(admin.post(f"/t/aero/runs/{run.id}/keep/", follow=True))


@pytest.mark.parametrize("verb", ["edit", "sync", "pause", "resume"])
def test_what_changes_something_is_not_done_by_a_link(admin, source, verb):
    assert admin.get(url(source, f"{verb}/")).status_code == 405


def test_a_page_is_only_read(admin, source):
    assert admin.post(url(source)).status_code == 405
    assert admin.post("/t/aero/sources/").status_code == 405
    assert admin.delete(url(source, "delete/")).status_code == 405


def test_what_would_go_missing_is_named_and_led_to_where_it_is_still_there(admin, source, make_image):
    images = [make_image(source, name=f"image <{number}>") for number in range(3)]
    named = [{"id": str(image.id), "name": image.name} for image in images]
    error = {"code": "SuspectListing", "kind": "suspect", "lost": 1_200, "present": 2_000, "images": named}
    run = SyncRun.objects.create(team_id=source.team_id, source=source, state="suspect", error=error, digest=b"d" * 24)
    images.pop().delete()
    for path in (f"/t/aero/runs/{run.id}/", f"/t/aero/runs/{run.id}/accept/", f"/t/aero/runs/{run.id}/keep/"):
        shown = text(admin.get(path))
        assert "and 1,197 more" in shown and "image &lt;2&gt;" in shown
        assert all(f"/t/aero/images/{image.id}/" in shown for image in images) and named[2]["id"] not in shown


@pytest.mark.parametrize("kept", [{}, {"kept_by": "alice@example.org", "kept_at": "2026-11-20T10:00:00+00:00"}])
def test_a_suspect_run_that_a_later_one_settled_offers_nothing(admin, source, make_run, kept):
    run = make_run(source, "suspect", minutes_ago=90, error={"lost": 9, "present": 9} | kept, digest=b"d" * 24)
    make_run(source)
    shown = text(admin.get(f"/t/aero/runs/{run.id}/"))
    assert "This is settled" in shown and "/accept/" not in shown
    assert "until an admin accepts it" not in shown
    later = SyncRun.objects.exclude(id=run.id).get()
    for verb in ("accept", "keep"):
        asked = text(admin.get(f"/t/aero/runs/{run.id}/{verb}/"))
        assert "a later sync said more" in asked and f"/t/aero/runs/{later.id}/" in asked
        assert "There is nothing to decide here any more" in asked and 'class="button danger"' not in asked
        assert f'href="/t/aero/runs/{run.id}/"' in asked, "the way back"
        answer = text(admin.post(f"/t/aero/runs/{run.id}/{verb}/", follow=True))
        assert "here any more." in answer and f"/t/aero/runs/{later.id}/" in answer
    assert SyncRun.objects.count() == 2 and not AuditEvent.objects.exists()


def test_a_run_and_the_suspect_one_whose_acceptance_began_it_lead_to_each_other(admin, source, make_run):
    run = make_run(source, "suspect", minutes_ago=90, error={"lost": 9, "present": 9}, digest=b"d" * 24)
    admin.post(f"/t/aero/runs/{run.id}/accept/")
    started = SyncRun.objects.exclude(id=run.id).get()
    assert f'href="/t/aero/runs/{run.id}/"' in text(admin.get(f"/t/aero/runs/{started.id}/"))
    waiting = text(admin.get(f"/t/aero/runs/{run.id}/"))
    assert "alice@example.org accepted this listing" in waiting and f'href="/t/aero/runs/{started.id}/"' in waiting
    assert "Accept the listing…" not in waiting, "it was, and is being asked for"
    assert "nothing to decide" in text(admin.get(f"/t/aero/runs/{run.id}/accept/"))
    SyncRun.objects.filter(id=started.id).update(state="failed", finished_at=timezone.now())
    assert "Accept the listing…" in text(admin.get(f"/t/aero/runs/{run.id}/")), "it may be accepted again"
    SyncRun.objects.filter(id=started.id).update(state="complete")
    settled = text(admin.get(f"/t/aero/runs/{run.id}/"))
    assert "That settled it." in settled and f'href="/t/aero/runs/{started.id}/"' in settled


def test_runs_go_back_as_far_as_there_are(admin, source, make_run):
    runs = [make_run(source, minutes_ago=60 * number) for number in range(60)]
    seen, path = [], url(source)
    for pages in range(1, 9):
        shown = text(admin.get(path))
        seen += re.findall(r'class="main" href="/t/aero/runs/([0-9a-f-]{36})/"', shown)
        assert ("The latest" in shown) == (pages > 1)
        older = re.search(r'href="(\?before=[0-9a-f-]{36})"', shown)
        if not older:
            break
        path = url(source) + older[1]
    assert seen == [str(run.id) for run in runs] and pages == 3


@pytest.mark.parametrize("before", ["x", "", "00000000-0000-0000-0000-000000000000", "%00"])
def test_a_place_among_the_runs_that_is_not_there_is_the_first_page(admin, source, make_run, before):
    run = make_run(source)
    assert f"/runs/{run.id}/" in text(admin.get(f"{url(source)}?before={before}"))


@pytest.mark.parametrize(
    ("state", "fields", "words"),
    [
        ("queued", {"attempt": 2}, "Another one begins anew, attempt 2 of 3."),
        ("queued", {"minutes_ago": 5}, "No worker has taken it yet"),
        ("listing", {"lease_until": -40, "heartbeat_at": -70}, "Its worker has not been heard of since"),
        ("applying", {"lease_until": -40, "heartbeat_at": -70, "attempt": 3}, "its worker was lost 2 times"),
        ("listing", {"attempt": 2, "lease_until": 20}, "its worker was lost once"),
    ],
)
def test_a_run_that_does_not_move_says_why(admin, source, make_run, state, fields, words):
    now = timezone.now()
    given = {"minutes_ago": 0} | {
        name: now + timedelta(seconds=value) if name.endswith(("_at", "_until")) else value
        for name, value in fields.items()
    }
    run = make_run(source, state, **given)
    assert words in text(admin.get(f"/t/aero/runs/{run.id}/"))


def test_a_run_that_moves_says_nothing_of_the_kind(admin, source, make_run):
    run = make_run(source, "listing", minutes_ago=1, lease_until=timezone.now() + timedelta(seconds=20))
    shown = text(admin.get(f"/t/aero/runs/{run.id}/"))
    assert "heard of" not in shown and "lost" not in shown and "Attempt" not in shown


def test_an_abandoned_run_says_why_and_is_tried_again_from_its_page(as_user, eve, bob, source, make_run):
    run = make_run(source, "abandoned", attempt=3, error=ABANDONED)
    shown = text(as_user(eve).get(f"/t/aero/runs/{run.id}/"))
    assert "Why it was abandoned" in shown and "lost again and again" in shown and "3 of 3" in shown
    assert "Retry now" in shown and "Retry now" not in text(as_user(bob).get(f"/t/aero/runs/{run.id}/"))
    response = as_user(eve).post(url(source, "sync/"), {"run": "1"})
    assert response["Location"] == f"/t/aero/runs/{SyncRun.objects.get(state='queued').id}/"


def test_the_end_of_a_run_is_said_to_who_cannot_see_it(admin, source, make_run):
    run = make_run(source)
    fragment = text(admin.get(f"/t/aero/runs/{run.id}/", headers={"HX-Request": "true"}))
    assert 'hx-swap-oob="true">The sync is over: Complete' in " ".join(fragment.split())


def test_who_is_missing_is_said_on_the_pages_that_wait(admin, source, make_run):
    Pulse.objects.create(name="w", role="worker", seen_at=timezone.now() - timedelta(minutes=9))
    run = make_run(source, "queued")
    for path in (url(source), f"/t/aero/runs/{run.id}/"):
        assert "No worker is running." in text(admin.get(path))
    SyncRun.objects.update(state="complete", finished_at=timezone.now())
    assert "No worker is running." not in text(admin.get(f"/t/aero/runs/{run.id}/"))
