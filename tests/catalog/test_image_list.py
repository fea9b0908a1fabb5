"""The images page: what it shows to whom, what HTMX gets, what it says when there is nothing, what it costs."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from accounts.models import Team, User
from catalog.models import Source, SyncRun
from tests.catalog.shelf import put

URL = "/t/aero/images/"
HTMX = {"HX-Request": "true", "HX-Target": "image-results"}
HOSTILE = [
    "<script>alert(1)</script>",
    "<b hx-get='/account/logout/' hx-trigger='load'>x</b>",
    '"><img src=x onerror=alert(1)>',
    "{{ settings.SECRET_KEY }}{% load x %}",
    "\u202egpj.exe",
]


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_custom", last_complete_at=timezone.now() - timedelta(minutes=3))


@pytest.fixture
def look(bob: User, as_user: Callable[[User], Client]) -> Callable[..., Any]:
    client = as_user(bob)

    def get(query: str = "", **headers: str) -> Any:
        return client.get(URL + query, headers=headers, follow=True)

    return get


def text(response: Any) -> str:
    """What a person reads, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def counts_in_rail(response: Any) -> dict[str, int]:
    found = re.findall(r'name="(\w+)" value="([^"]*)".*?class="n">(\d+)', response.content.decode())
    return {f"{dimension}={value}": int(n) for dimension, value, n in found}


def test_it_shows_images_with_what_is_known_of_them(look: Callable[..., Any], source: Source) -> None:
    put(
        source,
        "solver",
        os="linux",
        distribution="Ubuntu",
        os_version="22.04",
        arch="arm64",
        size_gib=40,
        visibility="shared",
    )
    shown = text(look())
    for words in (
        "solver m-solver Ubuntu 22.04 arm64 VM Shared E-HPC custom cn-hangzhou · simulated 40 GiB Available",
        "1 image",
        "1–1 of 1",
    ):
        assert words in shown
    assert "synced 3 min ago from 1 source" in shown


def test_it_filters_counts_and_says_what_it_does(look: Callable[..., Any], source: Source) -> None:
    put(source, "one", arch="arm64", os="linux", distribution="Ubuntu")
    put(source, "two", arch="arm64", os="linux", distribution="CentOS")
    put(source, "three", arch="x86_64", os="windows", distribution="Windows")
    response = look("?arch=arm64&distribution=ubuntu")
    shown = text(response)
    assert "Arch: arm64" in shown and "Distribution: Ubuntu" in shown and "1 of 3 images" in shown
    assert "m-two" not in shown and "one m-one" in shown
    rail = counts_in_rail(response)
    assert rail["arch=arm64"] == 1 and rail["distribution=Ubuntu"] == 1 and rail["distribution=CentOS"] == 1
    assert "distribution=Windows" not in rail, "a count leaves out its own facet's choice and honours the others'"


def test_an_excluded_value_is_shown_as_such_and_can_be_taken_back(look: Callable[..., Any], source: Source) -> None:
    put(source, "one", arch="arm64")
    put(source, "two", arch="x86_64")
    html = look("?arch=-arm64").content.decode()
    assert "two" in text(look("?arch=-arm64")) and "m-one" not in html
    assert re.search(r'name="arch" value="-arm64" checked', html) and 'class="chip not" href="/t/aero/images/?"' in html


def test_its_form_works_as_a_browser_without_javascript_sends_it(look: Callable[..., Any], source: Source) -> None:
    put(source, "one", arch="arm64")
    put(source, "two", arch="x86_64")
    shown = text(look("?arch=arm64&arch=x86_64&arch=-i386&sort=-changed&q="))
    assert "2 of 2 images" in shown and "Arch: not i386" in shown


def test_it_says_what_it_did_not_understand(look: Callable[..., Any], source: Source) -> None:
    put(source, "one")
    response = look("?oss=linux&sort=colour&size=-4&page=forged")
    assert response.status_code == 200
    for words in ("no filter “oss”", "no column “colour”", "place in another list", "m-one"):
        assert words in text(response)


@pytest.mark.parametrize(
    "query",
    ["q=" + "x" * 10_000, "arch=" + ",".join(f"a{n}" for n in range(300)), "q=%00%ff", "os=%00", "q=%25_%5c",
     "page=last", "source=0000", "size=99999999999999999999", "&&&", "q=%F0%9F%92%A9"],
)  # fmt: skip
def test_odd_input_is_no_error(look: Callable[..., Any], source: Source, query: str) -> None:
    put(source, "one")
    assert look(f"?{query}").status_code == 200


def test_it_says_that_a_short_word_is_found_at_starts_only(look: Callable[..., Any], source: Source) -> None:
    put(source, "gromacs")
    for query, said in (
        ("gr", "“ gr ” at the start of words only"),
        ("gr+g+mac", "“ gr g ” at the starts of words only"),
        ("xx", "0 of 1 image · “ xx ” at the start of words only"),
    ):
        assert said in text(look(f"?q={query}"))
    for query in ("gromacs", "-g", "镜像", "计"):
        assert "words only" not in text(look(f"?q={query}"))


