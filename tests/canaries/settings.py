"""Bootshelf's own settings, with everything that could tell something turned on.

The real processes of the hunt run with these: every logger at DEBUG, an operator who is mailed every error, mails as
files, and a reporter that is told of each error and prints what it finds in the frames.
"""

import os
from pathlib import Path
from typing import Any

from celery.signals import setup_logging, worker_init

from catalog.providers import wire
from config.settings import *  # noqa: F403
from config.settings import LOGGING as _LOGGING
from config.settings import STORAGES as _STORAGES

_PLACE = Path(os.environ["CANARY_PLACE"])

LOGGING_CONFIG = "tests.canaries.reporter.tell_everything"
LOGGING = _LOGGING | {
    "handlers": _LOGGING["handlers"]
    | {"reporter": {"class": "tests.canaries.reporter.Reporter", "place": str(_PLACE)}},
    "root": {"handlers": ["console", "reporter"], "level": "DEBUG"},
    "loggers": {},
}
ADMINS = ["operator@example.org"]
MAIL_IS_SET = True
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "OPTIONS": {"file_path": str(_PLACE / "mails")},
    }
}
STORAGES = _STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# Nobody waits long for a cloud in trouble.
SYNC_PATIENCE_SECONDS = FOREGROUND_PATIENCE_SECONDS = PATIENCE = 0.3  # type: ignore[assignment]
wire.READ_SECONDS = 1


@worker_init.connect(weak=False)
def wait_for_nobody(**told: Any) -> None:
    from catalog import connection_tests, lookups

    connection_tests.PATIENCE = lookups.PATIENCE = PATIENCE


@setup_logging.connect(weak=False)
def leave_logging_alone(**told: Any) -> None:
    """Celery would set the level it is started with."""
