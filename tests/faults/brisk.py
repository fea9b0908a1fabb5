"""The product's settings for processes whose patience nobody needs to wait for: they do the same, sooner."""

from catalog import locks
from config.settings import *  # noqa: F403
from config.settings import CELERY_BEAT_SCHEDULE

CELERY_BEAT_SCHEDULE["reconcile"]["schedule"] = 3.0
# Said to the database by who takes the lock; nobody has taken it yet.
locks.LOCK_SQL = locks.LOCK_SQL.replace(f"'{locks.SILENT_SECONDS}s'", "'5s'")
assert "'5s'" in locks.LOCK_SQL
