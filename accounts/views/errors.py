"""The pages of what went wrong."""

import logging
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

logger = logging.getLogger(__name__)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return too_large(request, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    return render(request, "400.html", status=400)


def too_large(request: HttpRequest, most: int) -> HttpResponse:
    """`most` is in bytes."""
    return render(request, "413.html", {"mb": most // (1024 * 1024)}, status=413)


def too_many(request: HttpRequest) -> HttpResponse:
    """allauth's `handler429`: a rate limit was met."""
    return render(request, "429.html", status=429)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A reference for the person, written to the log beside the traceback. Reads nothing: the database may be what
    broke.
    """
    reference = uuid4().hex[:12]
    logger.error("reference %s: %s %s failed", reference, request.method, request.path)
    return render(None, "500.html", {"reference": reference}, status=500)