def test_signs_alone_are_told_and_hide_nothing(look: Callable[..., Any], source: Source) -> None:
    put(source, "one")
    for query in ("-", "...", "%22"):
        shown = text(look(f"?q={query}"))
        assert "has no letter or digit, so it is not searched." in shown and "m-one" in shown


def test_a_sign_beside_a_character_is_searched_too(look: Callable[..., Any], source: Source) -> None:
    put(source, "环境-1")
    put(source, "环境1")
    put(source, "env", description="c++ 12")
    put(source, "other", description="c+ 12")
    assert "m-环境-1" in text(look("?q=境-")) and "m-环境1" not in text(look("?q=境-"))
    assert "m-env" in text(look("?q=c%2B%2B")) and "m-other" not in text(look("?q=c%2B%2B"))


def test_more_parameters_than_a_page_has_are_refused_in_words(look: Callable[..., Any], source: Source) -> None:
    response = look("?" + "&".join("os=linux" for _ in range(1500)))
    assert response.status_code == 400 and "could not be read" in text(response)


def test_strangers_text_stays_text(look: Callable[..., Any], source: Source) -> None:
    for name in HOSTILE:
        put(source, name, remote_id=name, distribution=name, os_version=name, description=name)
    html = (
        look("?q=e").content.decode()
        + look("?distribution=" + "%3Cscript%3E").content.decode()
        + look().content.decode()
    )
    for name in HOSTILE:
        assert name == escape(name) or name not in html
        assert f"<bdi>{escape(name)}</bdi>" in html


def test_a_name_of_a_megabyte_does_not_fill_the_page(look: Callable[..., Any], source: Source) -> None:
    for n in range(50):
        put(source, f"{n}" + "x" * 1_000_000, remote_id=f"{n}" + "y" * 100_000, distribution="z" * 100_000)
    response = look()
    assert len(response.content) < 120_000
    assert "50 images" in text(response)


def test_pages_lead_on_and_back(look: Callable[..., Any], source: Source) -> None:
    for n in range(60):
        put(source, f"image-{n:02}")
    first = look("?size=25")
    assert "image-24" in text(first) and "image-25" not in text(first) and "1–25 of 60" in text(first)
    (next_page,) = re.findall(r'href="/t/aero/images/(\?[^"]*)" rel="next"', first.content.decode())
    second = look(next_page.replace("&amp;", "&"))
    assert "26–50 of 60" in text(second) and "image-25" in text(second), "the size of a page is kept for the person"
    assert "36–60 of 60" in text(look("?page=last"))


def test_it_can_be_sorted_by_every_column(look: Callable[..., Any], source: Source) -> None:
    put(source, "small", size_gib=1)
    put(source, "large", size_gib=900)
    html = look().content.decode()
    for column in ("os", "arch", "type", "visibility", "source", "state"):
        assert f'href="{URL}?sort={column}"' in html
    assert f'aria-sort="ascending"><a href="{URL}?sort=-name"' in html and f'href="{URL}?sort=-size"' in html
    shown = text(look("?sort=-size"))
    assert shown.index("m-large") < shown.index("m-small")


def test_htmx_gets_the_results_and_the_new_counts(look: Callable[..., Any], source: Source) -> None:
    put(source, "one", arch="arm64")
    response = look("?arch=ARM64&q=", **HTMX, **{"HX-Current-URL": f"http://testserver{URL}"})
    html = response.content.decode()
    assert html.lstrip().startswith('<section id="image-results"') and "<html" not in html
    assert 'id="rail-body" hx-swap-oob="innerHTML"' in html and 'id="live" hx-swap-oob="innerHTML"' in html
    assert response["HX-Push-Url"] == f"{URL}?arch=arm64" and "HX-Request" in response["Vary"]


def test_typing_replaces_history_and_choosing_adds_to_it(look: Callable[..., Any], source: Source) -> None:
    here = {**HTMX, "HX-Current-URL": f"http://testserver{URL}?arch=arm64&q=cu"}
    typed = look("?arch=arm64&q=cuda", **here)
    assert typed["HX-Replace-Url"] == f"{URL}?arch=arm64&q=cuda" and "HX-Push-Url" not in typed
    assert "HX-Push-Url" in look("?q=cu", **here)
    assert "HX-Push-Url" in look("?arch=arm64", **here, **{"HX-Boosted": "true"}), "a chip is a choice"


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}, {**HTMX, "HX-History-Restore-Request": "true"}])
def test_going_back_or_reloading_gets_the_whole_page(look: Callable[..., Any], source: Source, headers: dict) -> None:
    response = look("?arch=arm64", **headers)
    assert "<html" in response.content.decode() and "HX-Request" in response["Vary"]


def test_images_that_are_missing_are_shown_and_archived_ones_only_when_asked(
    look: Callable[..., Any], source: Source
) -> None:
    put(source, "gone", state="missing", row={"missing_since": timezone.now()})
    put(source, "old", state="archived")
    assert "m-gone" in text(look()) and "m-old" not in text(look())
    assert "m-old" in text(look("?state=archived")) and counts_in_rail(look())["state=archived"] == 1


