"""The numbers of the navigation, as "3" or "99+": {% new_changes as news %} came since the member last opened the
Changes page; {% open_requests as asked %} are requests that wait for them, or were decided and they have not seen it.
"""

from collections.abc import Callable
from typing import Any

from django import template
from django.template import Context

from accounts.models import Membership
from catalog.change_visits import MOST_NEW, new_since_opened
from catalog.requests import to_be_seen
from config.deadline import in_time

register = template.Library()


@register.simple_tag(takes_context=True)
def new_changes(context: Context) -> str:
    """ "" for none. One query a page, however often it asks; none where the view knows (`request.new_changes`)."""
    return _number(context, "new_changes", new_since_opened)


@register.simple_tag(takes_context=True)
def open_requests(context: Context) -> str:
    """The same; a viewer has none to see to."""
    membership = getattr(context.get("request"), "membership", None)
    counts = membership and membership.allows("editor")
    return _number(context, "open_requests", lambda member: to_be_seen(member).count()) if counts else ""


def _number(context: Context, name: str, count: Callable[[Membership], int]) -> str:
    request: Any = context.get("request")
    membership = getattr(request, "membership", None)
    if membership is None:
        return ""
    if not hasattr(request, name):
        setattr(request, name, in_time(count, membership) or 0)  # a badge is worth no page
    n: int = getattr(request, name)
    return f"{MOST_NEW}+" if n > MOST_NEW else str(n or "")
