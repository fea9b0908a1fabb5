"""How a command that changes a cloud tells its outcome."""

import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from accounts.management.base import PlainCommand

EXIT_CODES = {"succeeded": 0, "rejected": 1, "unknown": 3}


def end(command: PlainCommand, state: str, image_id: str | None, error: Mapping[str, Any] | None) -> NoReturn:
    """Print the outcome and exit. A call that is still under way, in this process or another, is unknown."""
    outcome = {"seen": "succeeded"}.get(state, state if state in EXIT_CODES else "unknown")
    told = {name: error[name] for name in ("operation", "code", "message", "request_id")} if error else None
    command.tell({"state": outcome, "image_id": image_id, "error": told}, "", True)
    if told:
        command.complain(f"{told['operation']}: {told['code']}: {told['message']}")
    sys.exit(EXIT_CODES[outcome])
