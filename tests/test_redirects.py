"""Nobody is led off this site: every door that goes back to `next`, and every page that reads one."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from catalog.models import Image, Source
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.access, pytest.mark.django_db]

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = [
    "https://evil.example/", "//evil.example", "///evil.example", "http:///evil.example", "/\\evil.example",
    "\\\\evil.example", "https:evil.example", "javascript:alert(1)", "data:text/html,x", "\thttps://evil.example",
    " //evil.example", "https://testserver@evil.example", "http://testserver.evil.example/", "/\t/evil.example",
    "/%0d%0aX: y\r\nLocation: //evil.example",
]  # fmt: skip
# What reads `next`, each with a test here.
READ_IN = {
    "accounts/views/personal.py", "catalog/views/marks.py", "catalog/views/saved_views.py",
    "accounts/templatetags/people.py",  # for the link to single sign-on
}  # fmt: skip


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Attempts to sign in are counted in the cache, which outlives a test."""
    cache.clear()


def leads_off(there: str) -> bool:
    return not re.fullmatch(r"/(?![/\\])[^\r\n\t\\]*", there)


@pytest.mark.parametrize("there", ELSEWHERE)
@pytest.mark.parametrize("door", ["theme_choose", "language_choose", "keys_choose", "mails_choose"])
def test_a_choice_leads_back_here_or_home(door: str, there: str, client: Client) -> None:
    fields = {"theme": "dark", "language": "en", "keys": "on", "mails": "on", "next": there}
    answer = client.post(reverse(door), fields, HTTP_REFERER=there)
    assert answer.status_code == 302 and not leads_off(answer["Location"])


@pytest.mark.parametrize("there", ELSEWHERE)
def test_who_signs_in_or_out_stays_here(there: str, alice: User, client: Client) -> None:
    page = client.get(reverse("account_login"), {"next": there}).content.decode()
    assert not re.search(r'(?:href|action|src)="[^"?]*evil\.example', page)
    signed_in = client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD, "next": there})
    assert signed_in.status_code == 302 and not leads_off(signed_in["Location"])
    signed_out = client.post(reverse("account_logout"), {"next": there})
    assert signed_out.status_code == 302 and not leads_off(signed_out["Location"])


@pytest.mark.parametrize("there", ELSEWHERE)
def test_a_mark_or_a_view_leads_back_to_the_list(
    there: str, alice: User, as_user: Callable[[User], Client], make_source: Callable[..., Source],
    make_image: Callable[..., Image],
) -> None:  # fmt: skip
    client, image = as_user(alice), make_image(make_source("alibaba_ens_self"))
    marked = client.post(reverse("catalog:image_star", args=["aero", image.id]), {"star": "yes", "next": there})
    assert marked.status_code == 302 and not leads_off(marked["Location"])
    client.post(reverse("catalog:display_choose", args=["aero"]), {"density": "compact", "next": there})
    chosen = client.post(reverse("catalog:display_choose", args=["aero"]), {"density": "compact", "next": there})
    assert chosen.status_code == 302 and not leads_off(chosen["Location"])


@pytest.mark.parametrize("there", ["//evil.example/t/aero/images/", "/\\evil.example", "/t/aero/images/"])
def test_who_must_sign_in_first_comes_back_to_an_address_of_this_site(there: str, client: Client) -> None:
    answer = client.get(f"/t/aero/images/?next={there}")
    assert answer.status_code == 302 and answer["Location"].startswith("/account/login/?next=/t/aero/images/")
    told = {"HX-Request": "true", "HX-Current-URL": f"https://evil.example{there}"}
    answer = client.get("/t/aero/images/", headers=told)
    assert answer["HX-Redirect"].startswith("/account/login/?next=/t/aero/images/")


def test_nothing_else_reads_where_to_go_next() -> None:
    asked = r"""(?:GET|POST)(?:\.get\(|\[)["'](?:next|back|return|url|redirect\w*)["']"""
    reads = re.compile(rf"""{asked}|HTTP_REFERER|headers\[["']Refer""")
    found = {
        path.relative_to(ROOT).as_posix()
        for app in ("accounts", "catalog", "config")
        for path in (ROOT / app).rglob("*.py")
        if reads.search(path.read_text(encoding="utf-8"))
    }
    assert found <= READ_IN, "it leads to where a request says: check it, and try the addresses above on it"
