"""How often a cloud is asked: one bucket of turns for each cloud account, product and region, shared by all workers.

The bucket is a row in Valkey: one time, when the next turn is free (the generic cell rate algorithm). A request takes
the next turn and waits for it by itself, so that nobody polls and the first to ask is the first to go. Losing the row,
or Valkey, loses one second's worth of calls at most: while it is away each process keeps the pace alone, and no sync
fails for it.
"""

import functools
import logging
import threading
import time
from uuid import UUID

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from catalog.providers.base import Pace

logger = logging.getLogger(__name__)

# Valkey is asked before each call of a cloud: one that does not answer in this time is as good as gone,
ANSWER_SECONDS = 0.5
# and is not asked again for so long.
AWAY_SECONDS = 5.0

# KEYS: the bucket. ARGV: microseconds between turns, those it may be ahead (the burst), the longest wait.
# All times are the server's, so that a worker's clock does not matter. Returns the wait, or -1 and takes nothing.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = tonumber(redis.call('GET', KEYS[1]) or 0)
if free > now + 3600000000 then free = 0 end -- the clock was set back
local turn = math.max(free, now - ARGV[2])
local wait = math.max(0, turn - now)
if wait > tonumber(ARGV[3]) then return -1 end
free = turn + ARGV[1]
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', math.ceil((free + ARGV[2] - now) / 1000) + 1000)
return wait
"""


def pace_of(team_id: UUID, account_id: UUID) -> Pace:
    """The pace of one cloud account: PROVIDER_CALLS_PER_SECOND to each product and region, a second's worth at once."""

    def take(product: str, region: str, longest: float) -> float | None:
        return take_turn(f"pace:{team_id}:{account_id}:{product}:{region}", settings.PROVIDER_CALLS_PER_SECOND, longest)

    return take


def take_turn(key: str, per_second: int, longest: float) -> float | None:
    """Seconds to wait for the next turn of this bucket, which is taken; None, and none taken, if they are more than
    `longest`."""
    global _away_until
    interval = max(1, round(1_000_000 / per_second))
    burst = interval * (per_second - 1)
    if time.monotonic() >= _away_until:
        try:
            wait = int(_script()(keys=[key], args=[interval, burst, round(longest * 1_000_000)]))
        except RedisError as error:
            _away_until = time.monotonic() + AWAY_SECONDS
            # No warning: a worker without its broker says so loudly, and `manage sync` is meant to run without one.
            logger.debug("calls are paced by this process alone, Valkey is away (%s)", type(error).__name__)
        else:
            return None if wait < 0 else wait / 1_000_000
    return _take_alone(key, interval, burst, longest)


_away_until = 0.0
_alone: dict[str, float] = {}
_lock = threading.Lock()


def _take_alone(key: str, interval: int, burst: int, longest: float) -> float | None:
    """The same, in this process."""
    with _lock:
        now = time.monotonic()
        for old in [old for old, free in _alone.items() if free < now - burst / 1_000_000]:
            del _alone[old]
        turn = max(_alone.get(key, 0.0), now - burst / 1_000_000)
        wait = max(0.0, turn - now)
        if wait > longest:
            return None
        _alone[key] = turn + interval / 1_000_000
        return wait


@functools.cache
def _script() -> "redis.commands.core.Script":
    """One client for the process: its connections are made anew after a fork."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1),  # a connection that was idle for long may be gone
    )
    return client.register_script(TAKE)
