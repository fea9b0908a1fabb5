"""What a page shows as a file: the images of a view, the audit trail."""

from collections.abc import Callable, Generator
from functools import partial

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, get_team
from catalog import audit_filter, audit_rows, export, saved_views
from catalog.browse import UnknownFilter
from catalog.bulk import frozen
from catalog.display import shown
from catalog.fields import of_columns
from catalog.supported import today

RETRY_SECONDS = 30


@require_safe
def image_export(request: TeamRequest, slug: str, form: str) -> HttpResponseBase:
    """Every image of the filter in the page's address, in its order, with the columns the person sees: CSV (`bom=1`
    for Excel), JSON or NDJSON. A filter that cannot be applied is never left out: 400. Busy: 429 and 503.
    """
    team = get_team(request, slug)
    if form not in export.FORMATS:
        raise Http404
    try:
        asked = frozen(request.GET, team)
    except UnknownFilter as error:
        return _refused(request, str(error), 400)
    made = export.format_of(form, with_bom=request.GET.get("bom") == "1")

    def parts() -> Generator[bytes]:
        page = request.build_absolute_uri(reverse("catalog:image_list", args=[slug]))
        view = saved_views.current(team, request.user, request.GET.get("view", "").lower())
        keys = of_columns(shown(request.user, view).columns)
        return export.parts(asked, keys, made, page=page, person=request.user.id)

    try:
        return download(request, parts, made, f"{slug}-images-{today():%Y-%m-%d}.{form}")
    except export.Busy as busy:
        return _refused(request, str(busy), 429 if busy.own else 503)


@require_safe
def audit_export(request: TeamRequest, slug: str, form: str) -> HttpResponseBase:
    """Every audit row of the filter in the page's address, the newest first, as image_export does."""
    team = get_team(request, slug, "admin")
    if form not in export.FORMATS:
        raise Http404
    query = request.GET.copy()
    query.pop("bom", None)
    asked = audit_filter.parse(query)
    if asked.notices:
        return _refused(request, " ".join(asked.notices), 400, "catalog:audit_list")
    made = export.format_of(form, with_bom=request.GET.get("bom") == "1")
    try:
        parts = partial(audit_rows.parts, team, asked, made, person=request.user.id)
        return download(request, parts, made, f"{slug}-audit-{today():%Y-%m-%d}.{form}")
    except export.Busy as busy:
        return _refused(request, str(busy), 429 if busy.own else 503, "catalog:audit_list")


def download(
    request: HttpRequest, parts: Callable[[], Generator[bytes]], made: export.Format, name: str
) -> HttpResponseBase:
    """The file, of which nothing is read where only its head is asked for. Raises export.Busy."""
    response: HttpResponseBase = HttpResponse()
    if request.method == "GET":
        found = export.begin(parts(), made)
        response = HttpResponse(found) if isinstance(found, bytes) else StreamingHttpResponse(found)
    response.headers["Content-Type"] = made.content_type
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # a proxy passes on what there is
    return response


def _refused(request: TeamRequest, why: str, status: int, page: str = "catalog:image_list") -> HttpResponse:
    """One sentence, and the way back to the page."""
    back, path = request.GET.urlencode(), reverse(page, args=[request.membership.team.slug])
    context = {"why": why, "back": f"{path}?{back}" if back else path, "of_images": page == "catalog:image_list"}
    response = render(request, "catalog/export_refused.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"
    if status != 400:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
