from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.actions import ActionError, Actor
from accounts.models import User
from catalog import providers
from catalog.providers import Provider

__all__ = ["ActionError", "Actor", "actor_name", "checked_provider", "checked_region", "plain"]


def actor_name(actor: Actor) -> str:
    return actor.email if isinstance(actor, User) else actor


def checked_provider(kind: str, vendor: str) -> Provider:
    """The provider of this kind, which must be the vendor's."""
    provider = providers.PROVIDERS.get(kind)
    if provider is None:
        known = ", ".join(providers.PROVIDERS)
        raise ActionError(
            "kind", _("There is no kind %(kind)r: choose one of %(known)s.") % {"kind": kind, "known": known}
        )
    if provider.vendor != vendor:
        raise ActionError("kind", _("An account of %(vendor)s has no %(kind)s.") % {"vendor": vendor, "kind": kind})
    return provider


def checked_region(region: str) -> str:
    region = region.strip()
    if not providers.is_region(region):
        message = _("%(region)r is not a region: it has 2 to 40 small letters, digits and hyphens, as in cn-hangzhou.")
        raise ActionError("regions", message % {"region": region[:60]})
    return region


def plain(value: Any) -> Any:
    """A value as an audit row's JSON holds it."""
    return value.isoformat() if isinstance(value, datetime) else value
