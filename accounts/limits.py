"""How often somebody may try, counted by allauth in the cache (config/cache.py: also while Valkey is away)."""

from allauth.core.internal import ratelimit
from django.http import HttpRequest

# Of an address, wrong links of invitations and wrong addresses of feeds; of a person, invitations sent and teams made.
RATES = {"invitation_guess": "20/10m/ip", "feed_guess": "20/5m/ip", "invitation": "100/h/user", "team": "20/d/user"}


def is_over(request: HttpRequest, action: str) -> bool:
    """Whether they have tried as often as they may, for now. Counts nothing."""
    return not _consume(request, action, dry_run=True)


def count(request: HttpRequest, action: str) -> bool:
    """Count one try; whether it may be made."""
    return _consume(request, action, dry_run=False)


def _consume(request: HttpRequest, action: str, *, dry_run: bool) -> bool:
    used = ratelimit.consume(request, app="accounts", action=action, config=RATES, limit_get=True, dry_run=dry_run)
    return used is not None
