"""The page by which an admin corrects an image's system, and what everybody sees of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from accounts.models import AuditEvent, User
from catalog import actions
from catalog.models import Image, Source
from tests.catalog.shelf import put

DRAWER = {"HX-Request": "true", "HX-Target": "drawer"}


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ens_self")


@pytest.fixture
def image(source: Source) -> Image:
    return put(source, "edge", os="linux", distribution="CentOS", os_version="6.8", arch="x86_64")


@pytest.fixture
def client(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


def address(image: Image, slug: str = "aero") -> str:
    return f"/t/{slug}/images/{image.id}/correct/"


def filled(image: Image, **changed: str) -> dict[str, str]:
    """What a browser sends of the form as it was shown, with some fields changed."""
    shown = {field: getattr(image, field) or "" for field in ("os", "distribution", "os_version", "arch")}
    return {**shown, **{f"initial-{field}": value for field, value in shown.items()}, "reason": "", **changed}


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_a_correction_is_saved_and_shown_as_one(client: Client, image: Image, bob: User, as_user: Any) -> None:
    answer = client.post(address(image), filled(image, distribution="rocky", reason="see <b>the tag</b>"), follow=True)
    assert answer.redirect_chain == [(f"/t/aero/images/{image.id}/", 302)]
    for shown in (answer, as_user(bob).get(f"/t/aero/images/{image.id}/")):
        words = text(shown)
        assert re.search(
            r"Distribution Rocky Linux set by an admin: alice@example.org, .*; the cloud says CentOS · see", words
        )
        assert "OS version 6.8 reported" in words and "Distribution corrected CentOS → Rocky Linux" in words
        assert escape("<b>the tag</b>") in shown.content.decode()
    assert "Corrected: Distribution." in text(answer)


def test_only_admins_are_offered_it(client: Client, image: Image, eve: User, bob: User, as_user: Any) -> None:
    there = f"/t/aero/images/{image.id}/"
    assert client.get(there).content.decode().count(address(image) + "?field=") == 4
    for user in (eve, bob):
        assert "/correct/" not in as_user(user).get(there).content.decode()
        assert as_user(user).post(address(image), filled(image, os="windows")).status_code == 403
    image.refresh_from_db()
    assert image.overrides == {}


def test_outsiders_find_nothing(charlie: User, image: Image, as_user: Any) -> None:
    for slug in ("aero", "umbra"):
        assert as_user(charlie).post(address(image, slug), filled(image, os="windows")).status_code == 404
    image.refresh_from_db()
    assert image.os == "linux"


def test_it_begins_where_it_was_asked_to(client: Client, image: Image) -> None:
    html = client.get(address(image) + "?field=arch").content.decode()
    assert re.search(r'<select name="arch"[^>]*autofocus', html) and html.count("autofocus") == 1
    assert "autofocus" not in client.get(address(image) + "?field=%00<script>").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("os", "plan9", "Select a valid choice"),
        ("distribution", "Ubuntu 22.04", "Enter only “Ubuntu” here, and “22.04” as the version."),
        ("os_version", "9" * 61, "at most 60 characters"),
        ("distribution", "a\0b", "Null characters are not allowed."),
        ("reason", "r" * 201, "at most 200 characters"),
    ],
)
def test_wrong_input_is_told_at_its_field_and_kept(
    client: Client, image: Image, field: str, value: str, words: str
) -> None:
    answer = client.post(address(image), filled(image, **{"arch": "arm64", field: value}))
    assert answer.status_code == 422
    form = answer.context["form"]
    assert list(form.errors) == [field] and words in form.errors[field][0]
    if "\0" not in value:
        assert form[field].value() == value
    assert form["arch"].value() == "arm64"
    image.refresh_from_db()
    assert image.overrides == {} and not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "sent", [{}, {"os": "linux"}, {"initial-os": "x" * 100_000}, {"remove": "name"}, {"remove": ""}]
)
def test_a_forged_form_does_no_harm(client: Client, image: Image, sent: dict[str, str]) -> None:
    assert client.post(address(image), sent).status_code in (302, 422)
    image.refresh_from_db()
    assert image.overrides == {} and image.distribution == "CentOS"


def test_what_another_admin_set_meanwhile_is_shown_before_it_is_replaced(
    client: Client, image: Image, team: Any, alice: User
) -> None:
    sent = filled(image, distribution="Fedora", reason="mine")
    actions.correct_image(team, alice, image, {"distribution": "Debian"}, {"distribution": "CentOS"})
    answer = client.post(address(image), sent)
    assert answer.status_code == 422 and "Meanwhile this was set to “Debian”" in text(answer)
    form = answer.context["form"]
    assert (form["distribution"].value(), form["reason"].value()) == ("Fedora", "mine")
    again = sent | {
        "initial-distribution": re.findall(r'name="initial-distribution" value="([^"]*)"', answer.content.decode())[0]
    }
    assert client.post(address(image), again).status_code == 302
    image.refresh_from_db()
    assert image.distribution == "Fedora" and image.overrides["distribution"]["reported"] == "CentOS"


def test_what_another_admin_set_in_another_field_stays(client: Client, image: Image, team: Any, alice: User) -> None:
    sent = filled(image, os_version="7")
    actions.correct_image(team, alice, image, {"distribution": "Debian"}, {"distribution": "CentOS"})
    assert client.post(address(image), sent).status_code == 302
    image.refresh_from_db()
    assert (image.distribution, image.os_version) == ("Debian", "7")


def test_a_field_is_taken_back_by_its_own_button(client: Client, image: Image) -> None:
    client.post(address(image), filled(image, distribution="Debian", os_version="12"))
    page = client.get(address(image)).content.decode()
    assert page.count('name="remove"') == 2 and "Take the correction of OS version back" in page
    answer = client.post(address(image), {"remove": "os_version"}, follow=True)
    assert "OS version is what the cloud says again." in text(answer)
    assert "OS version: correction taken back 12 → 6.8" in text(answer)
    image.refresh_from_db()
    assert (image.distribution, image.os_version) == ("Debian", "6.8")
    assert "Nothing was changed." in text(client.post(address(image), {"remove": "os_version"}, follow=True))


def test_the_drawer_gets_the_form_and_then_the_facts(client: Client, image: Image) -> None:
    form = client.get(address(image), headers=DRAWER).content.decode()
    assert "<html" not in form and 'hx-target="#drawer"' in form
    bad = client.post(address(image), filled(image, os_version="9" * 61), headers=DRAWER)
    assert bad.status_code == 422 and "<html" not in bad.content.decode()
    done = client.post(address(image), filled(image, os_version="7"), headers=DRAWER)
    assert done.status_code == 200 and "set by an admin" in text(done)
    assert all(event in done["HX-Trigger"] for event in ("marked", "corrected", "told"))


@pytest.mark.parametrize("busy", [{"remove": "os"}, {"os": "windows"}])
def test_while_a_sync_is_applied_nothing_is_lost(
    client: Client, image: Image, monkeypatch: pytest.MonkeyPatch, busy: dict[str, str]
) -> None:
    from catalog.locks import SourceBusy

    def refuse(*words: Any, **options: Any) -> None:
        raise SourceBusy

    monkeypatch.setattr("catalog.actions.overrides.lock_source", refuse)
    answer = client.post(address(image), busy if "remove" in busy else filled(image, **busy))
    assert answer.status_code == 422 and "A sync is being applied to this source" in text(answer)
    assert answer.context["form"]["os"].value() == busy.get("os", "linux")


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=x>', "a\nb  c", "d" * 100_000])
def test_a_clouds_own_text_is_no_change_of_a_person(client: Client, source: Source, hostile: str) -> None:
    image = put(source, "odd", distribution=hostile, os_version=hostile[:5_000])
    html = client.get(address(image)).content.decode()
    assert "<script>alert" not in html and "<img src=x" not in html
    fields = dict(re.findall(r'<input type="(?:text|hidden)" name="([^"]+)"(?: value="([^"]*)")?', html))
    shown = {
        name: fields[name] for name in ("distribution", "os_version", "initial-distribution", "initial-os_version")
    }
    sent = {"os": "unknown", "initial-os": "unknown", "arch": "arm64", "initial-arch": "unknown"}
    from html import unescape

    assert (
        client.post(address(image), sent | {name: unescape(value) for name, value in shown.items()}).status_code == 302
    )
    image.refresh_from_db()
    assert set(image.overrides) == {"arch"} and image.distribution == hostile
