"""What a list is measured beside, served by the product's own process: fifty rows by one indexed query, rendered by
a bare Django view with the very row of the product's template; and the same without Django's models, by a bare cursor,
which no list can be faster than. And the count of a request's queries, as a header.

Only benchmarks/settings.py brings these in.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Subquery
from django.http import HttpRequest, HttpResponse
from django.template import Template, engines
from django.urls import path
from django.utils import timezone

import config.urls
from accounts.models import Team
from catalog import table
from catalog.cells import Shelf
from catalog.columns import DEFAULT
from catalog.display import Display
from catalog.models import Image
from catalog.sources import source_label
from config.urls import handler400, handler403, handler404, handler500

ROWS = 50
SQL = f"""
    SELECT {table.sql(DEFAULT)}, i.source_id, s.kind, s.region, s.cluster, s.simulated
    FROM catalog_image i JOIN catalog_source s ON s.id = i.source_id
    WHERE i.team_id = (SELECT id FROM accounts_team WHERE slug = %s) ORDER BY i.name_key, i.id LIMIT {ROWS}"""

READ = re.findall(r"\bi\.(\w+)", table.sql(DEFAULT))


def _template() -> Template:
    """A page of nothing but the rows of the product's table."""
    text = Path(settings.BASE_DIR, "templates", "catalog", "_image_results.html").read_text(encoding="utf-8")
    rows = re.search(r"<tbody[^>]*>(.*{% for r in rows %}.*)</tbody>", text, re.DOTALL)
    assert rows, "the table of _image_results.html has no rows to be found"
    loads = "".join(re.findall(r"{% load [^%]*%}", text))
    body = f"<!doctype html><title>Floor</title><table><tbody>{rows[1]}</tbody></table>"
    return engines["django"].from_string(loads + body)


TEMPLATE = _template()


def floor(request: HttpRequest, slug: str) -> HttpResponse:
    """By Django's models, as one would write it."""
    team = Subquery(Team.objects.filter(slug=slug).values("id")[:1])
    images = Image.objects.filter(team=team).select_related("source").order_by("name_key", "id")[:ROWS]
    listed = list(images)
    sources = {image.source_id: image.source for image in listed}
    return _page(request, slug, [tuple(getattr(image, name) for name in READ) for image in listed], sources)


def bare_floor(request: HttpRequest, slug: str) -> HttpResponse:
    """By a bare cursor, reading no more than the row shows."""
    with connection.cursor() as cursor:
        cursor.execute(SQL, [slug])
        found = cursor.fetchall()
    sources: dict[UUID, Any] = {}
    for row in found:
        source_id, kind, region, cluster, simulated = row[-5:]
        sources[source_id] = SimpleNamespace(kind=kind, region=region, cluster=cluster, simulated=simulated)
    return _page(request, slug, [row[:-5] for row in found], sources)


def _page(request: HttpRequest, slug: str, found: list[tuple[Any, ...]], sources: dict[UUID, Any]) -> HttpResponse:
    names = {str(source_id): source_label(source) for source_id, source in sources.items()}
    list_url = f"/t/{slug}/images/"
    shelf = Shelf(sources, names, timezone.now().date(), list_url, may_edit=True)
    rows = table.rows(found, DEFAULT, shelf)
    return HttpResponse(TEMPLATE.render({"rows": rows, "list_url": list_url, "display": Display()}, request))


def count_queries(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware: how many statements a request sent, as the header X-Queries."""

    def respond(request: HttpRequest) -> HttpResponse:
        sent = 0

        def count(execute: Callable[..., Any], *arguments: Any) -> Any:
            nonlocal sent
            sent += 1
            return execute(*arguments)

        with connection.execute_wrapper(count):
            response = get_response(request)
        response["X-Queries"] = str(sent)
        return response

    return respond


urlpatterns = [
    path("floor/<slug:slug>/", floor),
    path("floor/<slug:slug>/bare/", bare_floor),
    *config.urls.urlpatterns,
]
__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
