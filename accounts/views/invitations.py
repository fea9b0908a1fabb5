"""Invitations: made, resent and revoked by admins; opened and accepted by whoever has the link."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import invitation_mails, invitations, limits
from accounts.access import TeamRequest, get_row, get_team
from accounts.actions import ActionError
from accounts.forms import InvitationForm, posted
from accounts.members import ROLE_WORDS
from accounts.models import ROLE_RANK, Invitation, User
from accounts.reauthentication import require_recent_sign_in


@require_http_methods(["GET", "POST"])
def invitation_add(request: TeamRequest, slug: str) -> HttpResponse:
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    form = InvitationForm(posted(request), initial={"role": "viewer"})
    if form.is_valid():
        try:
            _count(request)
            made = invitations.invite(team, request.user, form.cleaned_data["email"], form.cleaned_data["role"])
        except ActionError as error:
            form.blame(error)
        else:
            return _told(request, *made)
    context = {"form": form, "roles": ROLE_WORDS, "mail_is_set": settings.MAIL_IS_SET}
    return render(request, "accounts/invitation_add.html", context, status=422 if form.errors else 200)


@require_POST
def invitation_resend(request: TeamRequest, slug: str, invitation_id: UUID) -> HttpResponse:
    """A new link by mail, or shown; the one before leads nowhere from then on."""
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    invitation = get_row(Invitation.objects.all(), team, invitation_id)
    try:
        _count(request)
        made = invitations.resend(team, request.user, invitation)
    except ActionError as error:
        messages.error(request, error.message)
        return redirect("team_detail", slug)
    return _told(request, *made)


@require_POST
def invitation_revoke(request: TeamRequest, slug: str, invitation_id: UUID) -> HttpResponse:
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    invitation = get_row(Invitation.objects.all(), team, invitation_id)
    try:
        invitations.revoke(team, request.user, invitation)
    except ActionError as error:
        messages.error(request, error.message)
    else:
        told = _("The invitation of %(email)s is revoked: its link leads nowhere.") % {"email": invitation.email}
        messages.success(request, told)
    return redirect("team_detail", slug)


@never_cache
@require_safe
def invitation_open(request: HttpRequest, token: str) -> HttpResponse:
    """The link itself. Nothing is accepted by following it, as a mail scanner does; the address keeps no token. Who
    tries links that are none is not answered any more for a while.
    """
    if limits.is_over(request, "invitation_guess"):
        return _over(request, _("Too many links that lead nowhere were tried. Try again in ten minutes."), 429)
    invitation = invitations.find(token)
    if invitation is None:
        limits.count(request, "invitation_guess")
        return _over(request, _("This invitation is over: it was used, revoked or replaced by a newer one."), 404)
    if why := invitations.why_over(invitation):
        return _over(request, why, 410)
    invitations.hold(request, invitation)
    return redirect("invitation_accept")


@never_cache
@require_http_methods(["GET", "POST"])
def invitation_accept(request: HttpRequest) -> HttpResponse:
    """What the invitation is, and the way on: join; sign in or up first; or, as somebody else, sign out."""
    user = request.user if isinstance(request.user, User) else None
    chosen = request.POST.get("invitation")  # on the home page of who has no team
    if user and chosen:
        for one in invitations.waiting_for(user):
            if str(one.id) == chosen:
                invitations.hold(request, one)
        return redirect("invitation_accept")
    invitation = invitations.held(request)
    if invitation is None:
        return _over(request, _("This invitation is over: it was used, revoked or replaced by a newer one."), 404)
    error = ""
    if request.method == "POST" and user and request.POST.get("do") == "sign_out":
        logout(request)
        invitations.hold(request, invitation)
        return redirect("invitation_accept")
    if request.method == "POST" and user:
        try:
            membership = invitations.accept(invitation, user)
        except ActionError as refused:
            error = refused.message
        else:
            invitations.let_go(request)
            messages.success(request, _("You are on the team %(name)s.") % {"name": membership.team.name})
            return redirect("catalog:overview", membership.team.slug)
    context = {
        "invitation": invitation,
        "role_words": [words for role, _label, words in ROLE_WORDS if ROLE_RANK[role] <= ROLE_RANK[invitation.role]],
        "theirs": user is not None and invitations.is_for(invitation, user),
        "known": invitations.has_account(invitation),
        "error": error,
    }
    return render(request, "accounts/invitation_accept.html", context, status=422 if error else 200)


def _over(request: HttpRequest, why: str, status: int) -> HttpResponse:
    return render(request, "accounts/invitation_over.html", {"why": why}, status=status)


def _count(request: TeamRequest) -> None:
    if not limits.count(request, "invitation"):
        raise ActionError("", _("That is a lot of invitations at once: go on in an hour."))


def _told(request: TeamRequest, invitation: Invitation, token: str) -> HttpResponse:
    """Mailed, where a mail server is set; else the link is shown, this once."""
    words = {"email": invitation.email}
    if not settings.MAIL_IS_SET:
        context = {"invitation": invitation, "link": invitation_mails.link_of(token)}
        return render(request, "accounts/invitation_made.html", context)
    if invitation_mails.send(invitation, token, request.user):
        messages.success(request, _("The invitation is on its way to %(email)s.") % words)
    else:
        told = _("%(email)s is invited, but the mail could not be sent. Resend it when the mail server works again.")
        messages.error(request, told % words)
    return redirect("team_detail", invitation.team.slug)
