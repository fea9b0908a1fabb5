"""How often an address may guess: of a link whose token is its only key, and is not there.

Counted in the cache, for all web processes together; while Valkey is away each counts by itself (config/cache.py). An
IPv6 address counts with its /64, which one host has to itself. allauth limits the sign-in in the same way.
"""

import hashlib
import time

from allauth.account.adapter import get_adapter
from allauth.core.internal.ratelimit import truncate_ip
from django.core.cache import cache
from django.http import HttpRequest

MOST, WINDOW_SECONDS = 20, 300


def missed_too_often(request: HttpRequest, of: str) -> bool:
    """Whether the address has guessed wrong MOST times in these five minutes. Ask before anything is looked up: who is
    told nothing about a right guess cannot make one.
    """
    return int(cache.get(_key(request, of), 0)) >= MOST


def note_miss(request: HttpRequest, of: str) -> None:
    """This was a wrong guess."""
    key = _key(request, of)
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        cache.incr(key)
    except ValueError:  # its time was over in between
        cache.set(key, 1, WINDOW_SECONDS)


def _key(request: HttpRequest, of: str) -> str:
    address = truncate_ip(get_adapter().get_client_ip(request))
    window = int(time.time() // WINDOW_SECONDS)
    return f"misses:{of}:{window}:{hashlib.sha256(address.encode()).hexdigest()[:32]}"
