"""Connecting a cloud account: tested before it is saved, its credential sealed and never sent back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, CloudAccount, SealedSecret
from accounts.secrets import open_secret
from catalog.connection_tests import run_test
from catalog.connections import TABLE
from catalog.models import ConnectionTest, Image, Source

pytestmark = pytest.mark.django_db

ADD = "/t/aero/accounts/add/"
KEY, SECRET, TOKEN = "LTAI-canary-key-9f3c", "canary-secret-value", "canary-token-value"
TYPED = {
    "vendor": "alibaba",
    "name": "Aero HPC production",
    "site": "china",
    "access_key_id": KEY,
    "access_key_secret": SECRET,
    "security_token": "",
    "expires_at": "",
    "regions": "cn-hangzhou",
}
BLANK = {"access_key_id": "", "access_key_secret": "", "security_token": ""}


@pytest.fixture
def admin(as_user, alice):
    return as_user(alice)


def text(response):
    return response.content.decode()


def sealed(account):
    return open_secret(account.team_id, TABLE, account.id, "credential").reveal()


def draft_of(admin, **fields):
    """The draft that *Test connection* makes, and where it leads."""
    response = admin.post(ADD, TYPED | fields | {"test": "1"})
    assert response.status_code == 302, text(response)
    return CloudAccount.with_drafts.exclude(draft_until=None).latest("created_at"), response["Location"]


def test_it_is_saved_sealed_and_leads_on_to_its_sources(admin):
    response = admin.post(ADD, TYPED | {"save": "1", "regions": "cn-hangzhou, cn-shanghai"})
    account = CloudAccount.objects.get()
    assert response["Location"] == f"/t/aero/sources/add/?account={account.id}&region=cn-hangzhou%2Ccn-shanghai"
    assert (account.name, account.vendor, account.key_hint, account.simulated) == (
        TYPED["name"],
        "alibaba",
        "9f3c",
        False,
    )
    assert SECRET in sealed(account)
    assert SECRET.encode() not in bytes(SealedSecret.sealed.get().ciphertext)
    assert "cn-hangzhou, cn-shanghai" in text(admin.get(response["Location"]))


def test_a_test_seals_a_draft_that_is_no_account_yet(admin):
    draft, location = draft_of(admin, regions="cn-hangzhou cn-shanghai")
    assert location == f"{ADD}?draft={draft.id}"
    assert not CloudAccount.objects.exists()
    assert timedelta(minutes=9) < draft.draft_until - timezone.now() <= timedelta(minutes=10)
    test = ConnectionTest.objects.get()
    assert test.cloud_account_id == draft.id and len(test.checks) == 10
    assert {check["region"] for check in test.checks} == {"cn-hangzhou", "cn-shanghai"}


def test_after_the_test_the_page_says_kept_and_holds_no_secret(admin):
    _draft, location = draft_of(admin, security_token=TOKEN)
    shown = text(admin.get(location))
    assert "••••9f3c" in shown and 'value="Aero HPC production"' in shown
    for canary in (KEY, SECRET, TOKEN):
        assert canary not in shown
    assert "every 1s" in shown and "Waiting for a worker" in shown


def test_a_mistake_keeps_what_was_typed_and_the_credential_sealed(admin):
    response = admin.post(ADD, TYPED | {"name": "", "regions": "Nowhere!", "test": "1"})
    assert response.status_code == 422
    assert "Nowhere!" in text(response) and "••••9f3c" in text(response)
    assert KEY not in text(response) and SECRET not in text(response)
    draft = CloudAccount.with_drafts.get()
    assert f'action="?draft={draft.id}"' in text(response) and draft.draft_until
    assert admin.post(f"{ADD}?draft={draft.id}", TYPED | BLANK | {"save": "1"}).status_code == 302
    assert CloudAccount.objects.get().id == draft.id and SECRET in sealed(draft)


def test_a_mistake_in_the_credential_itself_keeps_none(admin):
    response = admin.post(ADD, TYPED | {"access_key_secret": "", "test": "1"})
    assert response.status_code == 422 and KEY not in text(response)
    assert not SealedSecret.sealed.exists()


def test_a_mistake_beside_a_new_credential_says_that_it_is_not_kept(admin, make_account):
    account = make_account(name="Prod")
    before = sealed(account)
    fields = edit(account, name="", access_key_id=KEY, access_key_secret=SECRET)
    response = admin.post(f"/t/aero/accounts/{account.id}/edit/", fields)
    assert response.status_code == 422 and "Enter the new credential again" in text(response)
    assert KEY not in text(response) and sealed(account) == before


def test_saving_after_the_test_makes_the_draft_the_account(admin):
    draft, location = draft_of(admin)
    before = sealed(draft)
    response = admin.post(location, TYPED | BLANK | {"name": "Renamed", "save": "1"})
    assert response.status_code == 302, text(response)
    account = CloudAccount.objects.get()
    assert (account.id, account.name) == (draft.id, "Renamed") and sealed(account) == before


def test_testing_again_with_blank_fields_tests_the_same_credential(admin):
    draft, location = draft_of(admin)
    assert admin.post(location, TYPED | BLANK | {"test": "1"})["Location"] == location
    assert ConnectionTest.objects.filter(cloud_account=draft).count() == 2


def test_half_a_credential_is_no_credential(admin):
    _draft, location = draft_of(admin)
    response = admin.post(location, TYPED | BLANK | {"access_key_secret": SECRET, "save": "1"})
    assert response.status_code == 422 and "access_key_id" in text(response)
    assert not CloudAccount.objects.exists()


def test_a_draft_whose_time_is_over_is_asked_for_again(admin):
    _draft, location = draft_of(admin)
    CloudAccount.with_drafts.update(draft_until=timezone.now() - timedelta(seconds=1))
    shown = text(admin.get(location))
    assert "kept for ten minutes only" in shown and "••••" not in shown
    assert admin.post(location, TYPED | BLANK | {"save": "1"}).status_code == 422
    assert not CloudAccount.objects.exists()


def test_a_draft_of_another_team_is_not_found(admin, other_team, make_account):
    theirs = make_account(team=other_team, name="Theirs", draft_until=timezone.now() + timedelta(minutes=5))
    shown = text(admin.get(f"{ADD}?draft={theirs.id}"))
    assert "Theirs" not in shown
    admin.post(f"{ADD}?draft={theirs.id}", TYPED | BLANK | {"save": "1"})
    theirs.refresh_from_db()
    assert theirs.draft_until is not None


def test_a_name_that_is_taken_is_said_at_the_field(admin, make_account):
    make_account(name="Aero HPC production")
    response = admin.post(ADD, TYPED | {"save": "1"})
    assert response.status_code == 422 and "already has a cloud account named" in text(response)


def test_the_form_is_the_vendors(admin):
    assert "access_key_secret" in text(admin.get(ADD))
    shown = text(admin.get(f"{ADD}?vendor=huawei"))
    assert "project_id" in shown and "access_key_id" not in shown
    assert text(admin.get(f"{ADD}?vendor=nobody")).count("access_key_secret")


def test_secrets_are_typed_blind_and_not_remembered(admin):
    for vendor, names in (("alibaba", ("access_key_secret", "security_token")), ("huawei", ("secret_key",))):
        shown = text(admin.get(f"{ADD}?vendor={vendor}"))
        for name in names:
            field = shown.partition(f'name="{name}"')[0].rpartition("<input")[2] + shown.partition(f'name="{name}"')[2]
            assert 'type="password"' in shown and "autocomplete=" in field.partition(">")[0]


def test_the_outcome_is_a_table_with_what_to_grant(admin, cloud, settings):
    settings.PROVIDER_ENDPOINTS = dict.fromkeys(
        ("alibaba-ehpc", "alibaba-ehpc-2023", "alibaba-ens", "huawei-workspace", "huawei-iam"), cloud.url
    )
    _draft, location = draft_of(admin, access_key_id="SIMULATED-DENIED", access_key_secret="simulated-secret-denied")
    test = ConnectionTest.objects.get()
    run_test(test.id)
    fragment = text(admin.get(f"/t/aero/tests/{test.id}/", headers={"HX-Request": "true"}))
    assert fragment.count("Not allowed") == 5 and "0 of 5 listings are allowed." in fragment
    assert "every 1s" not in fragment and "<html" not in fragment
    for action in ("ehpc:ListCustomImages", "ens:DescribeSelfImages", "&quot;Version&quot;: &quot;1&quot;"):
        assert action in fragment
    assert "simulated-secret-denied" not in text(admin.get(location))
    _draft, location = draft_of(
        admin, access_key_id="SIMULATED-ACCESS-KEY", access_key_secret="simulated-access-key-secret"
    )
    run_test(ConnectionTest.objects.latest("created_at").id)
    shown = text(admin.get(location))
    assert "Everything is allowed." in shown and shown.count(">Allowed<") == 5


def test_an_unreachable_cloud_is_told_from_a_refusal(admin, settings):
    settings.PROVIDER_ENDPOINTS = {"huawei-workspace": "http://127.0.0.1:9", "huawei-iam": "http://127.0.0.1:9"}
    typed = {"vendor": "huawei", "access_key": KEY, "secret_key": SECRET, "regions": "cn-north-4", "test": "1"}
    admin.post(ADD, {"name": "Desktops", "site": "china"} | typed)
    test = ConnectionTest.objects.get()
    run_test(test.id)
    shown = text(admin.get(f"/t/aero/tests/{test.id}/"))
    assert "Unreachable" in shown and "Not allowed" not in shown and "<html" in shown


def test_the_detail_page_shows_four_characters_and_the_sources(admin, make_account, make_source, make_image):
    account = make_account(name="Edge", key_hint="abcd", expires_at=timezone.now() + timedelta(hours=2))
    make_image(make_source("alibaba_ens_self", account))
    shown = text(admin.get(f"/t/aero/accounts/{account.id}/"))
    for part in ("••••abcd", "ENS custom · cn-hangzhou", "Token expires soon", "Replace credential"):
        assert part in shown


def test_the_stored_credential_is_tested_where_it_is_used(admin, make_source):
    source = make_source("alibaba_ens_self", region="cn-beijing")
    assert admin.post(f"/t/aero/accounts/{source.cloud_account_id}/test/").status_code == 302
    assert {check["region"] for check in ConnectionTest.objects.get().checks} == {"cn-beijing"}


def edit(account, **fields):
    return {"name": account.name, "site": "china", "regions": "cn-hangzhou", "expires_at": ""} | BLANK | fields


def test_blank_fields_keep_the_stored_credential(admin, make_account):
    account = make_account(name="Edge", key_hint="abcd")
    before = sealed(account)
    url = f"/t/aero/accounts/{account.id}/edit/"
    shown = text(admin.get(url))
    assert "••••abcd" in shown and before not in shown
    assert admin.post(url, edit(account, name="Edge sites")).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.key_hint) == ("Edge sites", "abcd") and sealed(account) == before
    assert not ConnectionTest.objects.exists()


def test_a_new_credential_is_tested_at_once_and_wakes_what_the_old_one_paused(admin, make_source):
    source = make_source("alibaba_ens_self", paused_at=timezone.now(), paused_reason="authentication")
    account = source.cloud_account
    response = admin.post(
        f"/t/aero/accounts/{account.id}/edit/", edit(account, access_key_id=KEY, access_key_secret=SECRET)
    )
    assert response["Location"] == f"/t/aero/accounts/{account.id}/"
    account.refresh_from_db(), source.refresh_from_db()
    assert account.key_hint == "9f3c" and SECRET in sealed(account) and source.paused_at is None
    assert ConnectionTest.objects.get().cloud_account_id == account.id
    for canary in (KEY, SECRET):
        assert canary not in str(list(AuditEvent.objects.values())) + text(admin.get(response["Location"]))


def test_an_expiry_in_the_past_is_refused_and_one_to_come_is_shown_again(admin, make_account):
    account = make_account(expires_at=timezone.now() + timedelta(days=3))
    url = f"/t/aero/accounts/{account.id}/edit/"
    assert f'value="{account.expires_at:%Y-%m-%dT%H:%M}"' in text(admin.get(url))
    response = admin.post(url, edit(account, expires_at="2020-01-01T00:00"))
    assert response.status_code == 422 and "already expired" in text(response)


@pytest.mark.parametrize(("images", "left"), [("archive", 1), ("remove", 0)])
def test_deleting_asks_for_the_name_and_what_becomes_of_the_images(
    admin, make_account, make_source, make_image, images, left
):
    account = make_account(name="Edge")
    make_image(make_source("alibaba_ens_self", account))
    url = f"/t/aero/accounts/{account.id}/delete/"
    shown = text(admin.get(url))
    assert "<b>1 source</b>" in shown and "<b>1 image</b>" in shown
    for wrong in ({}, {"images": images}, {"images": images, "confirm": "edge"}, {"confirm": "Edge"}):
        assert admin.post(url, wrong).status_code == 422
    assert admin.post(url, {"images": images, "confirm": "Edge"}).status_code == 302
    assert not CloudAccount.with_drafts.exists() and not SealedSecret.sealed.exists()
    assert Image.objects.filter(state="archived").count() == Image.objects.count() == left
    assert not Source.objects.filter(archived_at=None).exists()


def test_wrong_methods_are_refused(admin, make_account):
    account = make_account()
    assert admin.get(f"/t/aero/accounts/{account.id}/test/").status_code == 405
    assert admin.post(f"/t/aero/accounts/{account.id}/").status_code == 405
    assert admin.put(ADD).status_code == 405
