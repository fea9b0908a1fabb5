"""{% new_changes as news %}: how many changes came since the member last opened the Changes page, as "3" or "99+"."""

from typing import Any

from django import template
from django.template import Context

from catalog.change_visits import MOST_NEW, new_since_opened
from config.deadline import in_time

register = template.Library()


@register.simple_tag(takes_context=True)
def new_changes(context: Context) -> str:
    """ "" for none. One query a page, however often it asks; none where the view knows (`request.new_changes`)."""
    request: Any = context.get("request")
    membership = getattr(request, "membership", None)
    if membership is None:
        return ""
    if not hasattr(request, "new_changes"):
        request.new_changes = in_time(new_since_opened, membership) or 0  # a badge is worth no page
    n: int = request.new_changes
    return f"{MOST_NEW}+" if n > MOST_NEW else str(n or "")
