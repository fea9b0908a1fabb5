"""Two images side by side, at an address of its own."""

from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import TeamRequest, get_row, get_team
from accounts.models import Team
from catalog.addresses import list_address
from catalog.compare import compare_documents, compare_facts
from catalog.labels import STATE_TONES, value_label
from catalog.models import Image
from catalog.sources import source_label

LONGEST_FILTER = 4_000


@require_safe
def image_compare(request: TeamRequest, slug: str) -> HttpResponse:
    """`?a=` and `?b=`, in this order; `only=differences` leaves out what is the same; `filter` is the list's query, for
    the way back. The list's selection comes as two `image`, and is led to the address that names the sides.
    """
    team = get_team(request, slug)
    if chosen := request.GET.getlist("image"):
        return _led_on(request, team, chosen)
    texts = [request.GET.get(side, "") for side in ("a", "b")]
    if not all(texts):
        return _refused(request, team, _("Choose two images in the list to compare them."))
    left, right = (_image(team, text) for text in texts)
    if left == right:
        return _refused(request, team, _("Both sides are the same image: choose another one in the list."))
    only = request.GET.get("only") == "differences"
    context = {
        "title": _("Compare"),
        "back": _back(request, team),
        "sides": [_side(image) for image in (left, right)],
        "only": only,
        "toggled": _address(request, left, right, only=not only),
        "swapped": _address(request, right, left, only=only),
        "parts": [
            (_("Facts"), compare_facts(left, right, only_differing=only)),
            (_("Provider data"), compare_documents(left, right, only_differing=only)),
        ],
    }
    return render(request, "catalog/image_compare.html", context)


def _led_on(request: TeamRequest, team: Team, chosen: list[str]) -> HttpResponse:
    if len(chosen) != 2:
        return _refused(request, team, _("Choose exactly two images in the list to compare them."))
    sides = {"a": chosen[0], "b": chosen[1]} | _filter(request)
    return redirect(f"{reverse('catalog:image_compare', args=[team.slug])}?{urlencode(sides)}")


def _refused(request: TeamRequest, team: Team, sentence: str) -> HttpResponse:
    context = {"title": _("Compare"), "back": _back(request, team), "sentence": sentence}
    return render(request, "catalog/image_compare.html", context, status=422)


def _image(team: Team, text: str) -> Image:
    try:
        image_id = UUID(text)
    except ValueError:
        raise Http404 from None
    return get_row(Image.objects.select_related("source"), team, image_id)


def _side(image: Image) -> dict[str, object]:
    return {
        "image": image,
        "source": source_label(image.source),
        "state": value_label("state", image.state),
        "tone": STATE_TONES.get(image.state, ""),
    }


def _address(request: TeamRequest, left: Image, right: Image, *, only: bool) -> str:
    sides = {"a": str(left.id), "b": str(right.id)} | ({"only": "differences"} if only else {})
    return "?" + urlencode(sides | _filter(request))


def _filter(request: TeamRequest) -> dict[str, str]:
    query = request.GET.get("filter", "")
    return {"filter": query} if query and len(query) <= LONGEST_FILTER else {}


def _back(request: TeamRequest, team: Team) -> str:
    query = _filter(request).get("filter")
    return f"{reverse('catalog:image_list', args=[team.slug])}?{query}" if query else list_address(request, team)
