"""Requests, as people ask and decide: an editor's registration waits for an admin's word (catalog/requests.py).

The registry password waits with it, sealed, and is forgotten in the transaction that ends it otherwise than by sending.
"""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import CloudAccount, Team, User
from accounts.secrets import forget
from catalog import registration, request_mails
from catalog.actions.base import ActionError, Actor, actor_name
from catalog.actions.registrations import claim_place, create_registration
from catalog.models import Registration
from catalog.queueing import send_on_commit
from catalog.registration_spec import Spec
from catalog.requests import REQUEST_LIFE, outcome

LONGEST_WORD = 500
MOST_WAITING = 50  # of one person: each is a mail to every admin
AT_ONCE = 100


class NotWaiting(ActionError):
    """The request does not wait for a decision any more: `asked` is as it is now."""

    def __init__(self, asked: Registration) -> None:
        over = _("It has waited for 7 days, and is over.") if asked.state == "requested" else ""
        super().__init__("", outcome(asked) or over)
        self.asked = asked


def request_registration(
    team: Team, user: User, account: CloudAccount, region: str, spec: Spec, *, registration_id: UUID | None = None
) -> Registration:
    """Write the registration as a request, and let those who decide know. Raises what create_registration raises, and
    ActionError where too many of theirs wait.
    """
    if Registration.objects.filter(team=team, requester=user, state="requested").count() >= MOST_WAITING:
        raise ActionError("", _("%(n)d of your requests wait for an admin already.") % {"n": MOST_WAITING})
    with transaction.atomic():
        made = create_registration(
            team, user, account, region, spec, None, registration_id=registration_id, state="requested"
        )
        request_mails.tell_who_decides(made)
    return made


def approve_request(team: Team, user: User, registration_id: UUID, word: str = "") -> None:
    """The worker sends it. Raises NotWaiting, and what create_registration raises for what is there by now."""
    word = _checked(word)
    with transaction.atomic():
        asked = _locked(team, registration_id)
        claim_place(team, asked.cloud_account_id, asked.region, registration.spec_of(asked))
        _end(asked, user, "approved", word)
        send_on_commit(registration.TASK, asked.id)


def decline_request(team: Team, user: User, registration_id: UUID, word: str) -> None:
    """Not sent, its password forgotten; who asked reads the word. Raises NotWaiting, and ActionError without a word."""
    word = _checked(word)
    if not word:
        raise ActionError("word", _("Say why, in a word: who asked for it reads this."))
    with transaction.atomic():
        _end(_locked(team, registration_id), user, "declined", word)


def withdraw_request(team: Team, user: User, registration_id: UUID) -> None:
    """By who asked. Raises NotWaiting."""
    with transaction.atomic():
        _end(_locked(team, registration_id), user, "withdrawn", "")


def expire_requests() -> int:
    """By beat: end those that waited too long, each with its password. How many."""
    over, ended = Registration.objects.filter(state="requested", created_at__lte=Now() - REQUEST_LIFE), 0
    for registration_id in over.values_list("id", flat=True)[:AT_ONCE]:
        with transaction.atomic():
            locked = over.select_related("team").select_for_update(of=("self",), skip_locked=True)
            if asked := locked.filter(id=registration_id).first():
                _end(asked, registration.WORKER, "expired", "")
                ended += 1
    return ended


def drop_requests(account: CloudAccount, actor: Actor) -> list[str]:
    """Within the transaction that deletes the account: what waits for a word about it ends, and who asked is told.
    What they are called, for the audit row of the account: they have none of their own.
    """
    waiting = Registration.objects.filter(team=account.team_id, cloud_account=account, state="requested")
    dropped = list(waiting.select_related("team").select_for_update(of=("self",)).order_by("id"))
    for asked in dropped:
        _decide(asked, actor, "dropped", "")
    return [asked.name for asked in dropped]


def _checked(word: str) -> str:
    word = word.strip()
    if len(word) > LONGEST_WORD:
        raise ActionError("word", _("At most %(n)d characters.") % {"n": LONGEST_WORD})
    return word


def _locked(team: Team, registration_id: UUID) -> Registration:
    """The request, held until the transaction ends: of two who decide at once, the second one finds it decided."""
    rows = Registration.objects.filter(team=team, id=registration_id)
    held = rows.select_related("team").select_for_update(of=("self",))
    asked = held.filter(state="requested", created_at__gt=Now() - REQUEST_LIFE).first()
    if asked is None:
        raise NotWaiting(rows.get())
    return asked


def _end(asked: Registration, actor: Actor, decision: str, word: str) -> None:
    """Write the decision with its audit row, in the caller's transaction."""
    _decide(asked, actor, decision, word)
    changes = {"requested_by": asked.requested_by, "region": asked.region} | ({"word": word} if word else {})
    audit.record(asked.team, actor, f"registration.{decision}", target=asked.name, target_id=asked.id, changes=changes)


def _decide(asked: Registration, actor: Actor, decision: str, word: str) -> None:
    """Who decides themselves was told by that; whoever else asked gets a mail."""
    sends = decision == "approved"
    told = isinstance(actor, User) and actor.id == asked.requester_id
    Registration.objects.filter(id=asked.id).update(
        state="pending" if sends else "declined",
        decision=decision,
        decided_by=actor_name(actor),
        decided_at=Now(),
        decision_word=word,
        told_at=Now() if told else None,
        finished_at=None if sends else Now(),
    )
    if not sends:
        forget(asked.team_id, registration.TABLE, asked.id)
    if not told:
        request_mails.tell_who_asked(asked)