def test_an_image_is_found_by_the_region_it_names_itself(
    look: Callable[..., Any], make_source: Callable[..., Source]
) -> None:
    edge = make_source("alibaba_ens_self", region="cn-hangzhou", last_complete_at=timezone.now())
    put(edge, "near")
    put(edge, "far", region="cn-beijing-5")
    response = look("?region=cn-beijing-5")
    assert "m-far" in text(response) and "m-near" not in text(response)
    assert counts_in_rail(response)["region=cn-hangzhou"] == 1


def test_it_costs_as_many_queries_for_ten_images_as_for_three_hundred(
    look: Callable[..., Any], source: Source, team: Team
) -> None:
    for n in range(10):
        put(source, f"image-{n}")
    look("?size=100")
    with CaptureQueriesContext(connection) as few:
        look("?type=vm&q=image&sort=size&size=100")
    for n in range(300):
        put(source, f"more-image-{n}", distribution="Ubuntu", os_version=str(n))
    with CaptureQueriesContext(connection) as many:
        look("?type=vm&q=image&sort=size&size=100")
    with CaptureQueriesContext(connection) as fragment:
        look("?type=vm&q=image&sort=size&size=100", **HTMX)
    assert len(few) == len(many) <= 8 and len(fragment) <= len(many)


# Nothing to see


def test_a_team_without_a_cloud_account_is_told_what_to_do(
    look: Callable[..., Any], alice: User, as_user: Callable[[User], Client]
) -> None:
    assert "No cloud account yet" in text(look()) and "alice@example.org" in text(look())
    admins = as_user(alice).get(URL)
    assert "Connect a cloud account" in text(admins) and "/t/aero/accounts/add/" in admins.content.decode()


def test_an_account_without_a_source_is_told_of(
    alice: User, as_user: Callable[[User], Client], make_account: Callable[..., Any]
) -> None:
    make_account()
    shown = as_user(alice).get(URL).content.decode()
    assert "No source yet" in shown and "/t/aero/sources/add/" in shown


def test_the_first_sync_is_shown_until_it_is_through(
    look: Callable[..., Any], make_source: Callable[..., Source]
) -> None:
    source = make_source("huawei_workspace")
    SyncRun.objects.create(team_id=source.team_id, source=source, state="listing", pages=3, listed=300, expected=900)
    html = look().content.decode()
    assert "first sync is on its way" in html and 'hx-trigger="every 2s"' in html and 'max="900"' in html
    Source.objects.update(last_complete_at=timezone.now())
    html = look(**HTMX).content.decode()
    assert "list no image" in html and "every 2s" not in html


def test_filters_that_exclude_everything_say_which_one_to_remove(look: Callable[..., Any], source: Source) -> None:
    put(source, "one", arch="arm64", os="linux")
    put(source, "two", arch="x86_64", os="linux")
    put(source, "three", arch="x86_64", os="windows")
    shown = text(look("?os=windows&arch=arm64&q=t"))
    assert "Remove OS: Windows → 0 images" in shown and "Remove Search: t → 0 images" in shown
    assert "Remove Arch: arm64 → 1 image" in shown


# Who may


def test_only_an_admin_is_offered_to_register(
    look: Callable[..., Any], alice: User, as_user: Callable[[User], Client], source: Source
) -> None:
    assert "Register image" not in text(look()) and "Register image" in text(as_user(alice).get(URL))


def test_it_is_another_teams_shelf_to_outsiders(
    charlie: User, as_user: Callable[[User], Client], source: Source
) -> None:
    put(source, "one")
    assert as_user(charlie).get(URL).status_code == 404


def test_it_shows_only_the_teams_own(
    charlie: User, as_user: Callable[[User], Client], source: Source, other_team: Team, make_account: Callable[..., Any]
) -> None:
    put(source, "one")
    shown = text(as_user(charlie).get(f"/t/umbra/images/?source={source.id}"))
    assert "m-one" not in shown and "cn-hangzhou" not in shown


def test_strangers_are_led_to_the_sign_in_and_back(client: Client, team: Team) -> None:
    assert client.get(URL + "?os=linux").headers["Location"] == "/account/login/?next=/t/aero/images/%3Fos%3Dlinux"
    gone = client.get(URL, headers={**HTMX, "HX-Current-URL": f"http://testserver{URL}?os=linux"})
    assert gone["HX-Redirect"].startswith("/account/login/?next=/t/aero/images/")


def test_it_answers_a_monitor(bob: User, as_user: Callable[[User], Client], source: Source) -> None:
    assert as_user(bob).head(URL).status_code == 200


def test_it_takes_no_posts(bob: User, as_user: Callable[[User], Client], source: Source) -> None:
    assert as_user(bob).post(URL).status_code == 405


def test_home_leads_to_the_team_last_seen(alice: User, as_user: Callable[[User], Client], other_team: Team) -> None:
    other_team.memberships.create(user=alice, role="viewer")
    client = as_user(alice)
    assert client.get("/")["Location"] == URL
    client.get("/t/umbra/images/")
    assert client.get("/")["Location"] == "/t/umbra/images/"
