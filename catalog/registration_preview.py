"""What the page shows beside the form of AddImage, be it right already or not: the call as it would be sent, what looks
wrong about it, what there is already, and what the filled in fields are recognised as. Nothing here is sent or kept.
"""

from typing import Any

from django.utils.translation import gettext as _

from catalog import ecs_images
from catalog.references import ContainerReference
from catalog.registration_forms import RegistrationForm
from catalog.registration_spec import LONGEST_TEXT, Spec, preview, warnings
from catalog.registration_steps import call_lines
from catalog.registration_twins import Twin, twins


def look(form: RegistrationForm, *, has_password: bool) -> dict[str, Any]:
    """For a form that was read: is_valid() was called. Six queries at most, however large the shelf."""
    found: dict[str, Any] = {"lines": [], "warnings": [], "twins": form_twins(form), "server": form.server}
    found["registry_kind"], found["recognised"] = _recognised(form.reference)
    if form.cleaned_data.get("type") == "vm":
        found |= _shelf(form)
    if form.spec is not None:
        told = warnings(form.spec, form.cleaned_data.get("region", ""), has_password=has_password)
        found["lines"] = call_lines(preview(form.spec, has_password=has_password))
        found["warnings"] = [*(text for _field, text in told), *found.get("elsewhere", ())]
    return found


def form_twins(form: RegistrationForm) -> list[Twin]:
    """As soon as the place and either the name or what it is made from are filled in."""
    place, kind = form.place, form.cleaned_data.get("type")
    if place is None or not kind:
        return []
    # As they came: what is already found fault with is no longer among what was cleaned.
    names = ("name", "version", "image_id" if kind == "vm" else "registry_url")
    asked = {name: str(form.data.get(name) or "").strip()[:LONGEST_TEXT].replace("\0", "") or None for name in names}
    spec = Spec(**{"type": kind, **asked, "name": asked["name"] or ""})
    return twins(*place, spec) if any(asked.values()) else []


def _recognised(reference: ContainerReference | None) -> tuple[str, str]:
    """The registry an address tells, as the form's choice has it, and that in words; "" while there is no address."""
    if reference is None:
        return "", ""
    told = {"host": reference.registry, "region": reference.region}
    if reference.enterprise:
        return "enterprise", _("The address is of ACR Enterprise in %(region)s: it asks for the instance ID.") % told
    if reference.is_acr:
        return "acr", _("The address is of ACR Personal in %(region)s.") % told
    return "other", _("The address is of %(host)s, no registry of Alibaba Cloud.") % told


def _shelf(form: RegistrationForm) -> dict[str, Any]:
    """The ECS image that was chosen, or those to choose from, and what is wrong about where it is."""
    typed = form.cleaned_data.get("image_id") or ""
    if form.place is None:
        return {}
    account, region = form.place
    chosen, regions = ecs_images.look_up(account, region, typed) if typed else (None, [])
    if chosen:
        return {"chosen": chosen}
    message = _("The shelf has this ECS image in %(there)s, not in %(here)s: an ECS image is of one region only.")
    elsewhere = [message % {"there": ", ".join(regions), "here": region}] if regions else []
    return {"ecs": ecs_images.find(account, region, typed), "region": region, "elsewhere": elsewhere}
