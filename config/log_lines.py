"""A line of the log: when, with the zone, how grave, from where, what. What it tells cannot begin a line of its own."""

import logging
import re
from typing import Any

# Control characters, and what some readers take for the end of a line.
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Line(logging.Formatter):
    """Strangers' texts, a cloud's or an address's, stay within their line; a traceback's lines are indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _kept_in(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return "\n".join(f"  {_kept_in(line)}" for line in super().formatException(ei).splitlines())


def _kept_in(text: str) -> str:
    return _BREAKS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
