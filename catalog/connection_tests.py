"""The worker's side of *Test connection*: one cheap call of each operation the chosen listings make."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from accounts.models import CloudAccount
from catalog import providers
from catalog.connections import connect
from catalog.models import ConnectionTest
from catalog.providers.base import ProviderError, Target

PATIENCE = 15.0
ALLOWED = "allowed"
# A test is over long before this; one that is not lost its worker, or its message.
LONGEST_TEST = timedelta(minutes=5)


def run_test(test_id: UUID) -> None:
    """Run a queued test and fill its matrix row by row, so that a page that watches sees it grow."""
    if not ConnectionTest.objects.filter(id=test_id, state="queued").update(state="running"):
        return
    test = ConnectionTest.objects.get(id=test_id)
    account = CloudAccount.with_drafts.filter(team_id=test.team_id, id=test.cloud_account_id).first()
    if account is None:
        return  # the draft's time was over, and its tests went with it
    results: list[dict[str, Any]] = []
    for check in test.checks:
        results.append(_result(account, check))
        ConnectionTest.objects.filter(id=test_id).update(results=results)
    ConnectionTest.objects.filter(id=test_id).update(state="done", finished_at=Now())


def end_stale_tests() -> int:
    """End tests that nobody will finish, with what they found so far. How many they were."""
    stale = ConnectionTest.objects.exclude(state="done").filter(created_at__lt=Now() - LONGEST_TEST)
    return stale.update(state="done", finished_at=Now())


def _result(account: CloudAccount, check: dict[str, str]) -> dict[str, Any]:
    """A row of the matrix, as models.ConnectionTest describes it."""
    asked = {"kind": check["kind"], "region": check["region"], "cluster": check["cluster"]}
    target = Target(region=check["region"], cluster=check["cluster"] or None)
    try:
        providers.check(check["kind"], connect(account, PATIENCE), target)
    except ProviderError as error:
        return {**asked, "outcome": error.kind, **error.as_dict()}
    operation = ", ".join(providers.PROVIDERS[check["kind"]].operations)
    return {**asked, "outcome": ALLOWED, "operation": operation, "code": None, "message": None, "request_id": None}
