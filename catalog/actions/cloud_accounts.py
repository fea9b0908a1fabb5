"""Cloud accounts and their credentials, and the tests of a connection."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import SITES, VENDORS, CloudAccount, Team
from accounts.secrets import Secret, forget, shut
from catalog import providers, registration, removal
from catalog.actions.base import ActionError, Actor, actor_name, checked_provider, checked_region, plain
from catalog.actions.requests import drop_requests
from catalog.actions.sources import After, due_now, take_down
from catalog.connections import TABLE, seal_credential
from catalog.models import Breaker, ConnectionTest, Source
from catalog.providers.credentials import CredentialError
from catalog.queueing import send_on_commit

DRAFT_LIFE = timedelta(minutes=10)
TEST_LIFE = timedelta(days=1)
MOST_NAMED = 1_000  # registrations that the audit row of their account names one by one
# Another credential can cure these; the sources they paused wake up.
CURED_BY_CREDENTIAL = ("authentication", "permission", "billing")


def create_cloud_account(
    team: Team,
    actor: Actor,
    *,
    vendor: str,
    name: str,
    credential: Secret[Mapping[str, Any]] | Mapping[str, Any],
    site: str = "china",
    expires_at: datetime | None = None,
    simulated: bool = False,
    draft: bool = False,
) -> CloudAccount:
    """An account with its sealed credential. A draft, made to be tested, may share a name and lives ten minutes."""
    credential = shut(credential)
    if vendor not in VENDORS:
        raise ActionError("vendor", _("There is no vendor %(vendor)s.") % {"vendor": repr(vendor)})
    checked = _checked(vendor, credential)
    account = CloudAccount(
        team=team,
        vendor=vendor,
        name=name.strip() if draft else _account_name(name),
        site=_site(site),
        simulated=simulated,
        key_hint=_key_hint(vendor, checked),
        expires_at=expires_at,
        draft_until=timezone.now() + DRAFT_LIFE if draft else None,
    )
    with transaction.atomic():
        _save_named(account, force_insert=True)
        seal_credential(team.id, account.id, checked)
        if not draft:
            changes = {"vendor": vendor, "site": site, "simulated": simulated}
            audit.record(team, actor, "cloud_account.created", target=account, target_id=account.id, changes=changes)
    return account


def promote_draft(
    team: Team, actor: Actor, draft: CloudAccount, *, name: str, expires_at: datetime | None = None
) -> CloudAccount:
    """Keep a draft whose test went well: it becomes an account of this name, its credential stays as it was sealed."""
    with transaction.atomic():
        account = CloudAccount.with_drafts.select_for_update().filter(team=team, id=draft.id).first()
        if account is None or account.draft_until is None or account.draft_until <= timezone.now():
            raise ActionError("", _("This test is over: enter the credential again."))
        account.name, account.draft_until = _account_name(name), None
        account.expires_at = expires_at or account.expires_at
        _save_named(account, update_fields=["name", "draft_until", "expires_at"])
        changes = {"vendor": account.vendor, "site": account.site, "simulated": account.simulated}
        audit.record(team, actor, "cloud_account.created", target=account, target_id=account.id, changes=changes)
    return account


def update_cloud_account(
    team: Team, actor: Actor, account: CloudAccount, *, name: str, site: str, expires_at: datetime | None
) -> CloudAccount:
    """Rename the account, on its sources too, or correct its site or its token's expiry."""
    new = {"name": _account_name(name), "site": _site(site), "expires_at": expires_at}
    with transaction.atomic():
        if changes := _change(account, new):
            audit.record(team, actor, "cloud_account.updated", target=account, target_id=account.id, changes=changes)
    return account


def replace_credential(
    team: Team,
    actor: Actor,
    account: CloudAccount,
    credential: Secret[Mapping[str, Any]] | Mapping[str, Any],
    *,
    expires_at: datetime | None = None,
    name: str = "",
    site: str = "",
    checks: Sequence[Mapping[str, str | None]] = (),
) -> CloudAccount:
    """Seal another credential, for an account of this name and site, if they are given, and have the worker test it
    (`checks` as of `request_test`). Sources that its predecessor's failure paused are due at once.
    """
    credential = shut(credential)
    checked, wanted = _checked(account.vendor, credential), _wanted(account, checks)
    name = _account_name(name) if name else account.name
    new = {"name": name, "site": _site(site or account.site), "expires_at": expires_at}
    with transaction.atomic():
        changes: dict[str, Any] = {**_change(account, new)}
        account.key_hint = _key_hint(account.vendor, checked)
        account.save(update_fields=["key_hint"])
        seal_credential(team.id, account.id, checked)
        paused = Source.objects.filter(
            team=team, cloud_account=account, archived_at=None, paused_reason__in=CURED_BY_CREDENTIAL
        )
        Breaker.objects.filter(team=team, cloud_account=account).delete()  # the cloud counts calls by credential
        changes |= {"key_hint": account.key_hint, "woken_sources": due_now(paused)}
        if wanted:
            _test(account, actor, wanted)
            changes["listings"] = _listings(wanted)
        audit.record(
            team, actor, "cloud_account.credential_replaced", target=account, target_id=account.id, changes=changes
        )
    return account


