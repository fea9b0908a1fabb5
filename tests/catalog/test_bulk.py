"""Many images at once: named and counted first, and exactly those that were, or it asks again."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Team, User
from catalog import bulk
from catalog.actions import marks
from catalog.models import Image, Source
from tests.catalog.shelf import put

pytestmark = pytest.mark.django_db

LIST, BULK, IDS = "/t/aero/images/", "/t/aero/images/bulk/", "/t/aero/images/ids/"


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_custom")


@pytest.fixture
def shelf(source: Source) -> Source:
    """Four Linux images, of which one is old, and two of Windows."""
    for n in range(4):
        put(source, f"linux-{n}", os="linux", arch="i386" if n == 3 else "x86_64")
    for n in range(2):
        put(source, f"windows-{n}", os="windows", arch="x86_64")
    return source


@pytest.fixture
def editor(eve: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(eve)


def form(page: Any) -> dict[str, Any]:
    """The hidden fields of the page's form, as a browser sends them."""
    found: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode()):
        found.setdefault(name, []).append(value.replace("&amp;", "&"))
    return found


def opened(client: Client, query: str, *images: Image) -> dict[str, Any]:
    pairs = [("filter", query), *(("image", str(image.id)) for image in images)]
    page = client.get(f"{BULK}?{urlencode(pairs)}")
    assert page.status_code == 200
    return form(page)


def labelled() -> list[str]:
    return sorted(Image.objects.exclude(labels=[]).values_list("name", flat=True))


def test_it_names_the_filter_and_the_count_and_then_labels_exactly_those(shelf: Source, editor: Client) -> None:
    text = " ".join(editor.get(f"{BULK}?{urlencode({'filter': 'os=linux&arch=-i386'})}").content.decode().split())
    assert "Label or star 3 images" in text and "OS: <b><bdi>Linux</bdi></b>" in text
    assert "Arch: not <b><bdi>i386</bdi></b>" in text and "Label 3 images</button>" in text
    sent = opened(editor, "os=linux&arch=-i386")
    answer = editor.post(BULK, sent | {"do": "label", "labels": "Gold, gpu"}, follow=True)
    assert answer.redirect_chain == [(f"{LIST}?os=linux&arch=-i386", 302)]
    assert "3 images labelled." in answer.content.decode()
    assert labelled() == ["linux-0", "linux-1", "linux-2"]
    event = AuditEvent.objects.get()
    assert (event.action, event.actor) == ("image.labelled", "eve@example.org")
    ids = {str(one) for one in Image.objects.exclude(labels=[]).values_list("id", flat=True)}
    assert set(event.changes.pop("ids")) == ids
    assert event.changes == {"labels": ["gold", "gpu"], "images": 3, "query": "os=linux&arch=-i386"}


def test_selected_rows_are_those_and_no_others(shelf: Source, editor: Client) -> None:
    two = list(Image.objects.filter(os="windows"))
    sent = opened(editor, "sort=-name", *two)
    answer = editor.post(BULK, sent | {"do": "star"}, follow=True)
    assert answer.redirect_chain == [(f"{LIST}?sort=-name", 302)] and "2 images starred." in answer.content.decode()
    assert sorted(Image.objects.filter(starred=True).values_list("name", flat=True)) == ["windows-0", "windows-1"]
    changes = AuditEvent.objects.get().changes
    assert set(changes.pop("ids")) == {str(one.id) for one in two} and changes == {"images": 2}, "no filter chose them"


@pytest.mark.parametrize(
    ("does", "undoes", "said"),
    [("label", "unlabel", "Label removed from 4 images."), ("star", "unstar", "Star taken from 4 images.")],
)
def test_each_has_its_way_back(does: str, undoes: str, said: str, shelf: Source, editor: Client) -> None:
    for do in (does, undoes):
        answer = editor.post(BULK, opened(editor, "os=linux") | {"do": do, "labels": "gold"}, follow=True)
    assert said in answer.content.decode()
    assert labelled() == [] and not Image.objects.filter(starred=True).exists()


