"""The strip above the images: which sources are fresh, and what is wrong with the others."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from catalog.models import Source, SyncRun
from tests.catalog.shelf import put
from tests.catalog.test_image_list import URL, text


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_custom", last_complete_at=timezone.now() - timedelta(minutes=3))


def test_a_failing_source_is_named_and_its_images_stay(
    as_user: Callable[[User], Client], bob: User, source: Source, make_source: Callable[..., Source]
) -> None:
    put(source, "one")
    failed = {
        "operation": "ListImages",
        "code": "403",
        "message": "x",
        "request_id": "r",
        "at": "2026-11-20T14:02:00.000Z",
    }
    made = make_source(
        "huawei_workspace", last_error=failed, last_complete_at=timezone.now().replace(hour=13, minute=32)
    )
    put(made, "two")
    response = as_user(bob).get(URL)
    shown = text(response)
    assert "1 of 2 sources fresh" in shown and "Workspace · cn-north-4 failed 2026-11-20 14:02 , showing" in shown
    assert "1 failing" in shown and "m-two" in shown and f"/sources/{made.id}/" in response.content.decode()
    assert "Retry now" not in shown, "a viewer cannot"


def test_an_editor_tries_what_is_not_fresh_again_but_not_what_an_admin_paused(
    as_user: Callable[[User], Client], eve: User, source: Source, make_source: Callable[..., Source]
) -> None:
    put(source, "one")
    late = make_source("alibaba_ens_self", last_complete_at=timezone.now() - timedelta(days=2))
    paused = make_source("alibaba_ens_public", paused_at=timezone.now(), paused_reason="admin")
    client = as_user(eve)
    page = client.get(URL).content.decode()
    assert f"/sources/{late.id}/sync/" in page and f"/sources/{paused.id}/sync/" not in page
    assert "1 of 3 sources fresh" in page and "is paused" in page and "is late, showing" in page
    response = client.post(f"/t/aero/sources/{late.id}/sync/", {"detail": "1"})
    assert response["Location"] == f"/t/aero/sources/{late.id}/" and late.runs.get().trigger == "person"


def test_a_source_whose_listing_waits_for_an_admin_is_not_fresh(
    as_user: Callable[[User], Client],
    eve: User,
    source: Source,
    make_source: Callable[..., Source],
    make_run: Callable[..., SyncRun],
) -> None:
    """Named until it is settled, with the way to the run; nothing there accepts it by the way."""
    put(source, "one")
    failing = {"code": "403", "message": "x", "at": "2026-11-20T14:02:00.000Z"}
    make_source("alibaba_ens_self", last_error=failing, last_complete_at=timezone.now())
    make_source("alibaba_ens_public", last_complete_at=timezone.now() - timedelta(days=2))
    make_run(source, minutes_ago=5)
    make_run(source, "suspect", minutes_ago=4, error={"lost": 90, "present": 100})  # settled by the complete one
    run = make_run(source, "suspect", minutes_ago=2, error={"lost": 90, "present": 100})
    make_run(source, "failed", minutes_ago=1)
    client = as_user(eve)

    def shown() -> str:
        return text(client.get(URL))

    page = client.get(URL).content.decode()
    assert "0 of 3 sources fresh" in page and f'href="/t/aero/runs/{run.id}/"' in page
    assert f"/sources/{source.id}/sync/" not in page
    named = re.search(r"0 of 3 sources fresh.*?far fewer images, waits for a decision, showing .*?is late", shown())
    assert named and named[0].index(" failed ") < named[0].index("far fewer"), "the failing one first"
    SyncRun.objects.filter(id=run.id).update(error=run.error | {"kept_by": "a@b", "kept_at": "2026-11-20T14:02:00Z"})
    assert "1 of 3 sources fresh" in shown() and "decision" not in shown()
    again = make_run(source, "suspect", minutes_ago=0, error={"lost": 91, "present": 100})
    assert "0 of 3 sources fresh" in shown() and str(again.id) in client.get(URL).content.decode()
    Source.objects.filter(id=source.id).update(last_complete_at=timezone.now())
    assert "1 of 3 sources fresh" in shown() and "decision" not in shown()
