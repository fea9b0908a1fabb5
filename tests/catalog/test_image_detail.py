"""The page of one image, and the drawer that shows the same beside the list."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape

from accounts.models import Team, User
from catalog.actions import correct_image, marks, remove_override
from catalog.browse import parse
from catalog.history import history
from catalog.models import Image, ImageChange, Registration, Source
from catalog.selection import matching
from tests.catalog.shelf import put


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_custom", last_complete_at=timezone.now() - timedelta(minutes=3))


@pytest.fixture
def show(bob: User, as_user: Callable[[User], Client]) -> Callable[..., Any]:
    client = as_user(bob)

    def get(image: Image, **headers: str) -> Any:
        return client.get(f"/t/aero/images/{image.id}/", headers=headers)

    return get


def text(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_it_says_where_each_fact_comes_from(show: Callable[..., Any], make_source: Callable[..., Source]) -> None:
    source = make_source("alibaba_ens_public", last_complete_at=timezone.now() - timedelta(minutes=3))
    origin = {
        "distribution": "derived",
        "os_version": "reported",
        "arch": "reported",
        "size_gib": "unknown",
        "visibility": "derived",
    }
    image = put(
        source, "edge", distribution="CentOS", os_version="6.8", arch="x86_64", visibility="public", provenance=origin
    )
    shown = text(show(image))
    for words in (
        "Distribution CentOS derived: from the image&#x27;s ID",
        "OS version 6.8 reported",
        "Size Unknown not reported",
        "Visibility Public derived: this listing holds public images only",
        "Source ENS public · cn-hangzhou",
    ):
        assert words in shown
    assert "m-edge" in shown and "simulated" in shown and "Repository" not in shown


def test_it_shows_the_management_nodes_system_where_it_disagrees(show: Callable[..., Any], source: Source) -> None:
    """Seed ListCustomImages: OsTag says x86_64, BaseOsTag i386."""
    base = {"platform": "CentOS", "version": "7.2", "arch": "i386"}
    image = put(source, "seed", distribution="CentOS", os_version="7.2", arch="x86_64", extra={"base_os": base})
    assert "Management nodes CentOS 7.2 i386 reported · differs from the image&#x27;s own system" in text(show(image))
    same = put(source, "same", distribution="CentOS", os_version="7.2", arch="i386", extra={"base_os": base})
    assert "Management nodes CentOS 7.2 i386" in text(show(same)) and "differs" not in text(show(same))


def test_it_marks_bare_metal_and_container_facts(show: Callable[..., Any], source: Source) -> None:
    assert "For bare-metal instances" in text(
        show(put(source, "bm", extra={"bare_metal": True, "compute_type": "bare_metal"}))
    )
    box = put(
        source,
        "box",
        type="container",
        repository="ai/torch",
        tag="2.1",
        cluster="ehpc-hz",
        extra={"container_type": "docker"},
    )
    shown = text(show(box))
    assert all(
        words in shown for words in ("Repository ai/torch", "Tag 2.1", "Cluster ehpc-hz", "Container type docker")
    )


def test_it_tells_the_history(show: Callable[..., Any], source: Source) -> None:
    image = put(source, "one")
    for kind, field, before, after in (
        ("changed", "size_gib", "20", "40"),
        ("missing", "", None, None),
        ("returned", "", None, None),
    ):
        ImageChange.objects.create(
            team_id=image.team_id, source=source, image=image, kind=kind, field=field, before=before, after=after
        )
    shown = text(show(image))
    places = [shown.index(words) for words in ("Listed again", "No longer listed", "Size changed 20 GiB → 40 GiB")]
    assert places == sorted(places) and shown.count("First seen") == 2


def test_a_missing_image_says_since_when(show: Callable[..., Any], source: Source) -> None:
    ago = timezone.now() - timedelta(days=9)
    image = put(source, "gone", state="missing", row={"missing_since": ago, "last_seen_at": ago})
    shown = text(show(image))
    assert "Not listed by its source since 9 d ago" in shown and "Last seen 9 d ago" in shown
    assert "Last seen 3 min ago" in text(show(put(source, "there", row={"first_seen_at": ago})))


def test_a_missing_image_says_what_becomes_of_it(show: Callable[..., Any], source: Source, settings: Any) -> None:
    settings.ARCHIVE_MISSING_DAYS = 30
    ago = timezone.now() - timedelta(days=9)
    day = date_format(timezone.localtime(ago + timedelta(days=30)), "MONTH_DAY_FORMAT")
    image = put(source, "gone", state="missing", row={"missing_since": ago, "last_seen_at": ago})
    assert f"it is archived after {day}" in text(show(image))
    image = put(source, "long gone", state="archived", row={"missing_since": ago, "last_seen_at": ago})
    shown = text(show(image))
    assert "Archived: not listed by its source since 9 d ago" in shown and "comes back by itself" in shown
    assert "Archived: its source was deleted." in text(show(put(source, "left", state="archived")))


def test_it_shows_the_clouds_own_document(show: Callable[..., Any], source: Source) -> None:
    image = put(
        source,
        "one",
        document={"ImageId": "m-1", "OsTag": {"Platform": "CentOS"}, "Disks": [{"Size": 0}, None], "On": True},
    )
    shown = text(show(image))
    for words in ("OsTag.Platform CentOS", "Disks[0].Size 0", "Disks[1] null", "On true", "5 values"):
        assert words in shown


def test_a_document_of_megabytes_is_cut(show: Callable[..., Any], source: Source) -> None:
    document = {"name": "x" * 1_000_000, "list": list(range(5000)), "k" * 5000: {"y" * 5000: 1}}
    response = show(put(source, "big", description="d" * 1_000_000, remote_id="i" * 100_000, document=document))
    assert len(response.content) < 150_000 and "1,000,000 characters in all" in text(response)


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "<b hx-post=/x hx-trigger=load>", '" onclick="x', "\u202egpj"]
)
def test_strangers_text_stays_text(show: Callable[..., Any], source: Source, hostile: str) -> None:
    image = put(
        source, hostile, remote_id=hostile, description=hostile, distribution=hostile, status=hostile, version=hostile,
        extra={"base_os": {"platform": hostile}, "compute_type": hostile}, document={hostile: {hostile: hostile}},
        type="container", repository=hostile, tag=hostile, cluster=hostile, disk_format=hostile,
    )  # fmt: skip
    ImageChange.objects.create(
        team_id=image.team_id, source=source, image=image, kind="changed", field=hostile, before=hostile, after=hostile
    )
    for response in (show(image), show(image, **{"HX-Request": "true", "HX-Target": "drawer"})):
        html = response.content.decode()
        assert escape(hostile) in html and (hostile == escape(hostile) or hostile not in html)


def test_it_leads_to_its_registration(show: Callable[..., Any], source: Source) -> None:
    image = put(source, "one")
    made = Registration.objects.create(
        team_id=image.team_id, account_name="x", region="cn-hangzhou", type="vm", name="one",
        requested_by="alice@example.org", image=image,
    )  # fmt: skip
    response = show(image)
    assert f"/registrations/{made.id}/" in response.content.decode() and "by alice@example.org" in text(response)


def test_the_drawer_gets_the_same_without_the_page_around_it(show: Callable[..., Any], source: Source) -> None:
    response = show(put(source, "one"), **{"HX-Request": "true", "HX-Target": "drawer"})
    html = response.content.decode()
    assert "<html" not in html and html.startswith("<title>one · Aero HPC · Bootshelf</title>") and "m-one" in html
    back = show(
        put(source, "two"), **{"HX-Request": "true", "HX-Target": "drawer", "HX-History-Restore-Request": "true"}
    )
    assert "<html" in back.content.decode() and "HX-Request" in back["Vary"]


def test_it_leads_back_to_the_list_it_was_found_in(show: Callable[..., Any], source: Source) -> None:
    image = put(source, "one")
    there = show(image, Referer="http://testserver/t/aero/images/?os=linux&q=one").content.decode()
    assert 'href="/t/aero/images/?os=linux&amp;q=one"' in there
    for referer in ("http://evil.example/t/aero/images/?q=x", "http://testserver/t/umbra/images/?q=x"):
        assert 'href="/t/aero/images/"' in show(image, Referer=referer).content.decode()


def test_it_costs_few_queries(show: Callable[..., Any], source: Source) -> None:
    image = put(source, "one")
    for n in range(30):
        ImageChange.objects.create(
            team_id=image.team_id, source=source, image=image, kind="corrected", field="name", after=str(n)
        )
        put(source, "one", key=str(n), remote_id=image.remote_id)
    with CaptureQueriesContext(connection) as queries:
        show(image)
    assert len(queries) <= 11


def test_an_archived_image_without_its_account_is_still_told_of(show: Callable[..., Any], source: Source) -> None:
    Source.objects.filter(id=source.id).update(cloud_account=None, archived_at=timezone.now())
    assert "State Archived" in text(show(put(source, "old", state="archived")))


def test_it_is_not_there_for_outsiders_nor_under_another_team(
    charlie: User, client: Client, as_user: Callable[[User], Client], source: Source
) -> None:
    image = put(source, "one")
    outsider = as_user(charlie)
    assert outsider.get(f"/t/aero/images/{image.id}/").status_code == 404
    assert outsider.get(f"/t/umbra/images/{image.id}/").status_code == 404
    assert client.get(f"/t/aero/images/{image.id}/").headers["Location"].startswith("/account/login/")
    assert outsider.post(f"/t/umbra/images/{image.id}/").status_code == 405


def test_it_says_who_corrected_what_and_who_took_it_back(
    show: Callable[..., Any], source: Source, team: Team, alice: User, eve: User
) -> None:
    image = put(source, "one", arch="i386")
    correct_image(team, alice, image, {"arch": "arm64"}, {"arch": "i386"})
    correct_image(team, eve, image, {"arch": "x86_64"}, {"arch": "arm64"})
    remove_override(team, alice, image, "arch")
    told = [(event.title, event.detail, event.by) for event in history(image)]
    assert told == [
        ("Architecture: correction taken back", "x86_64 → i386", "alice@example.org"),
        ("Architecture corrected", "arm64 → x86_64", "eve@example.org"),
        ("Architecture corrected", "i386 → arm64", "alice@example.org"),
        ("First seen", "", ""),
    ]
    assert "Architecture corrected i386 → arm64" in text(show(image))


def test_it_says_who_marked_it_alone_or_among_others(
    show: Callable[..., Any], source: Source, team: Team, alice: User, eve: User
) -> None:
    image, other = put(source, "one"), put(source, "other")
    marks.add_labels(team, eve, [image.id], ["gold"])
    marks.add_labels(team, alice, matching(parse("q=o", team.id, [])), ["gpu", "hpc"], query="q=o")
    marks.set_star(team, eve, [other.id], True)
    marks.set_star(team, alice, [image.id, other.id], True)
    marks.set_note(team, eve, image, "use\nthis")
    marks.set_note(team, alice, image, "n" * 500)
    marks.set_note(team, eve, image, "")
    marks.rename_label(team, eve, "gpu", "cuda")
    marks.delete_label(team, alice, "hpc")
    marks.remove_labels(team, eve, [image.id], ["gold"])
    told = [(event.title, event.detail, event.by.partition("@")[0]) for event in history(image)]
    assert told == [
        ("Label removed", "gold", "eve"),
        ("Label removed", "hpc", "alice"),
        ("Label renamed", "gpu → cuda", "eve"),
        ("Note removed", "n" * 200, "eve"),
        ("Note changed", f"use this → {'n' * 200}", "alice"),
        ("Note written", "use this", "eve"),
        ("Starred", "", "alice"),
        ("Labelled", "gpu, hpc", "alice"),
        ("Labelled", "gold", "eve"),
        ("First seen", "", ""),
    ]
    assert "Note written use this" in text(show(image)) and "eve@example.org" in text(show(image))
    assert [event.title for event in history(other)] == [
        "Label removed", "Label renamed", "Starred", "Labelled", "First seen"]  # fmt: skip


def test_what_was_marked_is_found_by_an_index(source: Source, team: Team) -> None:
    with CaptureQueriesContext(connection) as made:
        history(put(source, "one"))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_auditevent (team, at, actor, action, target, target_id, changes)"
            " SELECT %s, now(), '', 'image.starred', '', CASE WHEN n %% 2 = 0 THEN gen_random_uuid() END,"
            " jsonb_build_object('ids', ARRAY[gen_random_uuid()]) FROM generate_series(1, 5000) AS n",
            [team.id],
        )
        cursor.execute("ANALYZE accounts_auditevent")
        cursor.execute("EXPLAIN " + made[-1]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "auditevent_ids" in plan and "auditevent_target_at" in plan, plan


@pytest.mark.parametrize(
    ("field", "before", "after", "words"),
    [
        ("size_gib", "20", "1040", "20 GiB → 1,040 GiB"),
        ("size_gib", None, "2", "unknown → 2 GiB"),
        ("state", "creating", "available", "Creating → Available"),
        ("os", "unknown", "linux", "Unknown → Linux"),
        ("remote_updated_at", "2026-11-20 08:30:00+00", None, "2026-11-20 08:30 → unknown"),
        ("remote_updated_at", "soon", "9999-99-99", "soon → 9999-99-99"),
        ("description", "d" * 1000, "e", f"{'d' * 120}… → e"),
        ("document", None, None, ""),
        ("gone", "a", "b", "a → b"),
    ],
)
def test_what_changed_is_said_in_words(source: Source, field: str, before: Any, after: Any, words: str) -> None:
    image = put(source, "one")
    ImageChange.objects.create(
        team_id=image.team_id, source=source, image=image, kind="changed", field=field, before=before, after=after
    )
    assert history(image)[0].detail == words
