"""What never gets into the log, and what a line of it tells beside."""

import logging
import re
from typing import Any

from django.http import HttpRequest

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


class TellWho(logging.Filter):
    """A line on a request that was refused or failed ends with who asked, as far as that is known without asking the
    database: nobody was signed in, or nothing looked.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest):
            record.msg, record.args = f"{record.getMessage()} ({_who(request)})", ()
        return True


def _who(request: HttpRequest) -> str:
    from allauth.account.adapter import get_adapter  # needs the models, which are not there when the log begins

    email = getattr(getattr(request, "_cached_user", None), "email", None)
    return f"{email or 'nobody'} from {get_adapter(request).get_client_ip(request)}"
