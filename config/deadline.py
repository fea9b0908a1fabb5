"""No query of a web request runs longer than QUERY_SECONDS: the database ends it, and the page says so.

Only the web has this deadline (config/wsgi.py). A sync, a migration or a command takes the time it needs.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from psycopg.errors import QueryCanceled


def limit_queries(options: dict[str, Any], seconds: int) -> None:
    """Add the deadline to what a connection to the database is opened with; 0 seconds is none. Nothing that runs so
    shortly is worth compiling: that alone may take a tenth of a second.
    """
    if seconds:
        options["options"] = f"{options.get('options', '')} -c statement_timeout={seconds * 1000} -c jit=off".strip()


def ran_out(error: BaseException) -> bool:
    """Whether it is what a query that was ended raises."""
    return isinstance(error, OperationalError) and isinstance(error.__cause__, QueryCanceled)


def in_time[**P, T](read: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | None:
    """What `read` gives, None where a query of it was ended."""
    try:
        return read(*args, **options)
    except OperationalError as error:
        if ran_out(error):
            return None
        raise


class DeadlineMiddleware:
    """A plain page where a view had no better one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not ran_out(exception):
            return None
        # Without the request: what is slow may be what every page asks.
        return render(None, "503.html", {"seconds": settings.QUERY_SECONDS}, status=503)
