"""Labels and stars of many images at once, and their ids. A page names the images and counts them before anything is
done; what is confirmed is exactly those images, or it asks again.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import TeamRequest, get_team
from accounts.models import Team
from catalog.actions import ActionError, marks
from catalog.browse import UnknownFilter
from catalog.bulk import Chosen, choose, remote_ids
from catalog.marks import label_names, split_labels
from catalog.supported import today


@require_http_methods(["GET", "POST"])
def image_bulk(request: TeamRequest, slug: str) -> HttpResponse:
    """Label or star the images of `filter`, or those selected (`image`, once each). POST says what (`do`), with the
    digest of what was shown.
    """
    team = get_team(request, slug, "editor")
    given = request.POST if request.method == "POST" else request.GET
    found = _choose(request, team, given)
    if isinstance(found, HttpResponse):
        return found
    context = _shown(team, found) | {"typed": given.get("labels", ""), "suggestions": label_names(team.id)}
    if request.method == "GET" or not found.total or found.too_many:
        return render(request, "catalog/image_bulk.html", context)
    if given.get("digest") != found.digest:
        context["changed"] = _changed(found, given.get("traces", ""))
        return render(request, "catalog/image_bulk.html", context, status=422)
    try:
        messages.success(request, _do(request, team, found, given))
    except ActionError as error:
        return render(request, "catalog/image_bulk.html", context | {"error": str(error)}, status=422)
    return redirect(context["back"])


@require_safe
def image_ids(request: TeamRequest, slug: str) -> HttpResponse:
    """What the clouds call the images of `filter`, or those selected, a line each; `download=1` as a file."""
    team = get_team(request, slug)
    found = _choose(request, team, request.GET)
    if isinstance(found, HttpResponse):
        return found
    lines = remote_ids(team, found)
    if request.GET.get("download") == "1" and not found.too_many:
        response = HttpResponse("".join(f"{line}\n" for line in lines), content_type="text/plain; charset=utf-8")
        name = f"{slug}-image-ids-{today():%Y-%m-%d}.txt"
        response.headers["Content-Disposition"] = content_disposition_header(True, name) or ""
        response.headers["Cache-Control"] = "no-store"
        return response
    return render(request, "catalog/image_ids.html", _shown(team, found) | {"lines": lines, "text": "\n".join(lines)})


def _choose(request: TeamRequest, team: Team, given: QueryDict) -> Chosen | HttpResponse:
    try:
        return choose(team, given.get("filter", ""), given.getlist("image"))
    except UnknownFilter as error:
        context = {"why": str(error), "back": reverse("catalog:image_list", args=[team.slug])}
        return render(request, "catalog/image_bulk_refused.html", context, status=422)


def _changed(found: Chosen, traces: str) -> str:
    """That it is not done, and what came and went since somebody looked; `traces` are of the images they saw."""
    since, said = found.since(traces), [_("Nothing was done: these are not the images that were shown any more.")]
    if since and since.came:
        said.append(ngettext("%(n)s more image fits now.", "%(n)s more images fit now.", since.came) % _n(since.came))
    if since and since.went:
        if found.selected:
            words = ngettext("%(n)s image is no longer there.", "%(n)s images are no longer there.", since.went)
        else:
            words = ngettext("%(n)s image does not fit any more.", "%(n)s images do not fit any more.", since.went)
        said.append(words % _n(since.went))
    return " ".join([*said, _("Look again, then confirm anew.")])


def _n(n: int) -> dict[str, str]:
    return {"n": number_format(n, force_grouping=True)}


def _shown(team: Team, found: Chosen) -> dict[str, Any]:
    address = reverse("catalog:image_list", args=[team.slug])
    return {
        "chosen": found,
        "words": [] if found.selected else found.asked.chips(),
        "most": marks.MOST_AT_ONCE,
        "back": f"{address}?{found.here}" if found.here else address,
    }


def _do(request: TeamRequest, team: Team, found: Chosen, given: QueryDict) -> str:
    """Do it, and say what was done. Raises ActionError."""
    what, labels = given.get("do", ""), split_labels(given.get("labels", ""))
    options: dict[str, Any] = {"query": found.asked.bare_query(), "expected": found.total}
    images = found.ids if found.selected else found.condition
    doing: dict[str, Callable[[], int]] = {
        "label": lambda: marks.add_labels(team, request.user, images, labels, **options),
        "unlabel": lambda: marks.remove_labels(team, request.user, images, labels, **options),
        "star": lambda: marks.set_star(team, request.user, images, True, **options),
        "unstar": lambda: marks.set_star(team, request.user, images, False, **options),
    }
    if what not in doing:
        raise ActionError("", _("Choose what to do with these images."))
    n = doing[what]()
    done = {
        "label": ngettext("%(n)s image labelled.", "%(n)s images labelled.", n),
        "unlabel": ngettext("Label removed from %(n)s image.", "Label removed from %(n)s images.", n),
        "star": ngettext("%(n)s image starred.", "%(n)s images starred.", n),
        "unstar": ngettext("Star taken from %(n)s image.", "Star taken from %(n)s images.", n),
    }
    words = done[what] % _n(n)
    if rest := found.total - n:
        same = ngettext("%(n)s was so already.", "%(n)s were so already.", rest)
        words = f"{words} {same % _n(rest)}"
    return words
