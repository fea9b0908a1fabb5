from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.access import SignInRequired
from accounts.models import Membership


def home(request: HttpRequest) -> HttpResponse:
    """To the images of the team last used, or the first; a page that says so where there is none."""
    if not request.user.is_authenticated:
        raise SignInRequired
    memberships = list(Membership.objects.select_related("team").filter(user_id=request.user.pk).order_by("created_at"))
    if not memberships:
        return render(request, "accounts/home.html")
    last = request.session.get("team")
    team = next((m.team for m in memberships if m.team.slug == last), memberships[0].team)
    return redirect("catalog:image_list", team.slug)
