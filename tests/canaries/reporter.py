"""An error reporter as people add them to a project: told of each error, it prints the variables of its frames."""

import io
import logging
import logging.config
import os
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from django.views.debug import ExceptionReporter
from rich.traceback import Traceback

from tests.canaries.planted import shown

type Raised = tuple[type[BaseException], BaseException, TracebackType | None]


def report(raised: Raised, request: Any = None) -> str:
    """All that the standard library, rich and Django's own reports tell of it, in this order."""
    out = io.StringIO()
    out.writelines(traceback.TracebackException(*raised, capture_locals=True).format())
    told = Traceback.extract(*raised, show_locals=True, locals_hide_dunder=False, locals_max_length=None,
                             locals_max_string=None)  # fmt: skip
    for stack in told.stacks:
        for frame in stack.frames:
            out.writelines(f"{name} = {node}\n" for name, node in (frame.locals or {}).items())
    django = ExceptionReporter(request, *raised)
    out.write(django.get_traceback_html())
    out.write(django.get_traceback_text())
    out.write(shown(raised[1]).decode())
    return out.getvalue()


class Reporter(logging.Handler):
    """Writes a file in `place`/reports for each warning and error that comes with an exception."""

    def __init__(self, place: str) -> None:
        super().__init__(logging.WARNING)
        self.place = Path(place) / "reports"
        self.place.mkdir(parents=True, exist_ok=True)

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.write(record.exc_info, getattr(record, "request", None))

    def write(self, raised: Raised, request: Any = None) -> None:
        _own.writes = True
        try:
            text = report(raised, request)
        except Exception:  # a database that is away, as for the report's own user
            text = report(raised)
        finally:
            _own.writes = False
        with (self.place / f"{os.getpid()}.txt").open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


_own = threading.local()


def tell_everything(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: every logger there is, and every one to come, tells all it has to tell."""
    logging.config.dictConfig(config)
    for name in [None, *logging.root.manager.loggerDict]:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG if name is None else logging.NOTSET)
        logger.propagate = True
    # What Django's report does not find in its own template is nothing of the product's.
    logging.getLogger("django.template").addFilter(lambda record: not getattr(_own, "writes", False))
    reporter = next(handler for handler in logging.root.handlers if isinstance(handler, Reporter))

    def uncaught(*raised: Any) -> None:
        reporter.write(raised)
        sys.__excepthook__(*raised)

    sys.excepthook = uncaught
    threading.excepthook = lambda told: uncaught(*told[:3])
