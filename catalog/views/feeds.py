"""The feed of changes, for whoever has its address."""

import hashlib

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from accounts import limits
from catalog.change_sets import fetch_sets
from catalog.changes import parse
from catalog.feeds import ENTRIES, atom, find_feed, last_modified
from catalog.models import ChangeFeed, Source
from catalog.pace import take_turn
from config.deadline import in_time

# Of one feed: more is no reader, and waits.
PER_SECOND = 5


@require_safe
def change_atom(request: HttpRequest, token: str) -> HttpResponse:
    """The newest changes, by the filter of the query string as on the page. Nobody is signed in: the token, the
    membership it belongs to and the member's being active are looked up in one query, and 404 says nothing more. Who
    guesses is answered nothing for a while.
    """
    is_guessing = limits.is_over(request, "feed_guess")
    feed = None if is_guessing else find_feed(token)
    if is_guessing or (feed and take_turn(f"feed:{feed.id}", PER_SECOND, 0) is None):
        response = _plain("Too often.", 429)
        response["Retry-After"] = "60"
    elif feed is None:
        limits.count(request, "feed_guess")
        response = _plain("There is no such feed.", 404)
    else:
        with translation.override(feed.membership.user.language or settings.LANGUAGE_CODE):
            response = _answer(request, feed)
    response["Cache-Control"] = "private, no-cache"
    response["X-Robots-Tag"] = "noindex"
    return response


def _answer(request: HttpRequest, feed: ChangeFeed) -> HttpResponse:
    asked = parse(request.GET, feed.team_id, Source.objects.filter(team_id=feed.team_id)).for_feed()
    page = in_time(fetch_sets, asked, size=ENTRIES)
    if page is None:
        return _plain("Finding these changes took too long: ask for fewer.", 503)
    sets = page.rows
    body = atom(feed, asked, sets, request.path, request.build_absolute_uri)
    response = HttpResponse(body, content_type="application/atom+xml; charset=utf-8")
    response["Content-Language"] = translation.get_language() or ""
    response["ETag"] = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    when = int(last_modified(feed, sets).timestamp())
    response["Last-Modified"] = http_date(when)
    return get_conditional_response(request, etag=response["ETag"], last_modified=when, response=response) or response


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
