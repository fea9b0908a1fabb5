"""Saved views: what a page shows in one, who may do what with it, and what is told when it does not go."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent, Membership, Team, User
from catalog import actions
from catalog.actions import ActionError, ViewChanged
from catalog.actions.saved_views import MOST
from catalog.columns import DEFAULT
from catalog.display import Display
from catalog.models import SavedView, Source
from catalog.saved_views import key_of
from tests.catalog.shelf import put

URL, VIEWS = "/t/aero/images/", "/t/aero/views/"
HTMX = {"HX-Request": "true", "HX-Target": "image-results"}
USUAL = {"columns": ",".join(DEFAULT), "density": "comfortable"}


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    source = make_source("alibaba_ehpc_custom", last_complete_at=timezone.now())
    for name, arch in (("one", "arm64"), ("two", "x86_64"), ("three", "x86_64")):
        put(source, name, arch=arch, os="linux")
    return source


@pytest.fixture
def make_view(team: Team) -> Callable[..., SavedView]:
    def make(owner: User, name: str = "Arm", query: str = "arch=arm64", **options: Any) -> SavedView:
        display = Display(options.pop("columns", DEFAULT), options.pop("density", "comfortable"))
        return actions.create_view(team, owner, name=name, query=query, display=display, **options)

    return make


@pytest.fixture
def alice_(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


@pytest.fixture
def eve_(eve: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(eve)


@pytest.fixture
def bob_(bob: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(bob)


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def edited(response: Any) -> bool:
    return 'id="view-save"' in response.content.decode()


def sent(response: Any) -> dict[str, str]:
    """The hidden values of the form that saves the view."""
    html = response.content.decode()
    form = re.search(r'<form id="view-save".*?</form>', html, re.DOTALL)
    seen = re.search(r'name="seen" value="([^"]*)"', html)
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    return {key: unescape(value) for key, value in found} | {"seen": unescape(seen[1])}


def events(action: str = "view.") -> list[tuple[str, str, str]]:
    found = AuditEvent.objects.filter(action__startswith=action).order_by("id")
    return list(found.values_list("action", "actor", "target"))


# A view is made and opened


def test_what_a_list_shows_is_kept_under_a_name(bob_: Client, bob: User, source: Source) -> None:
    page = bob_.get(f"{URL}?arch=arm64&sort=-size")
    assert f'href="{VIEWS}add/?arch=arm64&amp;sort=-size"' in page.content.decode()
    form = bob_.get(f"{VIEWS}add/?arch=arm64&sort=-size")
    assert form.status_code == 200 and 'value="arch=arm64&amp;sort=-size"' in form.content.decode()
    answer = bob_.post(f"{VIEWS}add/", {"name": "  My   Arm ", "query": "sort=-size&arch=arm64", **USUAL})
    view = SavedView.objects.get()
    assert (view.name, view.query, view.owner, view.shared) == ("My Arm", "arch=arm64&sort=-size", bob, False)
    assert tuple(view.columns) == DEFAULT and view.density == "comfortable"
    assert answer["Location"] == f"{URL}?arch=arm64&sort=-size&view={key_of(view.id)}"
    assert events() == [("view.created", bob.email, "My Arm")]
    opened = bob_.get(answer["Location"])
    assert "1 of 3 images" in text(opened) and not edited(opened) and "My Arm" in text(opened)


def test_columns_and_density_are_the_views(
    eve_: Client, bob_: Client, make_view: Any, eve: User, source: Source
) -> None:
    view = make_view(eve, columns=("name", "description"), density="compact", shared=True)
    answer = bob_.get(f"{VIEWS}{view.id}/")
    html = bob_.get(answer["Location"]).content.decode()
    assert "images compact" in html and html.count('<th scope="col"') == 3 and 'class="description"' in html
    outside = bob_.get(f"{URL}?arch=arm64").content.decode()
    assert "images compact" not in outside and 'class="description"' not in outside


def test_every_link_of_the_page_stays_in_the_view(bob_: Client, bob: User, make_view: Any, source: Source) -> None:
    for n in range(60):
        put(source, f"image-{n}", arch="arm64")
    view = make_view(bob)
    key = f"view={key_of(view.id)}"
    html = unescape(bob_.get(f"{URL}?arch=arm64&{key}").content.decode())
    inside = html[html.index('id="image-results"') : html.index('id="drawer"')]
    links = re.findall(rf'href="{URL}\?([^"]*)"', inside)
    assert len(links) > 12 and all(key in link for link in links)
    assert f'name="view" value="{key_of(view.id)}"' in html, "the form of the facets stays in it too"
    fragment = bob_.get(f"{URL}?arch=arm64&os=linux&{key}", headers=HTMX)
    assert fragment["HX-Push-Url"].endswith(f"?os=linux&arch=arm64&{key}") and edited(fragment)
    assert 'id="views" hx-swap-oob="innerHTML"' in fragment.content.decode()


def test_it_is_edited_when_filters_order_columns_or_density_differ(
    bob_: Client, bob: User, make_view: Any, source: Source
) -> None:
    view = make_view(bob, query="arch=arm64&q=one")
    key = f"view={key_of(view.id)}"
    assert not edited(bob_.get(f"{URL}?q=%20one&arch=ARM64&{key}")), "another spelling is no change"
    for query in (f"arch=arm64&{key}", f"arch=arm64&q=one&sort=-size&{key}", key):
        assert edited(bob_.get(f"{URL}?{query}"))
    here = f"arch=arm64&q=one&{key}"
    answer = bob_.post(
        f"{URL}display/", {"view": view.id, "next": here, "columns": ["name", "size"], "density": "compact"}
    )
    assert answer["Location"] == f"{URL}?{here}", "back to the very same address"
    page = bob_.get(answer["Location"])
    assert edited(page) and "images compact" in page.content.decode()
    assert bob_.post(f"{URL}display/", {"view": view.id, "reset": "view"})["Location"] == f"{URL}?{here}"
    assert not edited(bob_.get(f"{URL}?{here}"))


# Saved, and two at once


def test_an_edited_view_is_saved(bob_: Client, bob: User, make_view: Any, source: Source) -> None:
    view = make_view(bob)
    here = f"{URL}?arch=x86_64&sort=-size&view={key_of(view.id)}"
    bob_.post(f"{URL}display/", {"view": view.id, "next": "", "columns": ["name", "size"], "density": "compact"})
    answer = bob_.post(f"{VIEWS}{view.id}/save/", sent(bob_.get(here)))
    assert answer["Location"] == here and not edited(bob_.get(here))
    view.refresh_from_db()
    assert (view.query, view.columns, view.density) == ("arch=x86_64&sort=-size", ["name", "size"], "compact")
    changed = AuditEvent.objects.get(action="view.changed")
    assert changed.changes["query"] == ["arch=arm64", "arch=x86_64&sort=-size"]
    bob.refresh_from_db()
    assert bob.preferences["view_changes"] == {}, "what was changed is kept in the view now"


def test_the_second_to_save_is_told_who_was_first(
    alice_: Client, eve_: Client, alice: User, eve: User, make_view: Any, source: Source
) -> None:
    view = make_view(alice, shared=True)
    save, key = f"{VIEWS}{view.id}/save/", f"view={key_of(view.id)}"
    of_alice = sent(alice_.get(f"{URL}?arch=x86_64&{key}"))
    of_eve = sent(eve_.get(f"{URL}?os=linux&{key}"))
    assert eve_.post(save, of_eve).status_code == 302
    refused = alice_.post(save, of_alice)
    assert refused.status_code == 409 and "was changed by eve@example.org since you opened it" in text(refused)
    view.refresh_from_db()
    assert view.query == "os=linux" and "arch=x86_64" in refused.content.decode(), "nothing of hers is lost"
    again = re.search(r'name="seen" value="([^"]*)"', refused.content.decode())
    assert alice_.post(save, of_alice | {"seen": again[1]}).status_code == 302
    view.refresh_from_db()
    assert view.query == "arch=x86_64" and len(events("view.changed")) == 2


def test_saving_the_very_same_twice_is_no_conflict(alice: User, team: Team, make_view: Any) -> None:
    view, seen = make_view(alice), timezone.now()
    opened = view = SavedView.objects.get(id=view.id)
    for _twice in range(2):
        actions.save_view(team, alice, opened, query="os=linux", display=Display(), seen=opened.updated_at)
    assert len(events("view.changed")) == 1
    with pytest.raises(ViewChanged) as told:
        actions.save_view(team, alice, opened, query="os=windows", display=Display(), seen=opened.updated_at)
    assert told.value.by == alice.email and seen


@pytest.mark.parametrize(
    "seen", ["", "yesterday", "2026-11-21", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"]
)
def test_a_time_that_is_none_overwrites_nothing(alice_: Client, alice: User, make_view: Any, seen: str) -> None:
    view = make_view(alice)
    answer = alice_.post(f"{VIEWS}{view.id}/save/", {"query": "os=linux", "seen": seen, **USUAL})
    assert answer.status_code == 409 and SavedView.objects.get().query == "arch=arm64"


# The team's default


def test_a_bare_address_leads_to_the_teams_default(
    alice_: Client, bob_: Client, alice: User, team: Team, make_view: Any, source: Source
) -> None:
    view = make_view(alice, shared=True)
    assert bob_.get(URL).status_code == 200
    alice_.post(f"{VIEWS}{view.id}/default/", {"default": "yes"})
    opened = bob_.get(URL)
    assert opened.status_code == 302 and opened["Location"] == f"{URL}?arch=arm64&view={key_of(view.id)}"
    everything = bob_.get(f"{URL}?view=all")
    assert "3 images" in text(everything) and f'href="{URL}?view=all"' in everything.content.decode()
    deep = bob_.get(f"{URL}?os=linux")
    assert "3 of 3 images" in text(deep) and "Arch: arm64" not in text(deep), "the default is never mixed in"
    assert f'href="{URL}?view=all" aria-label="Remove OS: Linux"' in deep.content.decode(), "all means all"
    last = bob_.get(f"{URL}?q=", headers=HTMX | {"HX-Current-URL": f"http://testserver{URL}?os=linux"})
    assert last["HX-Push-Url"] == f"{URL}?view=all", "a reload does not lead to the default either"
    alice_.post(f"{VIEWS}{view.id}/default/", {"default": "no"})
    assert bob_.get(URL).status_code == 200 and 'href="?view=all"' not in bob_.get(URL).content.decode()
    assert [action for action, _who, _what in events()] == ["view.created", "view.made_default", "view.unmade_default"]


def test_a_page_of_everything_keeps_its_cursor_when_a_default_comes(
    alice_: Client, alice: User, team: Team, make_view: Any, source: Source
) -> None:
    for n in range(60):
        put(source, f"image-{n}")
    (behind,) = re.findall(rf'href="{URL}(\?page=[^"]*)" rel="next"', alice_.get(URL).content.decode())
    actions.set_default(team, alice, make_view(alice, shared=True), True)
    assert "place in another list" not in text(alice_.get(URL + unescape(behind)))


def test_there_is_one_default_and_it_is_shared(alice: User, team: Team, make_view: Any) -> None:
    first, second = make_view(alice, shared=True), make_view(alice, "Other", shared=True)
    actions.set_default(team, alice, first, True)
    actions.set_default(team, alice, second, True)
    assert list(SavedView.objects.filter(is_default=True)) == [second]
    with pytest.raises(ActionError, match="default view"):
        actions.share_view(team, alice, second, False)
    with pytest.raises(ActionError, match="Share"):
        actions.set_default(team, alice, make_view(alice, "Mine"), True)
    actions.delete_view(team, alice, second)
    assert not SavedView.objects.filter(is_default=True)


# What is not there, or not there any more


def test_a_view_one_may_not_see_is_left_out_with_a_notice(
    bob_: Client, alice: User, charlie: User, other_team: Team, make_view: Any, source: Source
) -> None:
    private = make_view(alice, name="Secret plans")
    foreign = actions.create_view(other_team, charlie, name="Foreign", query="os=linux", display=Display(), shared=True)
    for key in (key_of(private.id), str(private.id), key_of(foreign.id), "00000000"):
        page = bob_.get(f"{URL}?arch=arm64&view={key}")
        assert page.status_code == 200 and "is gone, or is not shared with you" in text(page)
        main = page.content.decode().partition("<main")[2].partition("</main>")[0]
        assert "1 of 3 images" in text(page) and key not in main
        assert "Secret plans" not in text(page) and "Foreign" not in text(page)
    for view in (private, foreign):
        assert bob_.get(f"{VIEWS}{view.id}/").status_code == 404


def test_a_view_of_a_source_that_is_gone_says_so(bob_: Client, bob: User, make_view: Any, source: Source) -> None:
    make_view(bob, query=f"source={str(source.id)[:8]}")
    gone = make_view(bob, "Old", query="source=deadbeef")
    page = bob_.get(bob_.get(f"{VIEWS}{gone.id}/")["Location"])
    assert page.status_code == 200 and "A source that “Old” filters by is gone" in text(page)


def test_a_view_that_is_not_understood_any_more_opens_with_a_notice(
    bob_: Client, bob: User, make_view: Any, source: Source
) -> None:
    view = make_view(bob)
    SavedView.objects.update(query="arch=arm64&flavour=sweet&sort=taste", columns=["taste", "size"], density="airy")
    page = bob_.get(bob_.get(f"{VIEWS}{view.id}/")["Location"])
    assert page.status_code == 200 and "1 of 3 images" in text(page)
    assert "no filter “flavour”" in text(page) and "no column “taste”" in text(page) and edited(page)
    assert "partly out of date" in text(bob_.get(VIEWS))
    bob_.post(f"{VIEWS}{view.id}/save/", sent(page))
    view.refresh_from_db()
    assert view.query == "arch=arm64" and view.columns == ["name", "size"] and view.density == "comfortable"


# Names, and how many


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "required"),
        (" \t ", "required"),
        ("x" * 61, "60 characters"),
        ("a\u202eb", "control characters"),
        ("a\x00b", "ull characters"),
    ],
)
def test_a_name_that_is_none_is_refused_and_loses_nothing(bob_: Client, name: str, told: str) -> None:
    answer = bob_.post(
        f"{VIEWS}add/", {"name": name, "query": "arch=arm64", "columns": "name,size", "density": "compact"}
    )
    html = answer.content.decode()
    assert answer.status_code == 422 and told in text(answer) and not SavedView.objects.exists()
    assert 'value="arch=arm64"' in html and 'value="name,size"' in html and 'value="compact"' in html


def test_a_name_is_taken_once_each_in_any_case(
    bob_: Client, eve_: Client, make_view: Any, bob: User, eve: User
) -> None:
    make_view(bob, "Arm"), make_view(eve, "Arm"), make_view(eve, "ARM", shared=True)
    answer = bob_.post(f"{VIEWS}add/", {"name": "aRM", **USUAL})
    assert answer.status_code == 422 and "You already have a view named “aRM”" in text(answer)
    answer = eve_.post(f"{VIEWS}add/", {"name": "aRM", "shared": "on", **USUAL})
    assert answer.status_code == 422 and "The team already has a shared view named “aRM”" in text(answer)
    mine = SavedView.objects.get(owner=eve, shared=False)
    told = eve_.post(f"{VIEWS}{mine.id}/share/", {"shared": "yes"}, follow=True)
    assert "The team already has a shared view" in text(told) and not SavedView.objects.get(id=mine.id).shared


def test_a_hundred_are_the_most(team: Team, bob: User, eve: User, make_view: Any) -> None:
    rows = [SavedView(team=team, owner=bob, name=f"v{n}") for n in range(MOST)]
    SavedView.objects.bulk_create(
        rows + [SavedView(team=team, owner=eve, name=f"s{n}", shared=True) for n in range(MOST)]
    )
    with pytest.raises(ActionError, match="100 views of your own"):
        make_view(bob)
    with pytest.raises(ActionError, match="100 shared views"):
        make_view(eve, shared=True)
    with pytest.raises(ActionError, match="100 shared views"):
        actions.share_view(team, eve, make_view(eve), True)


def test_a_filter_too_long_to_be_an_address_is_not_kept(bob_: Client, source: Source) -> None:
    values = ",".join(f"region-{n}-{'x' * 60}" for n in range(150))
    answer = bob_.post(f"{VIEWS}add/", {"name": "Long", "query": f"region={values}", **USUAL})
    assert answer.status_code == 422 and "too long to be kept" in text(answer)


def test_strangers_text_stays_text(bob_: Client, bob: User, make_view: Any, source: Source) -> None:
    view = make_view(bob, "<b>x</b>", query="q=%3Cb%3Ey")
    address = f"{URL}?q=%3Cb%3Ey&view={key_of(view.id)}"
    for page in (address, VIEWS, f"{VIEWS}{view.id}/rename/", f"{VIEWS}{view.id}/delete/", f"{VIEWS}add/?q=%3Cb%3E"):
        html = bob_.get(page).content.decode()
        assert "<b>x" not in html and "<b>y" not in html


# Shared, renamed, deleted


def test_it_is_shared_renamed_and_deleted(eve_: Client, bob_: Client, eve: User, make_view: Any) -> None:
    view = make_view(eve)
    assert "Arm" not in text(bob_.get(VIEWS))
    eve_.post(f"{VIEWS}{view.id}/share/", {"shared": "yes"})
    assert "Arm" in text(bob_.get(VIEWS)) and "by Eve Editor" in text(bob_.get(VIEWS))
    assert eve_.post(f"{VIEWS}{view.id}/rename/", {"name": "arm"})["Location"] == VIEWS
    eve_.post(f"{VIEWS}{view.id}/share/", {"shared": "no"})
    assert bob_.get(f"{VIEWS}{view.id}/").status_code == 404
    assert "Delete arm ?" in text(eve_.get(f"{VIEWS}{view.id}/delete/")) and SavedView.objects.exists()
    eve_.post(f"{VIEWS}{view.id}/delete/")
    assert not SavedView.objects.exists()
    names = ["view.created", "view.shared", "view.renamed", "view.unshared", "view.deleted"]
    assert [action for action, _who, _what in events()] == names


def test_who_may_do_what(
    alice_: Client, eve_: Client, bob_: Client, alice: User, eve: User, bob: User, team: Team, make_view: Any
) -> None:
    """(client, view) → the answers to save, rename, delete (asked only), share, default."""
    private, of_eve, of_bob = make_view(eve), make_view(eve, "Eve's", shared=True), make_view(bob, "Bob's")
    asked = {"query": "arch=arm64", "name": "Same", **USUAL}
    ways = (("save", "post"), ("rename", "get"), ("delete", "get"), ("share", "post"), ("default", "post"))
    table = [
        (eve_, private, [302, 200, 200, 302, 403]),
        (alice_, private, [404] * 5),
        (bob_, private, [404, 404, 404, 403, 403]),
        (eve_, of_eve, [302, 200, 200, 302, 403]),
        (alice_, of_eve, [302, 200, 200, 302, 302]),
        (bob_, of_eve, [403] * 5),
        (bob_, of_bob, [302, 200, 200, 403, 403]),
        (eve_, of_bob, [404, 404, 404, 404, 403]),
    ]
    for client, view, expected in table:
        shared = {"shared": "yes" if view.shared else "no"}
        got = [
            getattr(client, method)(f"{VIEWS}{view.id}/{way}/", {**asked, **shared, "default": "no"}).status_code
            for way, method in ways
        ]
        assert got == expected, (client.session["_auth_user_id"], view.name)
    Membership.objects.filter(user=eve).update(role="viewer")
    assert eve_.get(f"{VIEWS}{of_eve.id}/delete/").status_code == 403, "a shared view is the team's"
    assert bob_.post(f"{VIEWS}add/", {"name": "Mine", "shared": "on", **USUAL}).status_code == 403
    assert SavedView.objects.filter(name="Mine").count() == 0


def test_a_shared_view_outlives_its_owner(alice_: Client, eve: User, make_view: Any, source: Source) -> None:
    view = make_view(eve, shared=True)
    private = make_view(eve, "Private")
    eve.delete()
    assert "Arm" in text(alice_.get(VIEWS)) and alice_.get(f"{VIEWS}{view.id}/rename/").status_code == 200
    assert alice_.get(f"{VIEWS}{private.id}/").status_code == 404


def test_what_was_deleted_meanwhile_is_told_in_a_sentence(
    alice_: Client, alice: User, team: Team, make_view: Any
) -> None:
    view = make_view(alice)
    actions.delete_view(team, alice, view)
    actions.delete_view(team, alice, view)
    assert len(events("view.deleted")) == 1
    with pytest.raises(ActionError, match="deleted meanwhile"):
        actions.save_view(team, alice, view, query="", display=Display(), seen=view.updated_at)


def test_who_could_save_when_it_was_shared_cannot_once_it_is_private(
    alice: User, eve: User, team: Team, make_view: Any
) -> None:
    view = make_view(eve, shared=True)
    as_seen = SavedView.objects.get(id=view.id)
    actions.share_view(team, eve, view, False)
    with pytest.raises(ActionError, match="taken back"):
        actions.save_view(team, alice, as_seen, query="", display=Display(), seen=as_seen.updated_at)


# Columns and density of a person


def test_columns_and_density_are_kept_and_drop_no_filter(bob_: Client, bob: User, source: Source) -> None:
    here = "os=linux,windows&q=t&sort=-size&page=last"
    answer = bob_.post(f"{URL}display/", {"next": here, "columns": ["name", "tag", "colour"], "density": "compact"})
    assert answer["Location"] == f"{URL}?{here}"
    bob.refresh_from_db()
    assert bob.preferences["columns"] == ["name", "tag"] and bob.preferences["density"] == "compact"
    html = bob_.get(answer["Location"]).content.decode()
    assert 'class="tag"' in html and 'class="arch"' not in html and "OS: <b><bdi>Windows" in html
    bob_.post(f"{URL}display/", {"next": here, "reset": "columns"})
    assert 'class="arch"' in bob_.get(URL).content.decode() and not events(), "a preference is no change of the team's"


@pytest.mark.parametrize(
    "there", ["", "?", "//evil.example", "q=a\r\nX: y", "%00", "&" * 3000, "q=" + "x" * 20_000, "q=中"]
)
def test_the_way_back_stays_on_the_list(bob_: Client, there: str, source: Source) -> None:
    answer = bob_.post(f"{URL}display/", {"next": there, "columns": "name"})
    assert answer.status_code == 302 and answer["Location"].split("?")[0] == URL
    assert bob_.get(answer["Location"], follow=True).status_code == 200


def test_sorting_by_a_column_that_is_not_shown_stays(bob_: Client, source: Source) -> None:
    bob_.post(f"{URL}display/", {"next": "", "columns": ["name", "arch"]})
    html = bob_.get(f"{URL}?sort=-size").content.decode()
    assert 'name="sort" value="-size"' in html and "aria-sort" not in html


# What it costs


def test_a_page_costs_as_many_queries_with_two_hundred_views(
    bob_: Client, bob: User, eve: User, team: Team, make_view: Any, source: Source
) -> None:
    view = make_view(bob)
    address = f"{URL}?arch=arm64&view={key_of(view.id)}"
    bob_.get(address)
    with CaptureQueriesContext(connection) as few:
        bob_.get(address)
    rows = [SavedView(team=team, owner=bob, name=f"v{n}" + "x" * 50) for n in range(99)]
    SavedView.objects.bulk_create(
        rows + [SavedView(team=team, owner=eve, name=f"s{n}", shared=True) for n in range(100)]
    )
    with CaptureQueriesContext(connection) as many:
        page = bob_.get(address)
    with CaptureQueriesContext(connection) as listed:
        bob_.get(VIEWS)
    assert len(few) == len(many) <= 12 and len(listed) <= 8 and len(page.content) < 60_000
    assert "176 more" in text(page)
