"""What never gets into the log."""

import logging
import re
from typing import Any

_KEYS = re.compile(r"/(feeds|invitations)/[^/\s\"']+")


class HideFeeds(logging.Filter):
    """The address of a feed, or of an invitation, is its key: of an address that failed, the log shows the rest."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _hidden(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(map(_hidden, record.args))
        return True


def _hidden(value: Any) -> Any:
    return _KEYS.sub(r"/\1/…", value) if isinstance(value, str) else value
