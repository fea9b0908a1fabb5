"""Whoever changes a credential, a member or a token has signed in a short while ago, or confirms that it is they."""

import time

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from accounts import kept_forms
from accounts.sessions import proved_at


def signed_in_recently(request: HttpRequest) -> bool:
    """No query: the session knows."""
    return time.time() - proved_at(request) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def require_recent_sign_in(request: HttpRequest) -> None:
    """For a view, right after its access call, on its page and on its sending. Raises ReauthenticationRequired, which
    SignInMiddleware turns into the way to the page that asks for the password or another proof, and back here, with
    the form where the view keeps one (accounts/kept_forms.py). A fragment that HTMX asks for passes: it changes
    nothing.
    """
    if getattr(request, "htmx", False) and request.method == "GET":
        return
    if not signed_in_recently(request):
        raise ReauthenticationRequired


def met_confirmation(request: HttpRequest) -> HttpResponse:
    """The answer to what needs a recent sign-in. Who has nothing to confirm it with signs in anew, as they once did."""
    fields = kept_forms.filled_in(request)
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    if not methods:
        logout(request)
        if fields:
            return kept_forms.met_sign_in(request, fields)
    if fields:
        back = kept_forms.keep(request, fields)
    elif request.method == "GET":
        back = request.get_full_path()
    else:
        back = _came_from(request)
        messages.warning(request, _("Nothing was changed yet: confirm that it is you, and send it again."))
    there = redirect_to_login(back, methods[0]["url"] if methods else None)
    return HttpResponseClientRedirect(there.url) if getattr(request, "htmx", False) else there


def _came_from(request: HttpRequest) -> str:
    """The page whose button was pressed."""
    there = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(there, {request.get_host()}, require_https=request.is_secure())
    return there if ours else resolve_url("home")
