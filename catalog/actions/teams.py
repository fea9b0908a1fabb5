"""A team deleted: for its people at once, its rows by the worker, its past in the audit trail for ever."""

import logging

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import audit
from accounts.access import lock_team
from accounts.models import CloudAccount, Invitation, Membership, Team, User
from accounts.secrets import forget_team
from catalog.actions.base import ActionError
from catalog.actions.sources import PENDING_REMOVAL
from catalog.locks import SourceBusy, lock_sources
from catalog.models import FacetCount, Registration, Removal, Source
from catalog.queueing import send_on_commit

logger = logging.getLogger(__name__)

NOT_SENT = ("requested", "pending")
_GONE = {"archived_at": Now(), "paused_at": Now(), "paused_reason": PENDING_REMOVAL["remove"]}


def holdings(team: Team) -> dict[str, int]:
    """What goes with the team, counted, for who is about to delete it and for the trail. One query each."""
    return {
        "members": Membership.objects.filter(team=team).count(),
        "cloud_accounts": CloudAccount.objects.filter(team=team).count(),
        "sources": Source.objects.filter(team=team, archived_at=None).count(),
        "images": FacetCount.objects.filter(team=team).aggregate(n=Sum("n"))["n"] or 0,
        "registrations": Registration.objects.filter(team=team).count(),
    }


def delete_team(team: Team, actor: User) -> None:
    """Nobody is on it from now on, its keys are forgotten, what was not sent to a cloud never will be; its address is
    free again. The rows go by the worker. Raises ActionError while a sync is being applied.
    """
    with transaction.atomic():
        lock_team(team, actor, "admin")
        sources = Source.objects.filter(team=team)
        try:
            lock_sources(sources.values_list("id", flat=True), timeout=1)
        except SourceBusy:
            raise ActionError("", _("A sync is being applied: try again in a moment.")) from None
        audit.record(
            team, actor, "team.deleted", target=team.name, target_id=team.id,
            changes={"slug": team.slug, **holdings(team)},
        )  # fmt: skip
        for model in (Registration, Removal):
            model._default_manager.filter(team=team, state__in=NOT_SENT).delete()
            model._default_manager.filter(team=team).update(next_lookup_at=None)
        sources.update(**_GONE)
        forget_team(team.id)
        Invitation.objects.filter(team=team).delete()
        Membership.objects.filter(team=team).delete()
        Team.objects.filter(id=team.id).update(slug=f"deleted-{team.id.hex}", deleted_at=Now())
        send_on_commit("catalog.tasks.finish_removals")


def finish_teams() -> int:
    """In the worker, behind actions.finish_removals: take away what is left of deleted teams whose sources are gone.
    How many they were.
    """
    # What was added by a request that had begun before.
    Source.objects.exclude(team__deleted_at=None).filter(archived_at=None).update(**_GONE)
    finished = 0
    for team in Team.objects.exclude(deleted_at=None).exclude(id__in=Source.objects.values("team_id")):
        with transaction.atomic():
            if Team.objects.select_for_update(skip_locked=True).filter(id=team.id).exists():
                Team.objects.filter(id=team.id).delete()
                finished += 1
                logger.info("team %s is gone", team.id)
    return finished
