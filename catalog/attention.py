"""What of a team's shelf needs a person, the worst first: for the Overview."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Membership, Team
from catalog.browse import ImageFilter
from catalog.counts import Counts
from catalog.models import Registration
from catalog.os_support import ENDING_DAYS
from catalog.pulses import Attendance
from catalog.requests import decided_unseen, outcome, waiting
from catalog.sources import SourceCard
from catalog.troubles import Trouble

# So many sources of one kind of trouble are named; the Sources page has them all.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Need:
    """One line. `at` is since when, where that says something; `url` leads to where it is seen to."""

    tone: str
    title: str
    detail: str
    url: str
    at: datetime | None = None


def needs(
    membership: Membership,
    cards: Sequence[SourceCard],
    troubles: Iterable[Trouble],
    present: Attendance,
    asked: ImageFilter,
    counts: Counts,
) -> list[Need]:
    """Of the member's team, and what waits for them: five queries at most, of registrations and requests, and of the
    systems whose support ends.
    """
    team = membership.team
    return [
        *_nobody_works(team, present),
        *_of_sources(team, cards),
        *_troubles(team, troubles),
        *_tokens(team, cards),
        *_requests(membership),
        *_registrations(team),
        *_of_images(team, cards, asked, counts),
    ]


def _nobody_works(team: Team, present: Attendance) -> list[Need]:
    url = _url("source_list", team)
    found = []
    if present.idle_since:
        found.append(
            Need("bad", _("No worker is running."), _("Syncs wait until one is started."), url, present.idle_since)
        )
    if present.late_since:
        title = _("The clock of this Bootshelf, the beat, stands still.")
        found.append(Need("bad", title, _("Nothing is synced by its schedule."), url, present.late_since))
    return found


def _of_sources(team: Team, cards: Sequence[SourceCard]) -> list[Need]:
    failing = [card for card in cards if card.is_failing]
    suspect = [card for card in cards if card.suspicion and not card.suspicion.kept_at]
    stale = [card for card in cards if card.health == "stale"]
    return [
        *_some(team, failing, lambda card: _failing(team, card)),
        *_some(team, suspect, lambda card: _suspect(team, card)),
        *_some(team, stale, lambda card: _stale(team, card)),
    ]


def _some(team: Team, cards: Sequence[SourceCard], need: Any) -> list[Need]:
    """The first few, and how many more there are."""
    found = [need(card) for card in cards[:NAMED]]
    if (rest := len(cards) - NAMED) > 0:
        words = ngettext("%(n)s more source like this", "%(n)s more sources like this", rest)
        found.append(Need(found[-1].tone, words % {"n": _n(rest)}, "", _url("source_list", team)))
    return found


def _failing(team: Team, card: SourceCard) -> Need:
    explanation, kept = card.explanation, _("images kept") if card.source.last_complete_at else _("nothing listed yet")
    title = f"{card.label}: {explanation.title if explanation else ''}"
    return Need("bad", title, kept, _url("source_detail", team, card.source.id), card.failed_at)


def _suspect(team: Team, card: SourceCard) -> Need:
    run = card.suspicion
    assert run is not None
    lost, present = (_n((run.error or {}).get(name) or 0) for name in ("lost", "present"))
    title = _("%(source)s lists far fewer images than before") % {"source": card.label}
    detail = _("%(lost)s of %(present)s are not listed any more") % {"lost": lost, "present": present}
    return Need("warn", title, detail, _url("run_detail", team, run.id), run.finished_at)


def _stale(team: Team, card: SourceCard) -> Need:
    title = _("%(source)s is stale") % {"source": card.label}
    url = _url("source_detail", team, card.source.id)
    return Need("warn", title, _("last complete sync"), url, card.source.last_complete_at)


def _troubles(team: Team, troubles: Iterable[Trouble]) -> list[Need]:
    found = []
    for trouble in list(troubles)[:NAMED]:
        place = {"where": trouble.where, "region": trouble.breaker.region}
        again = trouble.again_at
        detail = (
            _("trying again at %(time)s") % {"time": f"{localtime(again):%H:%M}"} if again else _("trying again now")
        )
        title = _("%(where)s in %(region)s is in trouble") % place
        found.append(Need("warn", title, detail, _url("source_list", team), trouble.breaker.since))
    return found


def _tokens(team: Team, cards: Iterable[SourceCard]) -> list[Need]:
    accounts = {card.source.cloud_account_id: card.source.cloud_account for card in cards}
    found = []
    for account in [one for one in accounts.values() if one and one.expires_soon][:NAMED]:
        words = (
            _("The STS token of %(name)s is over") if account.expired else _("The STS token of %(name)s is over soon")
        )
        url = _url("source_list", team)
        found.append(
            Need("bad" if account.expired else "warn", words % {"name": account.name}, "", url, account.expires_at)
        )
    return found


def _requests(membership: Membership) -> list[Need]:
    """To decide, for an admin; decided, for who asked and has not seen it."""
    team, found = membership.team, []
    if membership.allows("admin"):
        asked = list(waiting(team)[: NAMED + 1])
        for one in asked[:NAMED]:
            title = _("%(who)s asks to register %(name)s") % {"who": one.requested_by, "name": _called(one)}
            url = _url("registration_detail", team, one.id)
            found.append(Need("warn", title, _("approve or decline it"), url, one.created_at))
        if len(asked) > NAMED:
            url = f"{_url('registration_list', team)}?state=requested"
            found.append(Need("warn", _("More requests wait for you"), "", url))
    for one in decided_unseen(membership)[:NAMED]:
        title = _("%(name)s: %(outcome)s") % {"name": _called(one), "outcome": outcome(one)}
        tone = "ok" if one.decision == "approved" else "bad"
        url = _url("registration_detail", team, one.id)
        found.append(Need(tone, title, one.decision_word[:200], url, one.decided_at))
    return found


def _registrations(team: Team) -> list[Need]:
    unknown = Registration.objects.filter(team=team, state="unknown").order_by("-created_at")[:NAMED]
    found = []
    for one in unknown:
        title = _("%(name)s: the outcome of its registration is unknown") % {"name": _called(one)}
        looked = one.next_lookup_at and one.next_lookup_at > timezone.now() - timedelta(hours=1)
        detail = _("Bootshelf looks it up by itself") if looked else _("look in the cloud's console")
        found.append(Need("warn", title, detail, _url("registration_detail", team, one.id), one.created_at))
    return found


def _called(registration: Registration) -> str:
    return f"{registration.name[:80]} {(registration.version or '')[:40]}".strip()


def _of_images(team: Team, cards: Sequence[SourceCard], asked: ImageFilter, counts: Counts) -> list[Need]:
    images, found = _url("image_list", team), []
    if missing := counts.facets["state"].get("missing", 0):
        words = ngettext("%(n)s image is missing", "%(n)s images are missing", missing) % {"n": _n(missing)}
        most = sorted((card for card in cards if card.missing), key=lambda card: -card.missing)
        detail = _listed([card.label for card in most])
        found.append(Need("", words, detail, f"{images}?{asked.toggled('state', 'missing').query()}"))
    if ending := counts.facets["support"].get("ending", 0):
        words = ngettext(
            "%(n)s image loses OS support within %(days)s days",
            "%(n)s images lose OS support within %(days)s days",
            ending,
        )
        systems = asked.systems.dated(team.id).get("ending", {})
        names = [f"{distribution} {version}" for distribution, versions in systems.items() for version in versions]
        url = f"{images}?{asked.toggled('support', 'ending').query()}"
        found.append(Need("", words % {"n": _n(ending), "days": ENDING_DAYS}, _listed(sorted(names)), url))
    return found


def _listed(names: Sequence[str]) -> str:
    words = ", ".join(names[:NAMED])
    if (rest := len(names) - NAMED) > 0:
        return _("%(names)s and %(n)s more") % {"names": words, "n": _n(rest)}
    return words


def _n(number: int) -> str:
    return str(number_format(number, force_grouping=True))


def _url(name: str, team: Team, *ids: Any) -> str:
    return reverse(f"catalog:{name}", args=[team.slug, *ids])
