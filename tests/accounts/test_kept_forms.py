"""A form that meets the sign-in page, or a token that is out of date, comes back with everything but its secrets."""

import html
import json
import re
import time
from datetime import timedelta

import pytest
from django.core import mail, signing
from django.test import Client
from django.utils import timezone

from accounts import kept_forms
from accounts.kept_forms import LONGEST, SALT
from accounts.models import CloudAccount
from accounts.sessions import STARTED
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

ADD = "/t/aero/registrations/add/"
CANARY = "canary-registry-password"
FORM = {
    "type": "container",
    "region": "cn-hangzhou",
    "name": '<b hx-get="/x">solver',
    "description": "两\r\n行",
    "registry_url": "quay.io/hpc/solver:1",
    "registry_user": "robot",
    "registry_password": CANARY,
    "step": "send",
}


@pytest.fixture(autouse=True)
def account(make_account):
    return make_account(name="Aero HPC production")


def text(response):
    return response.content.decode()


def hidden(response):
    """The hidden fields of a page's form, as a browser would send them."""
    tags = re.findall(r"<input type=\"hidden\"[^>]*>", text(response))
    pairs = [(re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)) for tag in tags]
    return {name[1]: html.unescape(value[1]) if value else "" for name, value in pairs if name}


def signed_in(client, response, email="alice@example.org", password=PASSWORD):
    fields = hidden(response)
    return client.post("/account/login/", fields | {"login": email, "password": password})


def test_a_form_comes_back_after_signing_in_all_but_its_password(alice):
    stranger = Client()
    met = stranger.post(ADD, FORM)
    assert met.status_code == 200 and "Your session has ended." in text(met)
    assert CANARY not in text(met) and "no-store" in met["Cache-Control"]
    back = signed_in(stranger, met)
    assert back.status_code == 302 and back["Location"] == f"{ADD}?kept=1"
    for _reload in range(2):
        shown = text(stranger.get(back["Location"]))
        for part in (
            "You are signed in again", "enter it again", "&lt;b hx-get=&quot;/x&quot;&gt;solver", "两\r\n行",
            'value="quay.io/hpc/solver:1"', 'value="robot"',
        ):  # fmt: skip
            assert part in shown
        assert CANARY not in shown
    assert "You are signed in again" not in text(stranger.get(ADD)), "only where one comes back to"


def test_a_wrong_password_on_the_way_loses_nothing(alice):
    stranger = Client()
    wrong = signed_in(stranger, stranger.post(ADD, FORM), password="wrong")
    assert wrong.status_code == 200 and "What you filled in is kept" in text(wrong)
    assert "quay.io/hpc/solver:1" in text(stranger.get(signed_in(stranger, wrong)["Location"]))


def test_who_forgot_the_password_sets_another_one_and_comes_back_to_the_same_page(alice):
    stranger = Client(enforce_csrf_checks=True)
    token = {"csrfmiddlewaretoken": hidden(stranger.get("/account/login/"))["csrfmiddlewaretoken"]}
    met = stranger.post(ADD, FORM | token)
    assert '<a href="/account/password/reset/" target="_blank">' in text(met), "this page stays open"
    assert 'target="_blank"' not in text(stranger.get("/account/login/")), "where nothing would be lost"
    stranger.post("/account/password/reset/", token | {"email": alice.email})
    link = re.search(r"https?://[^/]+(/account/password/reset/key/\S+)", mail.outbox[0].body)[1]
    key = stranger.get(link)["Location"]
    chosen = dict.fromkeys(["password1", "password2"], "another-horse-battery")
    assert stranger.post(key, token | chosen).status_code == 302
    back = signed_in(stranger, met, password="another-horse-battery")
    assert "quay.io/hpc/solver:1" in text(stranger.get(back["Location"]))


def test_nothing_of_a_stranger_is_stored(alice, django_assert_num_queries):
    stranger = Client()
    with django_assert_num_queries(0):
        stranger.post(ADD, FORM)
    assert not stranger.session.items()


def test_what_htmx_sends_of_a_form_that_is_still_being_filled_in_leaves_it_where_it_is(alice):
    met = Client().post(ADD, FORM | {"step": "preview"}, headers={"HX-Request": "true"})
    assert met.status_code == 204 and "HX-Redirect" not in met
    assert "You have been signed out." in json.loads(met["HX-Trigger"])["told"]["text"]


