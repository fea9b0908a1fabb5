"""The images page and the page of one image."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import get_row, get_team
from catalog.models import Image


def image_list(request: HttpRequest, slug: str) -> HttpResponse:
    get_team(request, slug)
    return render(request, "catalog/image_list.html")


def image_detail(request: HttpRequest, slug: str, image_id: UUID) -> HttpResponse:
    team = get_team(request, slug)
    image = get_row(Image.objects.all(), team, image_id)
    return render(request, "catalog/image_detail.html", {"image": image})
