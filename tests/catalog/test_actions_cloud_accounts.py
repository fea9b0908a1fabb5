"""Cloud accounts: made, tested as a draft, renamed, given another credential, deleted."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent, CloudAccount, SealedSecret
from accounts.secrets import open_secret
from catalog import actions
from catalog.actions import ActionError
from catalog.connections import TABLE
from catalog.models import ConnectionTest, Image, Source
from tests.clouds.credentials import ALIBABA, ALIBABA_STS, HUAWEI

pytestmark = pytest.mark.django_db
KEY = ALIBABA.as_json()


def create(team, actor="test", **fields) -> CloudAccount:
    given = {"vendor": "alibaba", "name": "Production", "credential": KEY} | fields
    return actions.create_cloud_account(team, actor, **given)


def stored(account: CloudAccount) -> dict[str, str]:
    return json.loads(open_secret(account.team_id, TABLE, account.id, "credential").reveal())


def audited() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


# Made


@pytest.mark.parametrize(
    ("vendor", "credential"), [("alibaba", KEY), ("alibaba", ALIBABA_STS.as_json()), ("huawei", HUAWEI.as_json())]
)
def test_an_account_is_made_with_its_credential_sealed(team, alice, vendor, credential):
    account = create(team, alice, vendor=vendor, credential=credential)
    assert stored(account) == credential and account.draft_until is None and not account.simulated
    key = credential.get("access_key_id") or credential["access_key"]
    assert account.key_hint == key[-4:]
    row = AuditEvent.objects.get()
    assert (row.actor, row.action, row.target) == ("alice@example.org", "cloud_account.created", "Production")


def test_nothing_of_a_credential_is_readable_in_the_database(team):
    create(team, credential=ALIBABA_STS.as_json())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t::text FROM accounts_cloudaccount t UNION ALL SELECT t::text FROM accounts_auditevent t"
        )
        text = "\n".join(row[0] for row in cursor.fetchall())
    assert "Production" in text
    assert not any(value in text for value in ALIBABA_STS.as_json().values())


def test_a_short_key_gives_no_hint(team):
    account = create(team, credential={"access_key_id": "short", "access_key_secret": "x"})
    assert account.key_hint == ""


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"vendor": "aws"}, "vendor"),
        ({"vendor": ""}, "vendor"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"site": "moon"}, "site"),
        ({"credential": {}}, "credential"),
        ({"credential": []}, "credential"),
        ({"credential": None}, "credential"),
        ({"credential": KEY | {"huh": "x"}}, "credential"),
        ({"credential": HUAWEI.as_json()}, "credential"),
        ({"credential": KEY | {"access_key_secret": ""}}, "credential"),
        ({"credential": KEY | {"access_key_secret": "s3cret\n"}}, "credential"),
        ({"credential": KEY | {"access_key_secret": 7}}, "credential"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_written(team, fields, field):
    with pytest.raises(ActionError) as caught:
        create(team, **fields)
    assert caught.value.field == field and "\n" not in caught.value.message and "s3cret" not in str(caught.value)
    assert (
        not CloudAccount.with_drafts.exists() and not SealedSecret.sealed.exists() and not AuditEvent.objects.exists()
    )


def test_a_name_is_the_teams_only_one(team, other_team):
    create(team)
    with pytest.raises(ActionError, match="already has a cloud account named Production"):
        create(team, name=" Production ")
    assert create(other_team).name == "Production", "another team may use it"
    assert CloudAccount.objects.count() == SealedSecret.sealed.count() == 2


# Drafts


def test_a_draft_is_no_account_yet_and_leaves_no_audit_row(team):
    create(team)
    draft = create(team, draft=True)
    assert draft.draft_until and CloudAccount.objects.count() == 1 and CloudAccount.with_drafts.count() == 2
    assert audited() == ["cloud_account.created"]


def test_a_draft_that_passed_becomes_the_account(team, alice):
    draft = create(team, name="", draft=True, expires_at=timezone.now() + timedelta(hours=1))
    account = actions.promote_draft(team, alice, draft, name="Production")
    assert (account.id, account.name, account.draft_until) == (draft.id, "Production", None)
    assert account.expires_at == draft.expires_at and stored(account) == KEY and audited() == ["cloud_account.created"]


@pytest.mark.parametrize("again", [True, False])
def test_a_draft_whose_time_is_over_is_not_promoted(team, again):
    draft = create(team, draft=True)
    if again:
        actions.promote_draft(team, "test", draft, name="Production")
    else:
        CloudAccount.with_drafts.update(draft_until=timezone.now())
    with pytest.raises(ActionError, match="enter the credential again"):
        actions.promote_draft(team, "test", draft, name="Another")


def test_a_draft_is_not_promoted_into_another_team(team, other_team):
    draft = create(team, draft=True)
    with pytest.raises(ActionError):
        actions.promote_draft(other_team, "test", draft, name="Production")


def test_a_draft_keeps_waiting_if_its_name_is_taken(team):
    create(team)
    draft = create(team, draft=True)
    with pytest.raises(ActionError, match="named Production"):
        actions.promote_draft(team, "test", draft, name="Production")
    assert actions.promote_draft(team, "test", draft, name="Another").name == "Another"


def test_drafts_are_purged_with_their_secrets_and_tests_after_ten_minutes(team):
    kept, account = create(team, draft=True), create(team)
    gone = create(team, draft=True)
    actions.request_test(team, "test", gone, [{"kind": "alibaba_ens_public", "region": "cn-hangzhou"}])
    CloudAccount.with_drafts.filter(id=gone.id).update(draft_until=timezone.now() - timedelta(seconds=1))
    assert actions.purge_drafts() == 1
    assert set(CloudAccount.with_drafts.values_list("id", flat=True)) == {kept.id, account.id}
    assert set(SealedSecret.sealed.values_list("row", flat=True)) == {kept.id, account.id}
    assert not ConnectionTest.objects.exists()
    assert kept.draft_until - timezone.now() < timedelta(minutes=10)


# Changed


def test_a_new_name_goes_to_the_sources_too(team, alice, make_account, make_source):
    account = make_account(name="Old")
    source = make_source("alibaba_ens_public", account)
    actions.update_cloud_account(team, alice, account, name="New", site="international", expires_at=None)
    source.refresh_from_db()
    assert source.account_name == "New"
    assert AuditEvent.objects.get().changes == {"name": ["Old", "New"], "site": ["china", "international"]}


def test_a_change_of_nothing_leaves_no_row(team, alice, make_account):
    account = make_account(name="Old")
    actions.update_cloud_account(team, alice, account, name="Old", site="china", expires_at=None)
    assert not AuditEvent.objects.exists()


def test_a_name_that_is_taken_changes_nothing(team, make_account):
    make_account(name="Taken")
    account = make_account(name="Old")
    with pytest.raises(ActionError):
        actions.update_cloud_account(team, "test", account, name="Taken", site="china", expires_at=None)
    account.refresh_from_db()
    assert account.name == "Old" and not AuditEvent.objects.exists()


def test_another_credential_wakes_the_sources_that_the_old_one_paused(
    team, alice, make_account, make_source, django_capture_on_commit_callbacks
):
    account, other = make_account(), make_account()
    reasons = ("authentication", "permission", "billing", "admin")
    sources = {
        reason: make_source(
            "alibaba_ens_self", account, region=f"r-{reason}", paused_at=timezone.now(), paused_reason=reason
        )
        for reason in reasons
    }
    stranger = make_source("alibaba_ens_self", other, paused_at=timezone.now(), paused_reason="authentication")
    with django_capture_on_commit_callbacks() as queued:
        actions.replace_credential(team, alice, account, ALIBABA_STS.as_json(), expires_at=timezone.now())
    awake = set(Source.objects.filter(paused_at=None, next_sync_at__lte=timezone.now()).values_list("id", flat=True))
    assert awake == {sources[reason].id for reason in reasons[:3]} and stranger.id not in awake
    assert len(queued) == 1 and stored(account) == ALIBABA_STS.as_json()
    row = AuditEvent.objects.get()
    assert row.action == "cloud_account.credential_replaced" and row.changes["woken_sources"] == 3
    account.refresh_from_db()
    assert account.key_hint == ALIBABA_STS.key[-4:] and account.expires_at


def test_another_expiry_is_told_in_the_row_of_the_credential(team, alice, make_account):
    before, after = timezone.now(), timezone.now() + timedelta(days=1)
    account = make_account(expires_at=before)
    for expires_at in (after, after, None):
        actions.replace_credential(team, alice, account, ALIBABA_STS.as_json(), expires_at=expires_at)
        account.refresh_from_db()
        assert account.expires_at == expires_at
    told = [row.changes.get("expires_at") for row in AuditEvent.objects.order_by("id")]
    assert told == [[before.isoformat(), after.isoformat()], None, [after.isoformat(), None]]


def test_a_wrong_credential_replaces_nothing(team, make_account):
    account = make_account()
    with pytest.raises(ActionError):
        actions.replace_credential(team, "test", account, {"access_key_id": "x"})
    assert stored(account) == KEY and not AuditEvent.objects.exists()


# Deleted


@pytest.mark.parametrize("images", ["archive", "remove"])
def test_a_deleted_account_takes_its_credential_and_sources_along(
    team, alice, make_account, make_source, make_image, images
):
    account, other = make_account(), make_account()
    sources = [make_source("alibaba_ens_self", account, region=region) for region in ("cn-hangzhou", "cn-shanghai")]
    kept = make_source("alibaba_ens_self", other)
    for source in (*sources, kept):
        make_image(source)
    actions.delete_cloud_account(team, alice, account, images)
    assert not CloudAccount.with_drafts.filter(id=account.id).exists()
    assert set(SealedSecret.sealed.values_list("row", flat=True)) == {other.id}
    archived = Image.objects.filter(source__in=sources)
    if images == "archive":
        assert {image.state for image in archived} == {"archived"} and len(archived) == 2
        assert all(
            source.archived_at and source.account_name == account.name
            for source in Source.objects.filter(id__in=[s.id for s in sources])
        )
    else:
        assert not archived and Source.objects.count() == 1
    assert Image.objects.get(source=kept).state == "available"
    assert audited() == ["cloud_account.deleted"]


def test_an_account_whose_source_is_being_synced_is_not_deleted_half(team, make_account, make_source, settings):
    import psycopg

    from catalog.locks import LOCK_SQL, lock_name
    from tests.processes import process_environment

    account = make_account()
    source = make_source("alibaba_ens_self", account)
    with psycopg.connect(process_environment()["DATABASE_URL"]) as sync:
        sync.execute(LOCK_SQL, [lock_name(source.id)])
        with pytest.raises(ActionError, match="A sync is being applied"):
            actions.delete_cloud_account(team, "test", account, "archive")
    assert CloudAccount.objects.filter(id=account.id).exists() and stored(account)
    assert not Source.objects.exclude(archived_at=None).exists() and not AuditEvent.objects.exists()