def test_nor_does_what_it_looks_up_for_the_form(alice):
    met = Client().get("/t/aero/registrations/ecs-images/?image_id=centos", headers={"HX-Request": "true"})
    assert met.status_code == 204 and "HX-Redirect" not in met


def test_it_is_forgotten_once_it_was_sent(alice, account):
    stranger = Client()
    vm = {"type": "vm", "account": account.id, "region": "cn-hangzhou", "name": "solver", "image_id": "m-bp1"}
    signed_in(stranger, stranger.post(ADD, vm))
    assert "kept_form" in stranger.session
    review = hidden(stranger.post(ADD, vm | {"step": "review"}))
    assert stranger.post(ADD, review | {"step": "send"}).status_code == 302
    assert "kept_form" not in stranger.session


@pytest.mark.parametrize("form", [{}, {"registry_password": CANARY, "step": "send"}, FORM | {"name": "x" * LONGEST}])
def test_what_is_nothing_or_no_form_goes_by_the_plain_way(form, alice):
    met = Client().post(ADD, form)
    assert met.status_code == 302 and met["Location"].startswith("/account/login/")


def test_another_form_is_not_kept(alice):
    met = Client().post("/t/aero/labels/edit/", {"label": "gold", "name": "golden"})
    assert met.status_code == 302


@pytest.mark.parametrize("kept", ["", "nonsense", signing.dumps({"path": ADD}, salt="another.salt")])
def test_what_we_did_not_sign_is_nothing(kept, alice):
    client = Client()
    sent = {"login": "alice@example.org", "password": PASSWORD, "kept": kept, "next": f"{ADD}?kept=1"}
    assert client.post("/account/login/", sent).status_code == 302
    assert "kept_form" not in client.session
    assert client.get(f"{ADD}?kept=1").status_code == 200


def test_a_form_is_kept_for_a_time_only(alice, monkeypatch):
    stranger = Client()
    met = stranger.post(ADD, FORM)
    monkeypatch.setattr(kept_forms, "LIFE_SECONDS", 0)
    signed_in(stranger, met)
    assert "kept_form" not in stranger.session


def test_who_is_not_on_the_team_finds_nothing(charlie, alice):
    stranger = Client()
    back = signed_in(stranger, stranger.post(ADD, FORM), email="charlie@example.org")
    assert stranger.get(back["Location"]).status_code == 404
    assert "quay.io" not in text(stranger.get("/t/umbra/registrations/add/?kept=1"))


def test_it_leads_to_no_other_site(alice):
    stranger = Client()
    fields = hidden(stranger.post(ADD, FORM | {"next": "https://evil.example.org/"}))
    assert fields["next"] == f"{ADD}?kept=1"
    assert signing.loads(fields["kept"], salt=SALT)["path"] == ADD


