import logging
from collections.abc import Callable

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django_htmx.http import HttpResponseClientRedirect

from accounts import kept_forms
from accounts.access import SecondFactorRequired, SignInRequired
from accounts.reauthentication import met_confirmation
from accounts.secrets import KeysetError, SecretUnreadable

logger = logging.getLogger(__name__)


class SignInMiddleware:
    """Leads to the sign-in page and back again, with a form where the view keeps one (accounts/kept_forms.py); an HTMX
    request is told to go there as a whole page. In the same way to the page where somebody confirms that it is they.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, SecondFactorRequired):
            return render(request, "accounts/second_factor_required.html", status=403)
        if isinstance(exception, KeysetError | SecretUnreadable):
            return _met_wrong_keyset(request, exception)
        if isinstance(exception, ReauthenticationRequired) and request.user.is_authenticated:
            return met_confirmation(request)
        if not isinstance(exception, SignInRequired | ReauthenticationRequired):
            return None
        if fields := kept_forms.filled_in(request):
            return kept_forms.met_sign_in(request, fields)
        here = request.get_full_path() if request.method == "GET" else resolve_url("home")
        if getattr(request, "htmx", False):
            here = request.htmx.current_url_abs_path or here  # type: ignore[attr-defined]
            return HttpResponseClientRedirect(redirect_to_login(here).url)
        return redirect_to_login(here)


def _met_wrong_keyset(request: HttpRequest, exception: Exception) -> HttpResponse:
    """One line in the log for who runs this, and a page that says whom to ask. Nothing was changed."""
    one = isinstance(exception, SecretUnreadable)
    more = " `manage secrets_doctor` names all that do not." if one else ""
    logger.error("%s %s: %s%s", request.method, request.path, exception, more, extra={"request": request})
    response = render(request, "503_keyset.html", {"one": one}, status=503)
    response._has_been_logged = True  # type: ignore[attr-defined] # or Django says it once more
    return response
