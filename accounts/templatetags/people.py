from typing import Any

from allauth.account.adapter import get_adapter
from django import template
from django.template import Context

register = template.Library()


@register.simple_tag(takes_context=True)
def signup_open(context: Context) -> bool:
    """Whether a stranger may make an account here."""
    request: Any = context.get("request")
    return bool(get_adapter(request).is_open_for_signup(request))
