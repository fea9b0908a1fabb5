"""Sources: listed from when on, how often, and what becomes of their images when they go."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal, get_args
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Least, Now
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import CloudAccount, Team
from catalog.actions.base import ActionError, Actor, checked_provider, checked_region
from catalog.locks import SourceBusy, lock_source
from catalog.models import FacetCount, Image, Source
from catalog.providers import Provider
from catalog.queueing import send_on_commit

type After = Literal["archive", "remove"]

LEAST_MINUTES, MOST_MINUTES = 15, 7 * 24 * 60
# More images than these are archived or removed by the worker: a million would hold a web request for a minute, and no
# query of one may run longer than two seconds. These take half a second.
AT_ONCE = 4_000
# The paused_reason of a source whose images wait for the worker; it is the intention, and survives a lost message.
PENDING_REMOVAL: dict[After, str] = {"archive": "archiving", "remove": "removing"}


def add_sources(
    team: Team,
    actor: Actor,
    account: CloudAccount,
    kind: str,
    regions: Sequence[str],
    clusters: Sequence[str] = (),
    narrowing: Mapping[str, str] | None = None,
    every_minutes: int = 60,
) -> list[Source]:
    """One source a region, or one a cluster of the one region. All or none; their first sync is due at once."""
    provider = checked_provider(kind, account.vendor)
    regions = list(dict.fromkeys(checked_region(region) for region in regions))
    clusters = _clusters(provider, regions, clusters)
    narrowing = _narrowing(provider, narrowing or {})
    every_minutes = _minutes(every_minutes)
    if not regions:
        raise ActionError("regions", _("Choose at least one region."))
    with transaction.atomic():
        sources = [
            _add(
                Source(
                    team=team,
                    cloud_account=account,
                    account_name=account.name,
                    simulated=account.simulated,
                    kind=kind,
                    region=region,
                    cluster=cluster,
                    narrowing=narrowing,
                    every_minutes=every_minutes,
                )
            )
            for region in regions
            for cluster in clusters or [""]
        ]
        changes = {
            "kind": kind,
            "regions": regions,
            "clusters": clusters,
            "narrowing": narrowing,
            "every_minutes": every_minutes,
        }
        only = sources[0].id if len(sources) == 1 else None
        audit.record(team, actor, "source.added", target=account, target_id=only, changes=changes)
        _queue_due()
    return sources


def update_source(team: Team, actor: Actor, source: Source, *, every_minutes: int) -> Source:
    """Sync it more or less often; the next sync is no later than the new interval from now."""
    every_minutes = _minutes(every_minutes)
    if every_minutes == source.every_minutes:
        return source
    changes = {"every_minutes": [source.every_minutes, every_minutes]}
    with transaction.atomic():
        interval = timedelta(minutes=every_minutes)
        Source.objects.filter(team=team, id=source.id).update(
            every_minutes=every_minutes, next_sync_at=Least(F("next_sync_at"), Now() + interval)
        )
        audit.record(team, actor, "source.updated", target=_name(source), target_id=source.id, changes=changes)
    source.refresh_from_db(fields=["every_minutes", "next_sync_at"])
    return source


def pause_source(team: Team, actor: Actor, source: Source) -> Source:
    """Stop its schedule until somebody resumes it. A run that is going on ends as it would have."""
    with transaction.atomic():
        live = Source.objects.filter(team=team, id=source.id, archived_at=None, paused_at=None)
        if live.update(paused_at=Now(), paused_reason="admin"):
            audit.record(team, actor, "source.paused", target=_name(source), target_id=source.id)
    source.refresh_from_db(fields=["paused_at", "paused_reason"])
    return source


def resume_source(team: Team, actor: Actor, source: Source) -> Source:
    """Take the schedule up again, whoever or whatever paused it; it is due at once."""
    with transaction.atomic():
        paused = Source.objects.filter(team=team, id=source.id, archived_at=None, paused_at__isnull=False)
        if due_now(paused):
            audit.record(team, actor, "source.resumed", target=_name(source), target_id=source.id)
    source.refresh_from_db(fields=["paused_at", "paused_reason", "next_sync_at"])
    return source


def delete_source(team: Team, actor: Actor, source: Source, images: After) -> None:
    """Take the source down; its images stay on the shelf, archived, or go with it."""
    with transaction.atomic():
        take_down(source, images)
        changes = {"kind": source.kind, "region": source.region, "cluster": source.cluster, "images": images}
        audit.record(team, actor, "source.deleted", target=_name(source), target_id=source.id, changes=changes)


def due_now(sources: QuerySet[Source]) -> int:
    """Unpause these and make them due; how many they are."""
    woken = sources.update(paused_at=None, paused_reason="", next_sync_at=Now())
    if woken:
        _queue_due()
    return woken


def take_down(source: Source, images: After) -> None:
    """Within a transaction: no more syncs of this source, and its images archived or removed, by the worker if they
    are many.
    """
    if images not in get_args(After.__value__):
        raise ActionError("images", _("Choose what becomes of the images: archive or remove."))
    try:
        lock_source(source.id, timeout=1)
    except SourceBusy:
        raise ActionError("", _("A sync is being applied to this source: try again in a moment.")) from None
    many = (FacetCount.objects.filter(source=source).aggregate(n=Sum("n"))["n"] or 0) > AT_ONCE
    reason = PENDING_REMOVAL[images] if many else "removed"
    Source.objects.filter(id=source.id).update(archived_at=Now(), paused_at=Now(), paused_reason=reason)
    if many:
        send_on_commit("catalog.tasks.finish_removals")
    else:
        _finish(source.id, images)


def finish_removals() -> int:
    """In the worker: archive or remove the images of large sources that were taken down. How many sources it
    finished.
    """
    waiting = Source.objects.exclude(archived_at=None).filter(paused_reason__in=PENDING_REMOVAL.values())
    finished = 0
    for source_id, reason in list(waiting.values_list("id", "paused_reason")):
        images: After = "archive" if reason == PENDING_REMOVAL["archive"] else "remove"
        with transaction.atomic():
            lock_source(source_id)
            if waiting.filter(id=source_id).exists():
                _finish(source_id, images)
                finished += 1
    return finished


def _finish(source_id: UUID, images: After) -> None:
    """The source's rows go by the database's own cascade, which moves no facet counts of a source that is gone."""
    if images == "remove":
        Source.objects.filter(id=source_id).delete()
        return
    Image.objects.filter(source_id=source_id).exclude(state="archived").update(state="archived")
    Source.objects.filter(id=source_id).update(paused_reason="removed")


def _queue_due() -> None:
    """The worker looks for due sources now instead of at the next full minute."""
    send_on_commit("catalog.tasks.queue_due_sources")


def _add(source: Source) -> Source:
    try:
        with transaction.atomic():
            source.save(force_insert=True)
    except IntegrityError as error:
        if "cloud_account_id_fk" in str(error):
            raise ActionError("account", _("This cloud account is no longer there.")) from None
        if "source_once" not in str(error):
            raise
        message = _("%(source)s of %(account)s is a source already.")
        raise ActionError(
            "clusters" if source.cluster else "regions",
            message % {"source": _name(source), "account": source.account_name},
        ) from None
    return source


def _name(source: Source) -> str:
    return " ".join(word for word in (source.kind, source.region, source.cluster) if word)


def _clusters(provider: Provider, regions: list[str], clusters: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(cluster.strip() for cluster in clusters if cluster.strip()))
    if found and not provider.cluster:
        raise ActionError(
            "clusters", _("%(kind)s lists a whole region and takes no cluster.") % {"kind": provider.kind}
        )
    if found and len(regions) > 1:
        raise ActionError("clusters", _("A cluster belongs to one region: choose one region to name clusters in it."))
    if any(len(cluster) > 100 or not cluster.isprintable() for cluster in found):
        raise ActionError("clusters", _("A cluster ID has at most 100 characters and no control characters."))
    return found


def _narrowing(provider: Provider, narrowing: Mapping[str, str]) -> dict[str, str]:
    known = {filter.name: filter for filter in provider.narrowing}
    found = {name: value.strip() for name, value in sorted(narrowing.items()) if value.strip()}
    for name, value in found.items():
        if name not in known:
            raise ActionError(
                "narrowing", _("%(kind)s cannot be narrowed by %(name)s.") % {"kind": provider.kind, "name": name}
            )
        choices = [choice for choice, label in known[name].choices]
        if choices and value not in choices:
            known_ones = ", ".join(choices)
            raise ActionError(
                "narrowing", _("%(name)s is one of: %(choices)s.") % {"name": name, "choices": known_ones}
            )
        if len(value) > 100 or not value.isprintable():
            raise ActionError("narrowing", _("A filter has at most 100 characters and no control characters."))
    return found


def _minutes(minutes: int) -> int:
    if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        message = _("A source syncs every %(least)d to %(most)d minutes.") % {
            "least": LEAST_MINUTES,
            "most": MOST_MINUTES,
        }
        raise ActionError("every_minutes", message)
    return minutes
