from typing import Any

from allauth.account.adapter import get_adapter
from django import template
from django.template import Context

from accounts.kept_forms import FIELD

register = template.Library()


@register.simple_tag(takes_context=True)
def kept_form(context: Context) -> str:
    """The form behind the sign-in page (accounts/kept_forms.py), also where the sign-in failed once. A template that
    does not find a name logs all of what it looked in: here that would be what was posted, with the password.
    """
    request: Any = context.get("request")
    return str(context.get("kept") or (request.POST.get(FIELD) if request else None) or "")


@register.simple_tag(takes_context=True)
def signup_open(context: Context) -> bool:
    """Whether a stranger may make an account here."""
    request: Any = context.get("request")
    return bool(get_adapter(request).is_open_for_signup(request))
