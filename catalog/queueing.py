"""Work for the worker: ids only, and only once the transaction that wrote the rows is committed.

PostgreSQL holds the truth and a message is only a hint (DESIGN.md, the way in): a broker that is down delays the work
until the beat's next look, and never fails or holds up the request or command that wrote it.
"""

import logging
from uuid import UUID

from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from config.celery import app

logger = logging.getLogger(__name__)


def send_on_commit(task: str, *ids: UUID) -> None:
    """Queue the task of this full name with these ids when the current transaction commits (now, if there is none)."""
    transaction.on_commit(lambda: send(task, *ids), robust=True)


def send(task: str, *ids: UUID) -> bool:
    """Queue now. False, and one line in the log, where the broker cannot be reached."""
    try:
        app.send_task(task, args=[str(row_id) for row_id in ids], retry=False)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning(
            "%s is not queued, the broker cannot be reached (%s); beat will see to it", task, type(error).__name__
        )
        return False
    return True
