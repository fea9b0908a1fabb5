"""A run step by step, as its page tells it, and what is to be said of one that does not go on."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.leases import ATTEMPTS
from catalog.models import RunState, SyncRun
from catalog.sources import RUN_TONES

# A run that nobody has taken by then waits for a worker that is not there, or for many others before it.
LONG_QUEUED = timedelta(minutes=1)


class Step(NamedTuple):
    """One step of a run as its page shows it."""

    tone: str
    title: str
    text: str


def run_steps(run: SyncRun) -> list[Step]:
    """Queued, listing, applying, and how it ended; steps not reached yet are left out once it has ended."""
    at = ["queued", "listing", "applying"].index(run.state) if run.is_running else 3
    began = run.started_at is not None
    steps = [Step("now" if at == 0 else "ok", _("Queued"), _clock(run.created_at))]
    if began or at >= 1:
        listed = ngettext("%(pages)s page", "%(pages)s pages", run.pages) % {"pages": number_format(run.pages)}
        images = ngettext("%(n)s image", "%(n)s images", run.listed) % {"n": number_format(run.listed)}
        failed = run.state in ("failed", "abandoned")
        text = f"{_clock(run.started_at)} · {listed} · {images}"
        steps.append(Step("now" if at == 1 else "bad" if failed else "ok", _("Listing"), text))
    if at == 2 or run.state == "complete":
        text = _("%(added)s added, %(changed)s changed, %(missing)s missing, %(returned)s returned") % {
            name: number_format(getattr(run, name)) for name in ("added", "changed", "missing", "returned")
        }
        steps.append(Step("now" if at == 2 else "ok", _("Applying"), text if at == 3 else ""))
    if at == 3:
        steps.append(Step(RUN_TONES.get(run.state, ""), str(RunState(run.state).label), _clock(run.finished_at)))
    return steps


def _clock(at: datetime | None) -> str:
    return f"{localtime(at):%Y-%m-%d %H:%M:%S}" if at else ""


def run_note(run: SyncRun) -> str:
    """Why a run that goes on does not move, in words; "" where it does."""
    now = timezone.now()
    if run.state == "queued" and run.attempt > 1:
        return _(
            "The worker that ran this was lost: it was stopped, or its machine was. Nothing was changed. Another one"
            " begins anew, attempt %(n)s of %(most)s."
        ) % {"n": run.attempt, "most": ATTEMPTS}
    if run.state == "queued" and now - run.created_at > LONG_QUEUED:
        return _("No worker has taken it yet: all are busy, or none is running.")
    if run.state in ("listing", "applying") and run.lease_until and run.lease_until < now:
        return _(
            "Its worker has not been heard of since %(time)s. Another one takes the sync within a minute, if one"
            " runs; until it is complete, nothing changes."
        ) % {"time": _clock(run.heartbeat_at)}
    return ""
