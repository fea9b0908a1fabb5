from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django import template
from django.conf import settings
from django.template import Context
from django.urls import reverse

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


@register.simple_tag(takes_context=True)
def single_sign_on(context: Context) -> dict[str, str]:
    """The name and the address of the operator's provider, which leads to `next`; nothing where there is none."""
    request: Any = context.get("request")
    if not settings.OIDC or request is None:
        return {}
    there: Any = context.get("next") or request.GET.get("next") or request.POST.get("next") or ""
    url = reverse("openid_connect_login", args=[settings.OIDC["provider_id"]])
    return {"name": str(settings.OIDC["name"]), "url": f"{url}?{urlencode({'next': there})}" if there else url}
