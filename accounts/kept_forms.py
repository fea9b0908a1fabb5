"""What was filled in is not lost when its sending meets the sign-in page, or a token of a session that is over.

A view marked with `keeps_form` names what is never kept: its secrets. All else travels, signed, in the sign-in page
itself, and comes into a session only with a person who signed in: a stranger can fill no table of ours. From there the
view takes it back, and a reload finds it again. One form a session, the last one. Of a field with several values the
last is kept.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from allauth.account.forms import LoginForm
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django_htmx.http import trigger_client_event

SALT = "accounts.kept_forms"
LIFE_SECONDS = 24 * 3600
LONGEST = 50_000  # characters in all; nobody typed a form longer than this
FIELD = "kept"  # of the sign-in form and, with 1, of the address one comes back to
_IN_SESSION = "kept_form"
_TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - a field's name


def keeps_form[View: Callable[..., Any]](
    *secrets: str, back: tuple[str, str], read: Callable[[HttpRequest], dict[str, str]] | None = None
) -> Callable[[View], View]:
    """The view's forms are kept but for `secrets`. `back` is the field, and its value, that shows the form again
    without doing anything: what was posted there is not kept either. `read` gives what is kept instead of a field that
    may hold a secret, or of a file.
    """

    def mark(view: View) -> View:
        view.keeps_form = secrets, back, read  # type: ignore[attr-defined]
        return view

    return mark


def filled_in(request: HttpRequest) -> dict[str, str]:
    """What of a form is to be kept, as it was posted, or as HTMX asks about it; nothing where the view keeps none."""
    secrets, back, read = _told(request)
    asks = getattr(request, "htmx", False) and request.method == "GET"
    if back is None or not (asks or request.method == "POST"):
        return {}
    sent, left_out = request.GET if asks else request.POST, {*secrets, back[0], _TOKEN}
    found = {str(name): str(text) for name, text in sent.items() if text and name not in left_out}
    if read and not asks:
        found |= read(request)
    return found if sum(map(len, found.values())) <= LONGEST else {}


def met_sign_in(request: HttpRequest, fields: dict[str, str]) -> HttpResponse:
    """The answer to a form that nobody was signed in for: the sign-in page, with the form in it. What HTMX sends of one
    that is still being filled in stays where it is.
    """
    if getattr(request, "htmx", False):
        return _stay(_("You have been signed out. What you filled in stays: sending it leads to signing in, and back."))
    context = {
        "form": LoginForm(request=request),
        "kept": signing.dumps(_document(request, fields), salt=SALT, compress=True),
        "next": f"{request.path}?{FIELD}=1",
        "signup_url": reverse("account_signup"),
    }
    response = render(request, "account/login.html", context)
    add_never_cache_headers(response)
    return response


def met_old_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. Whoever signed in elsewhere since goes on with what they filled in."""
    fields = filled_in(request)
    if getattr(request, "htmx", False):
        told = _("You signed in anew since this page was opened. What you filled in stays: go on and send it.")
        return _stay(told if fields else _("This page is out of date, and nothing was done. Reload it and try again."))
    context = {"fields": fields, "back": _told(request)[1]}
    return render(request, "403_csrf.html", context, status=403)


def keep(request: HttpRequest, fields: dict[str, str]) -> str:
    """Keep the form of who is signed in and is asked to confirm that it is they; gives the address it is back at."""
    request.session[_IN_SESSION] = _document(request, fields)
    return f"{request.path}?{FIELD}=1"


def carry(request: HttpRequest) -> None:
    """For who confirms by single sign-on that it is they: allauth ends their session meanwhile and makes another."""
    request.kept_form = request.session.get(_IN_SESSION)  # type: ignore[attr-defined]


def remember(request: HttpRequest) -> None:
    """For who has just signed in: the form that their sign-in page held, or the session of before. What is not ours, or
    too old, is nothing.
    """
    if carried := getattr(request, "kept_form", None):
        request.session[_IN_SESSION] = carried
    with contextlib.suppress(signing.BadSignature):
        request.session[_IN_SESSION] = signing.loads(request.POST.get(FIELD, ""), salt=SALT, max_age=LIFE_SECONDS)


def recall(request: HttpRequest) -> tuple[dict[str, str], list[str]]:
    """What was filled in here before the sign-in, and the names of the secrets that were and are not kept."""
    document = request.session.get(_IN_SESSION) if FIELD in request.GET else None
    if not document or document["path"] != request.path:
        return {}, []
    return document["fields"], document["without"]


def forget(request: HttpRequest) -> None:
    request.session.pop(_IN_SESSION, None)


def _document(request: HttpRequest, fields: dict[str, str]) -> dict[str, Any]:
    secrets = _told(request)[0]
    return {"path": request.path, "fields": fields, "without": [name for name in secrets if request.POST.get(name)]}


def _told(request: HttpRequest) -> tuple[tuple[str, ...], tuple[str, str] | None, Any]:
    view = request.resolver_match.func if request.resolver_match else None
    return getattr(view, "keeps_form", ((), None, None))


def _stay(text: str) -> HttpResponse:
    return trigger_client_event(HttpResponse(status=204), "told", {"text": text})
