"""Invitations: a link that brings whoever has it, and the email address it was made for, onto a team, once.

It holds while its maker may invite: who is demoted, removed or switched off vouches for nobody any more. What was in a
session is looked up anew each time, so that revoking ends it there too.
"""

import contextlib
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.access import hold_team, lock_team
from accounts.actions import ActionError, checked_email
from accounts.models import ROLE_RANK, Invitation, Membership, Role, Team, User
from accounts.tokens import digest_of, new_token

LIFE = timedelta(days=7)
_IN_SESSION = "invitation"


def invite(team: Team, actor: User, email: str, role: str) -> tuple[Invitation, str]:
    """The invitation, and the token of its link, which nobody can tell again. Raises ActionError for who is on the
    team or invited already, and for a role above the inviter's.
    """
    email = checked_email(email)
    if role not in Role.values:
        raise ActionError("role", _("A role is viewer, editor or admin."))
    token = new_token()
    with transaction.atomic():
        inviter = _inviter(team, actor, role)
        _refuse_known(team, email)
        invitation = Invitation.objects.create(
            team=team, email=email, role=role, digest=digest_of(token), inviter=inviter, invited_by=actor.email,
            expires_at=timezone.now() + LIFE,
        )  # fmt: skip
        _record(team, actor, "member.invited", invitation, role=role)
    return invitation, token


def resend(team: Team, actor: User, invitation: Invitation) -> tuple[Invitation, str]:
    """A new link for seven days, made by who resends it; the old one ends. Raises ActionError where it is gone."""
    token = new_token()
    with transaction.atomic():
        found = _still(team, actor, invitation)
        found.inviter, found.invited_by = _inviter(team, actor, found.role), actor.email
        found.digest, found.sent_at = digest_of(token), timezone.now()
        found.expires_at = found.sent_at + LIFE
        found.save(update_fields=["inviter", "invited_by", "digest", "sent_at", "expires_at"])
        _record(team, actor, "invitation.resent", found, role=found.role)
    return found, token


def revoke(team: Team, actor: User, invitation: Invitation) -> None:
    with transaction.atomic():
        found = _still(team, actor, invitation)
        _record(team, actor, "invitation.revoked", found, role=found.role)
        found.delete()


def accept(invitation: Invitation, user: User) -> Membership:
    """The user's membership from now on; who is a member already keeps their role. Raises ActionError where the
    invitation is over by now, or is somebody else's.
    """
    with transaction.atomic():
        team = hold_team(invitation.team_id)
        found = _whole().filter(team=team, id=invitation.id, digest=invitation.digest).first()
        if found is None or why_over(found):
            raise ActionError("", _("This invitation is over: it was used, revoked or replaced by a newer one."))
        if not is_for(found, user):
            raise ActionError("", _("This invitation is for %(email)s.") % {"email": found.email})
        membership, made = Membership.objects.get_or_create(team=team, user=user, defaults={"role": found.role})
        changes = {"role": membership.role, "invited_by": found.invited_by, "invited": found.email}
        action = "member.joined" if made else "invitation.dropped"
        audit.record(team, user, action, target=user.email, target_id=user.id, changes=changes)
        found.delete()
    return membership


def why_over(invitation: Invitation) -> str:
    """Why nobody can accept it any more, in one sentence for who has its link; "" while they can."""
    words = {"who": invitation.invited_by}
    if _has_expired(invitation):
        return _("This invitation has expired. Ask %(who)s for a new one.") % words
    if not _is_vouched_for(invitation):
        return _("%(who)s may no longer invite to this team. Ask another of its admins.") % words
    return ""


def _over_for_admins(invitation: Invitation) -> str:
    """The same for who can mend it."""
    words = {"who": invitation.invited_by}
    if _has_expired(invitation):
        return _("It was not used in time. Make a new link, or revoke it.")
    if not _is_vouched_for(invitation):
        return _("%(who)s may no longer invite. Make a new link in your own name, or revoke it.") % words
    return ""


