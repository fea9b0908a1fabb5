"""{% history_of registration %}: how it came to be what it is, below whatever page shows it."""

from typing import Any

from django import template
from django.template import Context

from catalog.models import Registration
from catalog.registration_history import audit_rows, registration_history

register = template.Library()


@register.inclusion_tag("catalog/_registration_history.html", takes_context=True)
def history_of(context: Context, registration: Registration) -> dict[str, Any]:
    request: Any = context.get("request")
    is_part = bool(request and request.htmx and not request.htmx.boosted)  # beside what HTMX asked for
    return {"history": registration_history(registration, audit_rows(registration)), "oob": is_part}
