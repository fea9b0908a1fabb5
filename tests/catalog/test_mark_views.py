"""Stars, labels and notes on the pages: who may change them, what is answered, and that what is typed stays text."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from accounts.models import AuditEvent, Team, User
from catalog import actions
from catalog.models import Image, Source
from tests.catalog.shelf import put

HTMX = {"HX-Request": "true"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<b hx-post='/account/logout/' hx-trigger='load'>",
    "=cmd|'/c calc'!a1",
    "{{ 7|add:7 }}{% now %}",
    "' onclick='x",
]


@pytest.fixture
def image(make_source: Callable[..., Source]) -> Image:
    return put(make_source("alibaba_ehpc_custom"), "solver")


@pytest.fixture
def editor(eve: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(eve)


@pytest.fixture
def viewer(bob: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(bob)


def at(image: Image, what: str = "") -> str:
    return f"/t/aero/images/{image.id}/{what}"


def body(response: Any) -> str:
    return response.content.decode()


def triggers(response: Any) -> dict[str, Any]:
    return json.loads(response["HX-Trigger"])


def digest(page: Any) -> str:
    return re.search(r'name="seen" value="(\w+)"', body(page)).group(1)


# Without JavaScript


def test_a_star_leads_back_to_the_list_as_it_was(editor: Client, image: Image) -> None:
    there = "/t/aero/images/?os=linux&sort=-size"
    page = body(editor.get("/t/aero/images/?os=unknown"))
    assert f'formaction="{at(image)}star/" name="star" value="yes" aria-pressed="false"' in page
    assert '<input type="hidden" name="next" value="/t/aero/images/?os=unknown">' in page
    answer = editor.post(at(image, "star/"), {"star": "yes", "next": there})
    assert answer.status_code == 302 and answer["Location"] == there
    assert 'value="no" aria-pressed="true"' in body(editor.get("/t/aero/images/"))


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_it_leads_nowhere_else(editor: Client, image: Image, there: str) -> None:
    assert editor.post(at(image, "star/"), {"star": "yes", "next": there})["Location"] == at(image)


@pytest.mark.parametrize("asked", [{}, {"star": "maybe"}, {"star": ""}])
def test_a_star_that_says_nothing_changes_nothing(editor: Client, image: Image, asked: dict[str, str]) -> None:
    actions.set_star(image.team, "test", [image.id], True)
    assert editor.post(at(image, "star/"), asked).status_code == 302
    image.refresh_from_db()
    assert image.starred and AuditEvent.objects.filter(action="image.unstarred").count() == 0


def test_labels_and_a_note_are_written_with_plain_forms(editor: Client, image: Image) -> None:
    assert editor.post(at(image, "labels/"), {"add": "Gold, gpu"})["Location"] == at(image)
    page = editor.get(at(image))
    assert "?label=gold" in body(page) and "?label=gpu" in body(page)
    assert editor.post(at(image, "labels/"), {"remove": "gold"}).status_code == 302
    assert editor.post(at(image, "note/"), {"note": "line one\r\nline two", "seen": digest(page)}).status_code == 302
    shown = body(editor.get(at(image)))
    assert "?label=gold" not in shown and "line one\nline two</p>" in shown and "eve@example.org" in shown
    image.refresh_from_db()
    assert (image.labels, image.note) == (["gpu"], "line one\nline two")


def test_what_is_refused_is_shown_with_what_was_typed(editor: Client, image: Image) -> None:
    answer = editor.post(at(image, "labels/"), {"add": "fine, unknown"})
    assert answer.status_code == 422 and 'value="fine, unknown"' in body(answer)
    assert "cannot be a label" in body(answer) and "<h1>" in body(answer)
    text = "x" * 4001
    answer = editor.post(at(image, "note/"), {"note": text, "seen": digest(answer)})
    assert answer.status_code == 422 and text in body(answer) and "this one has 4001" in body(answer)
    image.refresh_from_db()
    assert (image.labels, image.note) == ([], "")


def test_two_who_write_the_note_at_once_both_know(editor: Client, alice: User, as_user: Any, image: Image) -> None:
    admin = as_user(alice)
    hers, his = editor.get(at(image)), admin.get(at(image))
    editor.post(at(image, "note/"), {"note": "from Eve", "seen": digest(hers)})
    answer = admin.post(at(image, "note/"), {"note": "from Alice", "seen": digest(his)})
    page = body(answer)
    assert answer.status_code == 422
    assert "eve@example.org changed this note while you wrote" in page and "from Eve</p>" in page
    assert "from Alice</textarea>" in page and "Save mine in its place" in page
    image.refresh_from_db()
    assert image.note == "from Eve"
    kept = admin.post(at(image, "note/"), {"note": "from Alice", "seen": digest(answer), "keep": ""})
    assert kept.status_code == 302
    image.refresh_from_db()
    assert image.note == "from Eve"
    assert admin.post(at(image, "note/"), {"note": "from Alice", "seen": digest(answer)}).status_code == 302
    image.refresh_from_db()
    assert image.note == "from Alice"


def test_a_note_that_was_removed_meanwhile_is_told_too(editor: Client, alice: User, image: Image) -> None:
    actions.set_note(image.team, alice, image, "old")
    page = editor.get(at(image))
    actions.set_note(image.team, alice, image, "")
    answer = editor.post(at(image, "note/"), {"note": "new", "seen": digest(page)})
    assert answer.status_code == 422 and "alice@example.org removed this note while you wrote" in body(answer)


def test_a_form_without_a_note_removes_none(editor: Client, alice: User, image: Image) -> None:
    actions.set_note(image.team, alice, image, "old")
    assert editor.post(at(image, "note/")).status_code == 302
    image.refresh_from_db()
    assert image.note == "old"


# With HTMX


def test_a_star_answers_an_event_and_no_page(editor: Client, image: Image) -> None:
    answer = editor.post(at(image, "star/"), {"star": "yes"}, headers=HTMX)
    assert answer.status_code == 204 and answer.content == b""
    assert triggers(answer) == {"starred": {"image": str(image.id), "starred": True}, "marked": {}}


def test_labels_answer_their_panel_and_the_row(editor: Client, image: Image) -> None:
    answer = editor.post(at(image, "labels/"), {"add": "gold", "place": "drawer"}, headers=HTMX)
    page = body(answer)
    assert answer.status_code == 200 and page.startswith('<div id="image-labels"') and "marked" in triggers(answer)
    assert f"hx-swap-oob=\"outerHTML:tr:has([href$='/{image.id}/']) .tags\"" in page
    alone = body(editor.post(at(image, "labels/"), {"add": "gpu"}, headers=HTMX))
    assert "outerHTML:tr" not in alone, "there is no row beside the image's own page"
    assert '<div hx-swap-oob="innerHTML:#image-history">' in page and "Labelled" in page and "gpu" in alone
    refused = editor.post(at(image, "labels/"), {"add": "a\0b", "place": "drawer"}, headers=HTMX)
    assert refused.status_code == 422 and "hx-swap-oob" not in body(refused) and "HX-Trigger" not in refused


def test_the_rail_can_be_asked_for_alone(editor: Client, image: Image) -> None:
    actions.add_labels(image.team, "test", [image.id], ["gold"])
    answer = editor.get("/t/aero/images/?q=solver", headers={**HTMX, "HX-Target": "rail-counts"})
    page = body(answer)
    assert page.startswith('<div id="rail-body" hx-swap-oob="innerHTML">') and "gold" in page and "<table" not in page
    assert "HX-Push-Url" not in answer and "HX-Replace-Url" not in answer


# Who may


def test_a_viewer_sees_marks_and_changes_none(viewer: Client, eve: User, image: Image) -> None:
    actions.add_labels(image.team, eve, [image.id], ["gold"])
    actions.set_star(image.team, eve, [image.id], True)
    actions.set_note(image.team, eve, image, "read me")
    for page in (body(viewer.get(at(image))), body(viewer.get("/t/aero/images/"))):
        assert "gold" in page and 'aria-label="Starred"' in page and 'id="marks"' not in page and "/star/" not in page
    page = body(viewer.get(at(image)))
    assert "read me" in page and "<textarea" not in page and 'name="add"' not in page and 'name="remove"' not in page
    for what, asked in (("star/", {"star": "no"}), ("labels/", {"remove": "gold"}), ("note/", {"note": "x"})):
        assert viewer.post(at(image, what), asked).status_code == 403
    for action in ("edit", "delete"):
        assert viewer.post(f"/t/aero/labels/{action}/", {"label": "gold", "name": "x"}).status_code == 403
    image.refresh_from_db()
    assert (image.labels, image.starred, image.note) == (["gold"], True, "read me")


def test_another_teams_image_is_not_found(charlie: User, as_user: Any, image: Image) -> None:
    client = as_user(charlie)
    for slug in ("aero", "umbra"):
        for what, asked in (("star/", {"star": "yes"}), ("labels/", {"add": "gold"}), ("note/", {"note": "x"})):
            assert client.post(f"/t/{slug}/images/{image.id}/{what}", asked).status_code == 404
    image.refresh_from_db()
    assert (image.labels, image.starred, image.note) == ([], False, "")


def test_labels_of_another_team_are_not_listed(team: Team, charlie: User, as_user: Any, image: Image) -> None:
    actions.add_labels(team, "test", [image.id], ["gold"])
    client = as_user(charlie)
    assert "gold" not in body(client.get("/t/umbra/labels/"))
    assert client.post("/t/umbra/labels/delete/", {"label": "gold"}).status_code == 302
    image.refresh_from_db()
    assert image.labels == ["gold"]


# Strangers' text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_typed_stays_text(editor: Client, image: Image, hostile: str) -> None:
    page = editor.get(at(image))
    assert editor.post(at(image, "note/"), {"note": hostile, "seen": digest(page)}).status_code == 302
    label = hostile.replace(",", "")[:40].lower()
    assert editor.post(at(image, "labels/"), {"add": label}).status_code == 302
    for url in (at(image), "/t/aero/images/", "/t/aero/labels/"):
        shown = body(editor.get(url))
        assert escape(label) in shown
        assert not re.search(r"<script>alert|<img src=x|<b hx-post", shown) and " onclick='x" not in shown
    for url in ("/t/aero/labels/edit/", "/t/aero/labels/delete/"):
        assert escape(label) in body(editor.get(url, {"label": label}))
    query = re.search(r'class="main" href="/t/aero/images/\?([^"]+)"', body(editor.get("/t/aero/labels/"))).group(1)
    found = editor.get("/t/aero/images/?" + query.replace("&amp;", "&"))
    assert "solver" in body(found) and list(found.context["asked"].choices["label"].wanted) == [label]


def test_direction_marks_and_control_characters_are_no_label_and_stay_inside_a_note(
    editor: Client, image: Image
) -> None:
    for bad in ("\u202egpj", "a\u2066b", "a\0b", "a\x07b"):
        assert editor.post(at(image, "labels/"), {"add": bad}).status_code == 422
    page = editor.get(at(image))
    assert editor.post(at(image, "note/"), {"note": "a\0b", "seen": digest(page)}).status_code == 422
    assert editor.post(at(image, "note/"), {"note": "\u202egpj", "seen": digest(page)}).status_code == 302
    assert '<p class="lines" dir="auto">\u202egpj</p>' in body(editor.get(at(image)))


# The labels of a team


def test_labels_are_listed_with_what_they_select(editor: Client, team: Team, image: Image) -> None:
    assert "No label yet" in body(editor.get("/t/aero/labels/"))
    other = put(image.source, "old", row={"state": "archived"})
    actions.add_labels(team, "test", [image.id, other.id], ["gold", "team blue"])
    page = body(editor.get("/t/aero/labels/"))
    assert "?label=team%20blue" in page and "and 1 archived" in page and "2 labels of at most 200" in page


def test_a_label_is_renamed_and_two_are_made_one_only_when_asked(editor: Client, team: Team, image: Image) -> None:
    actions.add_labels(team, "test", [image.id], ["glod", "gold", "x"])
    answer = editor.post("/t/aero/labels/edit/", {"label": "x", "name": "Why not"})
    assert answer["Location"] == "/t/aero/labels/"
    answer = editor.post("/t/aero/labels/edit/", {"label": "glod", "name": "GOLD"})
    assert answer.status_code == 422 and "is a label already, of 1 image" in body(answer)
    image.refresh_from_db()
    assert image.labels == ["glod", "gold", "why not"]
    answer = editor.post("/t/aero/labels/edit/", {"label": "glod", "name": "GOLD", "merge": "gold"})
    assert answer.status_code == 302
    image.refresh_from_db()
    assert image.labels == ["gold", "why not"]
    refused = editor.post("/t/aero/labels/edit/", {"label": "gold", "name": "a,b"})
    assert refused.status_code == 422 and 'value="a,b"' in body(refused) and "no comma" in body(refused)


def test_a_label_is_removed_after_its_images_were_counted(editor: Client, team: Team, image: Image) -> None:
    others = [put(image.source, f"i{n}") for n in range(2)]
    actions.add_labels(team, "test", [image.id, *(other.id for other in others)], ["gold"])
    page = body(editor.get("/t/aero/labels/delete/?label=gold"))
    assert "<b>3 images</b> have this label and lose it" in page
    answer = editor.post("/t/aero/labels/delete/", {"label": "gold"}, follow=True)
    assert "“gold” is removed." in body(answer) and not Image.objects.exclude(labels=[]).exists()
    again = editor.post("/t/aero/labels/delete/", {"label": "gold"}, follow=True)
    assert "No image has this label any more." in body(again)


def test_a_label_of_very_many_images_is_removed_a_part_at_a_time(
    editor: Client, team: Team, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [put(image.source, f"i{n}") for n in range(2)]
    actions.add_labels(team, "test", [image.id, *(other.id for other in others)], ["gold & co"])
    monkeypatch.setattr("catalog.actions.marks.MOST_AT_ONCE", 2)
    answer = editor.post("/t/aero/labels/delete/", {"label": "gold & co"}, follow=True)
    assert "2 images changed, 1 still have the label: go on?" in body(answer)
    assert "<b>1 image</b> has this label and loses it" in body(answer)


def test_a_row_shows_two_labels_and_how_many_more(editor: Client, team: Team, image: Image) -> None:
    actions.add_labels(team, "test", [image.id], ["a1", "b2", "c3", "d4"])
    page = body(editor.get("/t/aero/images/"))
    assert '<span class="tags" data-more="+2" title="a1, b2, c3, d4">' in page