@pytest.fixture
def strict(alice):
    """A browser that signed in elsewhere since its form was opened."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    return client


def test_a_form_with_a_token_that_is_out_of_date_is_gone_on_with(strict):
    met = strict.post(ADD, FORM | {"csrfmiddlewaretoken": "a" * 64})
    assert met.status_code == 403 and CANARY not in text(met) and "What you filled in is kept" in text(met)
    fields = hidden(met)
    assert "step" not in fields, "whatever it asked for, it is only shown"
    back = strict.post(ADD, fields | {"step": "edit"})
    assert back.status_code == 200 and 'value="quay.io/hpc/solver:1"' in text(back)


def test_htmx_with_an_old_token_says_so_and_leaves_the_form(strict):
    met = strict.post(ADD, FORM | {"step": "preview"}, headers={"HX-Request": "true"})
    assert met.status_code == 204 and "You signed in anew" in json.loads(met["HX-Trigger"])["told"]["text"]


def test_any_other_form_is_refused(strict):
    met = strict.post("/t/aero/labels/edit/", {"label": "gold"})
    assert met.status_code == 403 and "It was open for long" in text(met)


def test_what_else_htmx_sends_with_an_old_token_is_told_to_reload(strict, make_source, make_image):
    """403 is what a weak role meets, and would be told so."""
    image = make_image(make_source("alibaba_ens_self"))
    met = strict.post(f"/t/aero/images/{image.id}/star/", {"star": "yes"}, headers={"HX-Request": "true"})
    assert met.status_code == 204 and "Reload it" in json.loads(met["HX-Trigger"])["told"]["text"]
    image.refresh_from_db()
    assert not image.starred


# A cloud account's form, which wants somebody who signed in lately

ACCOUNT = "/t/aero/accounts/add/"
TYPED = {
    "vendor": "huawei", "name": "Desktops <b>", "site": "international", "regions": "ap-southeast-1, cn-north-4",
    "access_key": CANARY, "secret_key": CANARY, "security_token": CANARY, "project_id": "a-project",
    "expires_at": "2099-01-02T03:04", "save": "1",
}  # fmt: skip


@pytest.fixture
def late(alice):
    """Somebody who signed in an hour ago."""
    client = Client()
    client.force_login(alice)
    session = client.session
    session[STARTED] = time.time() - 3600
    session.save()
    return client


def confirmed(client, met):
    assert met.status_code == 302 and met["Location"].startswith("/account/reauthenticate/")
    return client.post(met["Location"], {"password": PASSWORD})["Location"]


def test_a_cloud_account_comes_back_after_the_confirmation_all_but_its_credential(late):
    back = confirmed(late, late.post(ACCOUNT, TYPED))
    assert back == f"{ACCOUNT}?kept=1"
    shown = text(late.get(back))
    assert CANARY not in shown and "The credential is not kept: enter it again." in shown
    for part in (
        'name="vendor" value="huawei"', 'value="Desktops &lt;b&gt;"', 'value="ap-southeast-1, cn-north-4"',
        'value="a-project"', 'value="2099-01-02T03:04"', 'value="international"[^>]* checked',
    ):  # fmt: skip
        assert re.search(part, shown), part
    assert CANARY not in repr(dict(late.session)) and not CloudAccount.objects.filter(vendor="huawei").exists()
    assert late.post(back, TYPED).status_code == 302, "and is saved from there"
    assert CloudAccount.objects.get(vendor="huawei").name == "Desktops <b>" and "kept_form" not in late.session


def test_what_was_changed_of_a_cloud_account_comes_back_too(late, account):
    path = f"/t/aero/accounts/{account.id}/edit/"
    sent = {"name": "Another name", "site": "china", "regions": "cn-shanghai", "access_key_secret": CANARY}
    back = confirmed(late, late.post(path, sent))
    shown = text(late.get(back))
    assert back == f"{path}?kept=1" and CANARY not in shown
    assert 'value="Another name"' in shown and 'value="cn-shanghai"' in shown
    account.refresh_from_db()
    assert account.name == "Aero HPC production"


def test_a_draft_that_is_over_meanwhile_comes_back_as_its_vendors_form(late, alice, as_user, make_account):
    draft = make_account(vendor="huawei", site="international", draft_until=timezone.now() + timedelta(minutes=9))
    path = f"{ACCOUNT}?draft={draft.id}"
    sent = hidden(as_user(alice).get(path)) | {"name": "Desktops", "regions": "ap-southeast-1", "save": "1"}
    back = confirmed(late, late.post(path, sent))
    CloudAccount.with_drafts.filter(id=draft.id).update(draft_until=timezone.now())
    page = late.get(back)
    shown = text(page)
    assert hidden(page)["vendor"] == "huawei" and 'name="access_key"' in shown and 'value="Desktops"' in shown
    assert re.search('value="international"[^>]* checked', shown) and "kept for ten minutes only" in shown


def test_a_tested_credential_is_found_again_after_the_confirmation(late, make_account):
    draft = make_account("huawei", name="Desktops", draft_until=timezone.now() + timedelta(minutes=5))
    back = confirmed(late, late.post(f"{ACCOUNT}?draft={draft.id}", {"name": "Desks", "regions": "cn-north-4"}))
    shown = text(late.get(back))
    assert f'action="?draft={draft.id}"' in shown and 'value="Desks"' in shown and "enter it again" not in shown


def test_a_cloud_account_with_a_token_that_is_out_of_date_is_gone_on_with(strict):
    met = strict.post(ACCOUNT, TYPED | {"csrfmiddlewaretoken": "a" * 64})
    assert met.status_code == 403 and CANARY not in text(met)
    back = strict.post(ACCOUNT, hidden(met) | {"step": "edit"})
    assert back.status_code == 200
    assert all(part in text(back) for part in ('value="a-project"', 'name="vendor" value="huawei"'))
    assert not CloudAccount.objects.filter(vendor="huawei").exists()