def _has_expired(invitation: Invitation) -> bool:
    return invitation.expires_at <= timezone.now()


def _is_vouched_for(invitation: Invitation) -> bool:
    inviter = invitation.inviter
    return inviter is not None and inviter.user.is_active and _may_invite(inviter, invitation.role)


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether the address it was made for is theirs, and proved to be."""
    return EmailAddress.objects.filter(user=user, email__iexact=invitation.email, verified=True).exists()


def has_account(invitation: Invitation) -> bool:
    """Whether somebody signs in with its address already."""
    return EmailAddress.objects.filter(email__iexact=invitation.email).exists()


def find(token: str) -> Invitation | None:
    """Whatever its state. One query."""
    return _whole().filter(digest=digest_of(token)).first()


def hold(request: HttpRequest, invitation: Invitation) -> None:
    """Keep in the session that whoever is there had the link."""
    request.session[_IN_SESSION] = bytes(invitation.digest).hex()


def let_go(request: HttpRequest) -> None:
    request.session.pop(_IN_SESSION, None)


def held(request: HttpRequest) -> Invitation | None:
    """The invitation whose link brought them here, while it can be accepted. No query for who has none."""
    digest: Any = request.session.get(_IN_SESSION)
    found = _whole().filter(digest=bytes.fromhex(digest)).first() if digest else None
    return None if found is None or why_over(found) else found


def accept_held(request: HttpRequest, user: User) -> Membership | None:
    """For who has just signed up by an invitation's link: onto the team at once. None, and no audit row, where there
    is none, or it is over or somebody else's.
    """
    invitation = held(request)
    if invitation is None:
        return None
    let_go(request)
    with contextlib.suppress(ActionError, Http404):
        membership = accept(invitation, user)
        messages.success(request, _("You are on the team %(name)s.") % {"name": membership.team.name})
        return membership
    return None


def listed(team: Team) -> list[Invitation]:
    """All of the team, by address; `over` of each is why nobody can accept it any more."""
    found = list(_whole().filter(team=team).order_by("email"))
    for one in found:
        one.over = _over_for_admins(one)
    return found


def waiting_for(user: User) -> list[Invitation]:
    """The invitations that this person could accept, by team."""
    mine = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    found = _whole().filter(email__in=[email.lower() for email in mine]).order_by("team__name")
    return [one for one in found if not why_over(one)]


def _whole() -> Any:
    return Invitation.objects.select_related("team", "inviter__user")


def _may_invite(member: Membership, role: str) -> bool:
    return member.allows("admin") and ROLE_RANK[role] <= ROLE_RANK[member.role]


def _inviter(team: Team, actor: User, role: str) -> Membership:
    member = lock_team(team, actor, "admin")
    if not _may_invite(member, role):
        raise ActionError("role", _("Nobody invites to a role above their own."))
    return member


def _refuse_known(team: Team, email: str) -> None:
    theirs = Q(user__email__iexact=email) | Q(
        user__emailaddress__email__iexact=email, user__emailaddress__verified=True
    )
    if Membership.objects.filter(theirs, team=team).exists():
        raise ActionError("email", _("%(email)s is on the team already.") % {"email": email})
    if Invitation.objects.filter(team=team, email=email).exists():
        message = _("%(email)s is invited already: resend that invitation, or revoke it first.")
        raise ActionError("email", message % {"email": email})


def _still(team: Team, actor: User, invitation: Invitation) -> Invitation:
    lock_team(team, actor, "admin")
    found = Invitation.objects.filter(team=team, id=invitation.id).first()
    if found is None:
        raise ActionError("", _("This invitation is over: it was used or revoked."))
    return found


def _record(team: Team, actor: User, action: str, invitation: Invitation, **changes: object) -> None:
    audit.record(team, actor, action, target=invitation.email, target_id=invitation.id, changes=changes)
