"""A member's feed of changes: its secret address made, made anew, revoked."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Membership, User
from accounts.tokens import digest_of, new_token
from catalog.actions.base import ActionError
from catalog.models import ChangeFeed


def make_feed(membership: Membership, seen: UUID | None) -> tuple[ChangeFeed, str]:
    """A feed of this member, and its token, which nobody can tell again. It takes the place of the one that was `seen`.

    Raises ActionError where another one is there by now: who sends a form twice does not lose the address of the first.
    Raises PermissionDenied for who was switched off meanwhile.
    """
    token = new_token()
    with transaction.atomic():
        there = _locked(membership)
        if not User.objects.filter(id=membership.user_id, is_active=True).exists():
            raise PermissionDenied
        if (there.id if there else None) != seen:
            raise ActionError("", _("The feed's address was changed in another window. Look again."))
        if there:
            there.delete()
        feed = ChangeFeed.objects.create(team_id=membership.team_id, membership=membership, digest=digest_of(token))
        _record(membership, "feed.replaced" if there else "feed.created", feed)
    return feed, token


def revoke_feed(membership: Membership) -> bool:
    """The feed's address leads nowhere from now on; whether there was one."""
    with transaction.atomic():
        there = _locked(membership)
        if there is None:
            return False
        _record(membership, "feed.revoked", there)
        there.delete()
    return True


def end_feeds(sender: object, user: User, **told: Any) -> dict[str, int]:
    """Receives `switched_off`: no address that they had, on whatever team, opens again when they are switched on."""
    list(Membership.objects.select_for_update(no_key=True).filter(user=user).order_by("id"))  # one is made no more
    return {"feeds": ChangeFeed.objects.filter(membership__user=user).delete()[0]}


def _locked(membership: Membership) -> ChangeFeed | None:
    """The member's feed, which nobody else makes or revokes until the transaction ends."""
    Membership.objects.select_for_update(no_key=True).filter(id=membership.id).first()
    return ChangeFeed.objects.filter(team_id=membership.team_id, membership=membership).first()


def _record(membership: Membership, action: str, feed: ChangeFeed) -> None:
    user = membership.user
    audit.record(membership.team, user, action, target=user.email, target_id=feed.id)
