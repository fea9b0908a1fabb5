"""A file of many registrations that meets the sign-in page is not lost: its text comes back, without its passwords."""

import html

import pytest
from django.test import Client

from catalog.batch_forms import LONGEST_KEPT
from tests.accounts.test_kept_forms import hidden, signed_in
from tests.catalog.batching import MANY, as_csv, vms
from tests.catalog.registration.asked import CANARY, CONTAINER, VM
from tests.catalog.test_batch_views import account, page, upload  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alice")]


def text_in(response) -> str:
    """What the box for the text holds."""
    shown = response.content.decode().partition("<textarea")[2].partition(">\n")[2].partition("</textarea>")[0]
    return html.unescape(shown).replace("\r\n", "\n")


def after_signing_in(response):
    browser = response.client
    back = signed_in(browser, response)
    assert back["Location"] == f"{MANY}?kept=1"
    return browser.get(back["Location"])


@pytest.mark.parametrize("name", ["images.csv", "images.txt"])
def test_a_file_comes_back_as_a_text(account, name):  # noqa: F811
    met = upload(Client(), account, [VM], name=name)
    assert "Your session has ended." in page(met)
    for _reload in range(2):
        back = after_signing_in(met) if _reload == 0 else met.client.get(f"{MANY}?kept=1")
        assert text_in(back) == as_csv([VM]).replace("\r\n", "\n")
        told = page(back)
        assert "You are signed in again" in told and f'value="{account.id}" selected' in told
        assert 'value="cn-hangzhou"' in told and "choose it again" not in told
    checked = met.client.post(MANY, {"account": account.id, "region": "cn-hangzhou", "text": text_in(back)})
    assert checked.status_code == 302 and "review" in checked["Location"]
    assert "You are signed in again" not in page(met.client.get(f"{MANY}?kept=1")), "it is forgotten once it was taken"


@pytest.mark.parametrize("how", ["file", "text"])
def test_its_passwords_do_not(account, how):  # noqa: F811
    images = [CONTAINER | {"registry_password": CANARY}]
    if how == "file":
        met = upload(Client(), account, images)
    else:
        met = Client().post(MANY, {"account": account.id, "text": as_csv(images)})
    back = after_signing_in(met)
    assert CANARY not in page(met) + page(back) + str(dict(met.client.session))
    assert CONTAINER["registry_url"] in text_in(back) and "They are asked for at the review." in page(back)


@pytest.mark.parametrize(
    "data",
    [
        as_csv(vms(500, description="x" * 100)),
        b"\xff\xfe\x00",
        "- {registry_password: " + CANARY,
        "é".encode() * LONGEST_KEPT,
    ],
    ids=["long", "no text", "unreadable and with a password", "cut in a character"],
)
def test_a_file_that_cannot_be_kept_is_asked_for_again_and_the_rest_is_kept(account, data):  # noqa: F811
    back = after_signing_in(upload(Client(), account, data, name="images.yaml"))
    told = page(back)
    assert "choose it again" in told and text_in(back) == "" and f'value="{account.id}" selected' in told
    assert CANARY not in told


def test_a_text_that_cannot_be_kept_is_asked_for_again(account):  # noqa: F811
    met = Client().post(MANY, {"account": account.id, "text": "- {registry_password: " + CANARY})
    assert "paste it again" in page(after_signing_in(met)) and CANARY not in page(met)


def test_with_a_token_that_is_out_of_date_it_is_gone_on_with(account, alice):  # noqa: F811
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    met = upload(strict, account, [VM, CONTAINER | {"registry_password": CANARY}])
    assert met.status_code == 403 and CANARY not in page(met) and "What you filled in is kept" in page(met)
    back = strict.post(MANY, hidden(met) | {"step": "edit"})
    assert back.status_code == 200 and VM["image_id"] in text_in(back) and CANARY not in page(back)
    assert "They are asked for at the review." in page(back)