def test_what_was_so_already_is_told_apart(shelf: Source, editor: Client) -> None:
    Image.objects.filter(name="linux-0").update(starred=True)
    answer = editor.post(BULK, opened(editor, "os=linux") | {"do": "star"}, follow=True)
    assert "3 images starred. 1 was so already." in answer.content.decode()


def test_another_count_is_said_and_asked_again(shelf: Source, editor: Client) -> None:
    sent = opened(editor, "os=linux") | {"do": "label", "labels": "gold"}
    put(shelf, "linux-new", os="linux")
    answer = editor.post(BULK, sent)
    text = " ".join(answer.content.decode().split())
    assert answer.status_code == 422 and "1 more image fits now. Look again, then confirm anew." in text
    assert 'value="gold"' in text and "Label 5 images</button>" in text, "what was typed is kept"
    assert labelled() == [] and not AuditEvent.objects.exists()
    assert editor.post(BULK, form(answer) | {"do": "label", "labels": "gold"}).status_code == 302
    assert len(labelled()) == 5


def test_as_many_but_other_images_are_asked_for_again(shelf: Source, editor: Client) -> None:
    sent = opened(editor, "os=linux") | {"do": "star"}
    Image.objects.filter(name__in=["linux-0", "linux-1"]).update(os="windows")
    for n in range(2):
        put(shelf, f"linux-new-{n}", os="linux")
    answer = editor.post(BULK, sent)
    assert answer.status_code == 422
    assert "2 more images fit now. 2 images do not fit any more." in " ".join(answer.content.decode().split())
    assert not Image.objects.filter(starred=True).exists()


def test_selected_images_that_are_gone_are_counted(shelf: Source, editor: Client) -> None:
    sent = opened(editor, "", *Image.objects.filter(os="linux")) | {"do": "star"}
    Image.objects.filter(name="linux-0").delete()
    answer = editor.post(BULK, sent)
    assert answer.status_code == 422 and "1 image is no longer there." in answer.content.decode()
    assert editor.post(BULK, form(answer) | {"do": "star"}).status_code == 302
    assert Image.objects.filter(starred=True).count() == 3


@pytest.mark.parametrize("traces", ["", "x", "!", "AAAA", "Ä" * 9])
def test_without_a_trace_of_what_was_shown_it_still_asks_again(traces: str, shelf: Source, editor: Client) -> None:
    answer = editor.post(BULK, {"filter": "os=linux", "digest": "forged", "traces": traces, "do": "star"})
    assert answer.status_code == 422 and "not the images that were shown any more." in answer.content.decode()
    assert not Image.objects.filter(starred=True).exists()


def test_images_are_found_by_their_labels_without_reading_all(shelf: Source, editor: Client) -> None:
    """By the combinations of facet values that have them: no index knows single labels."""
    Image.objects.filter(name="linux-1").update(labels=["gold", "gpu"])
    with CaptureQueriesContext(connection) as made:
        assert "Label or star 1 image" in editor.get(f"{BULK}?filter=label%3Dgold").content.decode()
    read = [one["sql"] for one in made if "FROM catalog_image " in one["sql"]]
    assert read and all("i.labels" not in sql and "facets = ANY" in sql for sql in read)


def test_an_image_that_changed_but_still_fits_does_not_ask_again(shelf: Source, editor: Client) -> None:
    sent = opened(editor, "os=linux") | {"do": "star"}
    Image.objects.filter(name="linux-0").update(size_gib=7)
    assert editor.post(BULK, sent).status_code == 302


def test_sent_twice_it_is_done_once(shelf: Source, editor: Client) -> None:
    sent = opened(editor, "os=linux") | {"do": "label", "labels": "gold"}
    for _ in range(2):
        assert editor.post(BULK, sent).status_code == 302
    assert AuditEvent.objects.count() == 1 and Image.objects.get(name="linux-0").labels == ["gold"]


def test_everything_is_confirmed_like_anything(shelf: Source, editor: Client) -> None:
    text = editor.get(BULK).content.decode()
    assert "No filter: every image on the shelf." in text and "Label 6 images</button>" in text
    assert editor.post(BULK, {"do": "star"}).status_code == 422, "nothing is done that nobody saw"
    assert not Image.objects.filter(starred=True).exists()


