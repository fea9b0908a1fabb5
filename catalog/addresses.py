"""The one address of what a list shows: where a page is sent that came by another, and what HTMX is told."""

from typing import Any, Protocol
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django_htmx.http import push_url, replace_url

from accounts.models import Team
from catalog.browse import ImageFilter, UnknownFilter, parse
from catalog.models import Source

_PAGE_KEYS = ("page", "size")
# A longer address is left as it came: not every proxy lets such a header pass.
LONGEST_REDIRECT = 3500


class Asked(Protocol):
    """What a list shows, as its address tells it."""

    @property
    def notices(self) -> tuple[str, ...]: ...

    def query(self, **page: str) -> str: ...


def elsewhere(request: HttpRequest, path: str, asked: Asked) -> HttpResponse | None:
    """The one address of what is asked, where a form or a hand wrote another; not where a notice would be lost."""
    given = {key: values for key, values in request.GET.lists() if key != "page"}
    if asked.notices or given == dict(QueryDict(asked.query()).lists()):
        return None
    query = asked.query(page=request.GET.get("page", ""))
    url = f"{path}?{query}" if query else path
    return HttpResponseRedirect(url) if len(url) <= LONGEST_REDIRECT else None


def list_url(team: Team, query: str = "") -> str:
    path = reverse("catalog:image_list", args=[team.slug])
    return f"{path}?{query}" if query else path


def canonical_redirect(request: HttpRequest, team: Team, asked: ImageFilter) -> HttpResponse | None:
    """Where a whole page should be looked at: without a script a form sends each choice apart, and filters as they were
    typed. None where the address says the same, or where a notice would be lost on the way.
    """
    if asked.notices:
        return None
    given = {key: values for key, values in request.GET.lists() if key not in _PAGE_KEYS}
    if given == dict(QueryDict(asked.query()).lists()):
        return None
    url = list_url(team, asked.query(**{key: request.GET.get(key, "") for key in _PAGE_KEYS}))
    return HttpResponseRedirect(url) if len(url) <= LONGEST_REDIRECT else None


def with_address(
    request: Any, response: HttpResponse, team: Team, sources: list[Source], asked: ImageFilter, page: str
) -> HttpResponse:
    """The canonical address. Typing a search replaces the last one in the history, whatever is chosen adds to it."""
    url = list_url(team, asked.query(page=page))
    try:
        before = parse((request.htmx.current_url_abs_path or "").partition("?")[2], team.id, sources)
    except UnknownFilter:
        return push_url(response, url)
    typed = not request.htmx.boosted and before.without_search().bare_query() == asked.without_search().bare_query()
    return replace_url(response, url) if typed else push_url(response, url)


def list_address(request: HttpRequest, team: Team) -> str:
    """The list the person came from, with its filter; the unfiltered one where the browser does not tell."""
    before = urlsplit(request.headers.get("Referer", ""))
    same = before.netloc == request.get_host() and before.path == list_url(team) and before.query
    return list_url(team, before.query if same else "")
