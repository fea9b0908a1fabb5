"""What holds for every answer and every request, whatever the view: nothing private is kept, nothing huge is read."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.views.errors import too_large

type Answer = Callable[[HttpRequest], HttpResponse]


class NoStoreMiddleware:
    """No browser, proxy or step back shows an answer to who is not asked for it. A view that says what may be kept of
    its answer (a feed), and static files, which are nobody's, say so themselves.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cache-Control", "no-store")
        return response


class BodyLimitMiddleware:
    """Refuses what says that it is larger than LARGEST_BODY_BYTES before any of it is read. What does not say how large
    it is has no body for Django.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        told = request.META.get("CONTENT_LENGTH") or "0"
        if told.isdigit() and int(told[:20]) <= settings.LARGEST_BODY_BYTES:
            return self.get_response(request)
        return too_large(request, settings.LARGEST_BODY_BYTES)
