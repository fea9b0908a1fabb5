"""The numbers of the navigation, as "3" or "99+": {% new_changes as news %} came since the member last opened the
Changes page; {% open_requests as asked %} are requests that wait for them, or were decided and they have not seen it.
"""

from typing import Any

from django import template
from django.db import connection
from django.template import Context

from accounts.models import Membership
from catalog.change_visits import MOST_NEW, since_opened
from catalog.requests import to_be_seen
from config.deadline import in_time

register = template.Library()


@register.simple_tag(takes_context=True)
def new_changes(context: Context) -> str:
    """ "" for none, and where the view shows them (`request.shows_changes`)."""
    request: Any = context.get("request")
    return "" if getattr(request, "shows_changes", False) else _told(_numbers(request)[0])


@register.simple_tag(takes_context=True)
def open_requests(context: Context) -> str:
    return _told(_numbers(context.get("request"))[1])


def _numbers(request: Any) -> tuple[int, int]:
    """Changes and requests: one query a page, however often it asks."""
    membership = getattr(request, "membership", None)
    if membership is None:
        return 0, 0
    if not hasattr(request, "news"):
        request.news = in_time(_count, membership) or (0, 0)  # a badge is worth no page
    news: tuple[int, int] = request.news
    return news


def _count(membership: Membership) -> tuple[int, int]:
    changes, requests = since_opened(membership), to_be_seen(membership)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({changes[0]}), ({requests[0]})", changes[1] | requests[1])
        found: tuple[int, int] = cursor.fetchone()
    return found


def _told(n: int) -> str:
    return f"{MOST_NEW}+" if n > MOST_NEW else str(n or "")
