"""The way in, and what a person chooses for themselves: language, theme, keys, mails."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import set_language

from accounts.access import SignInRequired
from accounts.invitations import waiting_for
from accounts.models import Membership, User
from accounts.teams import may_create_team

THEMES = ("system", "light", "dark")
ONE_YEAR = 365 * 24 * 3600


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """To the images of the team last used, or the first; a page that says so where there is none."""
    if not isinstance(request.user, User):
        raise SignInRequired
    memberships = list(Membership.objects.select_related("team").filter(user_id=request.user.pk).order_by("created_at"))
    if not memberships:
        context = {"may_create_team": may_create_team(request.user), "invitations": waiting_for(request.user)}
        return render(request, "accounts/home.html", context)
    last = request.session.get("team")
    team = next((m.team for m in memberships if m.team.slug == last), memberships[0].team)
    return redirect("catalog:image_list", team.slug)


@require_POST
def language_choose(request: HttpRequest) -> HttpResponse:
    """Django's own view sets the cookie and goes back to `next`; a person's choice is also kept for their mails."""
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        _keep(request, "language", language)
    return set_language(request)


@require_POST
def theme_choose(request: HttpRequest) -> HttpResponse:
    """Keeps light, dark or system: in a cookie for this browser (pages need no query), and with the person for the next
    one.
    """
    response = _back(request)
    theme = request.POST.get("theme")
    if theme in THEMES:
        _keep(request, "theme", theme)
        response.set_cookie(
            settings.THEME_COOKIE_NAME,
            theme,
            max_age=ONE_YEAR,
            secure=settings.SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


@require_POST
def keys_choose(request: HttpRequest) -> HttpResponse:
    """Keeps whether single keys do something (WCAG 2.1.4: who speaks to a computer, or slips, can turn them off)."""
    if request.POST.get("keys") in ("on", "off"):
        _keep(request, "keys", request.POST["keys"])
    return _back(request)


@require_POST
def mails_choose(request: HttpRequest) -> HttpResponse:
    """Keeps whether they want the mails that they did not ask for themselves."""
    if request.POST.get("mails") in ("on", "off"):
        _keep(request, "mails", request.POST["mails"])
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    there = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(there, {request.get_host()}, require_https=request.is_secure()):
        there = "/"
    return redirect(there)


def _keep(request: HttpRequest, name: str, value: str) -> None:
    if isinstance(request.user, User) and request.user.preferences.get(name) != value:
        request.user.preferences[name] = value
        request.user.save(update_fields=["preferences"])
