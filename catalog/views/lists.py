"""What the pages of a ListFilter do alike: one page of rows, and why there are none; the address HTMX is told."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django_htmx.http import push_url, replace_url

from accounts.access import TeamRequest
from catalog.list_filter import ListFilter
from catalog.positions import BadCursor, Page
from config.deadline import in_time


def list_context(
    request: TeamRequest, asked: ListFilter, path: str, fetch: Callable[[str], Page[Any]], too_long: str
) -> dict[str, Any]:
    """For the templates of a list at this path: its filter, and one page. `too_long` says what would take less time."""
    shown = {"asked": asked, "chips": asked.chips(), "choices": list(asked.DIMENSIONS.items()), "list_url": path}
    return shown | _found(asked, fetch, request.GET.get("page", ""), too_long)


def _found(asked: ListFilter, fetch: Callable[[str], Page[Any]], cursor: str, too_long: str) -> dict[str, Any]:
    """One page, and what to tell of it. Where there are none: why."""
    notices = list(asked.notices)
    page: Page[Any] | None
    try:
        page = in_time(fetch, cursor)
    except BadCursor:
        notices.append(_("This address led to no place in the list. Here are the newest."))
        page = in_time(fetch, "")
    if page is None:
        notices.append(too_long)
    found = page or Page()
    if cursor and not found.rows:
        found = in_time(fetch, "") or Page()
    links = {way: asked.query(page=at) for way, at in (("newer", found.newer), ("older", found.older)) if at}
    empty = "" if found.rows else "filtered" if asked.query() else "none"
    return {"page": found, "notices": notices, "empty": empty, "newer": "", "older": "", **links}


def with_address(request: TeamRequest, response: HttpResponse, path: str, asked: ListFilter) -> HttpResponse:
    """Typing words replaces the last address in the history, whatever is chosen adds to it."""
    query = asked.query()
    before, now = (
        {key: value for key, value in QueryDict(one).items() if key not in ("q", "page")}
        for one in ((request.htmx.current_url_abs_path or "").partition("?")[2], query)
    )
    tell = replace_url if before == now else push_url
    return tell(response, f"{path}?{query}" if query else path)
