"""The images of a view as a file."""

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, get_team
from catalog import export, saved_views
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
    response: HttpResponseBase = HttpResponse()
    if request.method == "GET":
        page = request.build_absolute_uri(reverse("catalog:image_list", args=[slug]))
        view = saved_views.current(team, request.user, request.GET.get("view", "").lower())
        keys = of_columns(shown(request.user, view).columns)
        try:
            found = export.begin(export.parts(asked, keys, made, page=page, person=request.user.id), made)
        except export.Busy as busy:
            return _refused(request, str(busy), 429 if busy.own else 503)
        response = HttpResponse(found) if isinstance(found, bytes) else StreamingHttpResponse(found)
    name = f"{slug}-images-{today():%Y-%m-%d}.{form}"
    response.headers["Content-Type"] = made.content_type
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # a proxy passes on what there is
    return response


def _refused(request: HttpRequest, why: str, status: int) -> HttpResponse:
    """One sentence, and the way back to the view."""
    back = request.GET.urlencode()
    response = render(request, "catalog/image_export_refused.html", {"why": why, "back": back}, status=status)
    response.headers["Cache-Control"] = "no-store"
    if status != 400:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
