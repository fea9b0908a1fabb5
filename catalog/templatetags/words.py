"""The words and the tone of stored values: {{ run.state|run_state }}, class="badge {{ run.state|run_tone }}"."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.models import SITES, VENDORS
from catalog.changes import ChangeFilter
from catalog.models import Registration, RegistrationState, RunState
from catalog.requests import outcome
from catalog.sources import RUN_TONES

register = template.Library()

ENDED = {"withdrawn": (_("Withdrawn"), ""), "expired": (_("Expired"), "warn"), "dropped": (_("Not sent"), "")}
REGISTRATION_TONES = {
    "requested": "accent", "declined": "bad", "pending": "accent", "sending": "accent", "succeeded": "ok", "seen": "ok",
    "rejected": "bad", "unknown": "warn",
}  # fmt: skip


@register.filter
def vendor_name(vendor: str) -> Any:
    return VENDORS.get(vendor, vendor)


@register.filter
def site_name(site: str) -> Any:
    return SITES.get(site, site)


@register.filter
def run_state(state: str) -> Any:
    return RunState(state).label if state in RunState.values else state


@register.filter
def run_tone(state: str) -> str:
    return RUN_TONES.get(state, "accent")


@register.filter
def registration_state(state: str) -> Any:
    return RegistrationState(state).label if state in RegistrationState.values else state


@register.filter
def registration_tone(state: str) -> str:
    return REGISTRATION_TONES.get(state, "")


@register.filter
def registration_badge(registration: Registration) -> SafeString:
    """Its state; of what was never sent, that; of a request that nobody declined, how it ended else."""
    words, tone = ENDED.get("dropped" if registration.was_not_sent else registration.decision) or (
        registration_state(registration.state),
        registration_tone(registration.state),
    )
    return format_html('<span class="badge {}">{}</span>', tone, words)


@register.filter
def request_outcome(asked: Registration) -> str:
    return outcome(asked)


@register.filter
def choices_of(asked: ChangeFilter, dimension: str) -> list[tuple[str, str, bool]]:
    return asked.options(dimension)
