"""The tests of cloud accounts: begun for a stored credential, and followed."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.access import TeamRequest, get_row, get_team
from accounts.models import CloudAccount
from catalog import actions
from catalog.connection_matrix import connection_matrix
from catalog.forms import FIRST_REGION, MOST_CHECKED, all_checks
from catalog.models import ConnectionTest


@require_POST
def cloud_account_test(request: TeamRequest, slug: str, account_id: UUID) -> HttpResponse:
    """Test the stored credential: what its sources call, where they call it."""
    team = get_team(request, slug, "admin")
    account = get_row(CloudAccount.objects.all(), team, account_id)
    checks = _used_checks(account) or all_checks(account.vendor, [FIRST_REGION[account.vendor]])
    actions.request_test(team, request.user, account, checks)
    return redirect("catalog:cloud_account_detail", slug, account.id)


@require_GET
@vary_on_headers("HX-Request")
def connection_test(request: TeamRequest, slug: str, test_id: UUID) -> HttpResponse:
    """The outcome so far; the part of a page that asks for itself until the worker is done."""
    team = get_team(request, slug, "admin")
    test = get_row(ConnectionTest.objects.select_related("cloud_account"), team, test_id)
    context = {"test": test, "matrix": connection_matrix(test, test.cloud_account.vendor)}
    page = "_connection_test" if request.htmx else "connection_test"
    return render(request, f"catalog/{page}.html", context)


def _used_checks(account: CloudAccount) -> Sequence[Mapping[str, str]]:
    """Each listing of the account's sources in each of their regions, once, with one of the clusters if they name
    any."""
    sources = account.sources.filter(archived_at=None).order_by("kind", "region", "cluster")
    found = {(kind, region): cluster for kind, region, cluster in sources.values_list("kind", "region", "cluster")}
    return [{"kind": kind, "region": region, "cluster": c} for (kind, region), c in found.items()][:MOST_CHECKED]