def delete_cloud_account(team: Team, actor: Actor, account: CloudAccount, images: After) -> None:
    """Delete the account, forget its credential and take its sources down; `images` stay archived or go with them.

    Registrations stay as history; one that waits to be sent is rejected, and a request ends.
    """
    with transaction.atomic():
        sources = list(Source.objects.filter(team=team, cloud_account=account, archived_at=None).order_by("id"))
        for source in sources:
            take_down(source, images)
        ended = {
            "requests_ended": drop_requests(account, actor),  # first: one approved meanwhile waits to be sent
            "registrations_not_sent": registration.reject_waiting(account),
            "removals_not_sent": removal.reject_waiting(account),
        }
        told = {"vendor": account.vendor, "images": images, "sources": [f"{s.kind} {s.region}" for s in sources]}
        counts = {what: len(names) for what, names in ended.items() if names}
        named = {"ended_with_it": list(chain(*ended.values()))[:MOST_NAMED]} if counts else {}
        changes = {**told, **counts, **named}
        audit.record(team, actor, "cloud_account.deleted", target=account, target_id=account.id, changes=changes)
        forget(team.id, TABLE, account.id)
        CloudAccount.with_drafts.filter(team=team, id=account.id).delete()


def request_test(
    team: Team, actor: Actor, account: CloudAccount, checks: Sequence[Mapping[str, str | None]]
) -> ConnectionTest:
    """Have the worker call what sources of these kinds would call. `checks`: {"kind", "region", "cluster"?} each."""
    wanted = _wanted(account, checks)
    if not wanted:
        raise ActionError("regions", _("Choose at least one listing and region to test."))
    with transaction.atomic():
        test = _test(account, actor, wanted)
        changes = {"listings": _listings(wanted), "draft": bool(account.draft_until)}
        audit.record(team, actor, "connection.tested", target=account, target_id=account.id, changes=changes)
    return test


def _wanted(account: CloudAccount, checks: Sequence[Mapping[str, str | None]]) -> list[dict[str, str]]:
    wanted = []
    for check in checks:
        kind, region, cluster = str(check["kind"]), str(check["region"]), check.get("cluster") or ""
        checked_provider(kind, account.vendor)
        wanted.append({"kind": kind, "region": checked_region(region), "cluster": cluster})
    return wanted


def _test(account: CloudAccount, actor: Actor, wanted: list[dict[str, str]]) -> ConnectionTest:
    """Within a transaction: the test, which the worker makes once that is committed."""
    test = ConnectionTest.objects.create(
        team_id=account.team_id, cloud_account=account, checks=wanted, requested_by=actor_name(actor)
    )
    send_on_commit("catalog.tasks.test_connection", test.id)
    return test


def _listings(wanted: list[dict[str, str]]) -> list[str]:
    return [f"{check['kind']} {check['region']}" for check in wanted]


def purge_drafts() -> int:
    """Delete drafts whose ten minutes are over, with their secrets and tests, and finished tests of a day ago."""
    gone = 0
    for account in CloudAccount.with_drafts.filter(draft_until__lte=Now()):
        with transaction.atomic():
            locked = CloudAccount.with_drafts.filter(id=account.id, draft_until__lte=Now())
            if locked.select_for_update().exists():  # else it was promoted meanwhile
                forget(account.team_id, TABLE, account.id)
                gone += locked.delete()[0]
    ConnectionTest.objects.filter(created_at__lt=Now() - TEST_LIFE).delete()
    return gone


def _change(account: CloudAccount, new: dict[str, Any]) -> dict[str, list[Any]]:
    """Within a transaction: what differs is written, a name on the account's sources too; before and after."""
    changed = {field: value for field, value in new.items() if getattr(account, field) != value}
    changes = {field: [plain(getattr(account, field)), plain(value)] for field, value in changed.items()}
    for field, value in changed.items():
        setattr(account, field, value)
    if changed:
        _save_named(account, update_fields=list(changed))
    if "name" in changed:
        Source.objects.filter(team=account.team_id, cloud_account=account).update(account_name=account.name)
    return changes


def _account_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise ActionError("name", _("An account needs a name."))
    if len(name) > 100 or not name.isprintable():
        raise ActionError("name", _("A name has at most 100 characters and no control characters."))
    return name


def _site(site: str) -> str:
    if site not in SITES:
        raise ActionError("site", _("There is no site %(site)r: choose china or international.") % {"site": site})
    return site


def _checked(vendor: str, credential: Secret[Any]) -> Secret[dict[str, str]]:
    try:
        return Secret(providers.validate_credential(vendor, credential.reveal()))
    except CredentialError as error:
        raise ActionError("credential", str(error)) from None


def _key_hint(vendor: str, credential: Secret[dict[str, str]]) -> str:
    """The last four characters of the key id; none of a key so short that they would be most of it."""
    key = credential.reveal()[providers.VENDORS[vendor].KEY_ID]
    return key[-4:] if len(key) >= 8 else ""


def _save_named(account: CloudAccount, **options: Any) -> None:
    """Save, in a savepoint: the name is the team's only one, and the database is who knows."""
    try:
        with transaction.atomic():
            account.save(**options)
    except IntegrityError as error:
        if "cloudaccount_name_once" not in str(error):
            raise
        message = _("This team already has a cloud account named %(name)s.") % {"name": account.name}
        raise ActionError("name", message) from None
