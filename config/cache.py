"""Django's cache: in Valkey, shared by all web processes; in the process itself while Valkey is away.

It counts how often people try to sign in: if it failed with Valkey, nobody could, and if it did without, nothing would
limit who guesses passwords.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

# A page waits for it: a Valkey that does not answer in this time is as good as gone,
ANSWER_SECONDS = 0.5
# and is not asked again for so long.
AWAY_SECONDS = 5.0

_away_until = 0.0


class Cache(RedisCache):
    """In settings: {"BACKEND": "config.cache.Cache", "LOCATION": REDIS_URL, "KEY_PREFIX": ...}."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        own = {name: value for name, value in params.items() if name != "OPTIONS"}
        again = Retry(NoBackoff(), 1)  # a connection that was idle for long may be gone
        times = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
        super().__init__(server, own | {"OPTIONS": {"retry": again, **times}})
        self.own = LocMemCache("while Valkey is away", own)


def _either(name: str) -> Callable[..., Any]:
    """The method of this name, by Valkey or else by the process's own."""

    def call(cache: Cache, *words: Any, **options: Any) -> Any:
        global _away_until
        if time.monotonic() >= _away_until:
            try:
                return getattr(RedisCache, name)(cache, *words, **options)
            except RedisError as error:
                _away_until = time.monotonic() + AWAY_SECONDS
                logger.warning("the cache is this process's own, Valkey is away (%s)", type(error).__name__)
        return getattr(cache.own, name)(*words, **options)

    return call


_ALL = ("add", "clear", "delete", "delete_many", "get", "get_many", "has_key", "incr", "set", "set_many", "touch")
for _name in _ALL:
    setattr(Cache, _name, _either(_name))