def test_too_many_are_refused_with_the_number(shelf: Source, editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = opened(editor, "os=linux") | {"do": "star"}
    for module in (bulk, marks):
        monkeypatch.setattr(module, "MOST_AT_ONCE", 3)
    text = editor.get(f"{BULK}?filter=os%3Dlinux").content.decode()
    assert "Label or star 4 images" in text and "narrow the filter" in text and "</button>\n</form>" not in text
    assert 'name="do"' not in text
    editor.post(BULK, sent)
    assert not Image.objects.filter(starred=True).exists()
    assert "textarea" not in editor.get(f"{IDS}?filter=os%3Dlinux").content.decode()


@pytest.mark.parametrize("query", ["colour=red", "os=linux&oss=windows", "sort=colour"])
def test_a_filter_it_cannot_apply_changes_nothing(query: str, shelf: Source, editor: Client) -> None:
    for answer in (editor.get(BULK, {"filter": query}), editor.post(BULK, {"filter": query, "do": "star"})):
        assert answer.status_code == 422 and "Nothing was changed" in answer.content.decode()
    assert not Image.objects.filter(starred=True).exists()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"do": "label", "labels": ""}, "Enter a label."),
        ({"do": "label", "labels": "x" * 41}, "at most 40 characters"),
        ({"do": "explode"}, "Choose what to do"),
        ({}, "Choose what to do"),
    ],
)
def test_bad_input_is_one_sentence_and_loses_nothing(sent: Any, said: str, shelf: Source, editor: Client) -> None:
    answer = editor.post(BULK, opened(editor, "os=linux") | sent)
    text = answer.content.decode()
    assert answer.status_code == 422 and said in text and f'value="{sent.get("labels", "")}"' in text
    assert labelled() == []


@pytest.mark.parametrize("image", ["nonsense", "0" * 32, "00000000-0000-0000-0000-000000000000"])
def test_images_there_are_not_are_no_error(image: str, shelf: Source, editor: Client) -> None:
    assert editor.get(BULK, {"image": image}).status_code in (200, 422)
    assert editor.post(BULK, {"image": image, "do": "star"}).status_code in (200, 422)


def test_it_touches_only_the_team(
    shelf: Source, other_team: Team, charlie: User, as_user: Callable[[User], Client]
) -> None:
    outsider, image = as_user(charlie), Image.objects.get(name="linux-0")
    assert outsider.get(BULK).status_code == outsider.get(IDS).status_code == 404
    page = outsider.get("/t/umbra/images/bulk/", {"image": str(image.id)})
    assert "These images are no longer there." in page.content.decode()
    assert image.remote_id not in outsider.get("/t/umbra/images/ids/", {"image": str(image.id)}).content.decode()


def test_a_viewer_is_offered_ids_and_no_change(shelf: Source, bob: User, as_user: Callable[[User], Client]) -> None:
    viewer = as_user(bob)
    text = viewer.get(LIST).content.decode()
    assert "images/ids/" in text and "images/bulk/" not in text
    assert viewer.get(BULK).status_code == 403


def test_ids_are_shown_and_given_as_a_file(shelf: Source, bob: User, as_user: Callable[[User], Client]) -> None:
    viewer = as_user(bob)
    text = viewer.get(f"{IDS}?filter=os%3Dwindows").content.decode()
    assert "The IDs of 2 images" in text and "m-windows-0\nm-windows-1</textarea>" in text
    answer = viewer.get(f"{IDS}?filter=os%3Dwindows&download=1")
    assert answer.content == b"m-windows-0\nm-windows-1\n" and answer["Content-Type"].startswith("text/plain")
    assert answer["Content-Disposition"].startswith('attachment; filename="aero-image-ids-')
    one = Image.objects.get(name="linux-1")
    assert viewer.get(IDS, {"image": [str(one.id)], "download": "1"}).content == b"m-linux-1\n"


def test_a_hostile_id_is_text(source: Source, bob: User, as_user: Callable[[User], Client]) -> None:
    put(source, "x", remote_id="</textarea><script>alert(1)</script>")
    assert "<script>alert" not in as_user(bob).get(IDS).content.decode()
