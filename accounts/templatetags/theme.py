from typing import Any

from django import template
from django.conf import settings
from django.template import Context

from accounts.views.personal import THEMES

register = template.Library()


@register.simple_tag(takes_context=True)
def chosen_theme(context: Context) -> str:
    """One of THEMES: what this browser keeps, else what the person chose elsewhere."""
    request: Any = context.get("request")
    kept = request.COOKIES.get(settings.THEME_COOKIE_NAME) if request else None
    chosen = kept or getattr(context.get("user"), "preferences", {}).get("theme")
    return str(chosen) if chosen in THEMES else "system"
