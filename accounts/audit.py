"""One audit row for every change of anything, in the transaction that makes the change."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from accounts.models import AuditEvent, Team, User

# Whatever a change is called, a field named like this is never written down.
CENSORED = ("password", "secret", "token", "credential", "keyset")

_gathered: ContextVar[Counter[str] | None] = ContextVar("gathered", default=None)


@contextlib.contextmanager
def gathered() -> Iterator[Counter[str]]:
    """For a command that does much at once: how often each action was done meanwhile, which writes no row. Whoever
    gathers writes the one row of it all, in the same transaction.
    """
    done = Counter[str]()
    token = _gathered.set(done)
    try:
        yield done
    finally:
        _gathered.reset(token)


def record(
    team: Team | None,
    actor: User | str,
    action: str,
    *,
    target: object = "",
    target_id: UUID | None = None,
    changes: dict[str, Any] | None = None,
) -> None:
    """Write the row. `actor` is a user, or the name of a command or "sync"; `action` is `noun.past_tense`."""
    if (done := _gathered.get()) is not None:
        done[action] += 1
        return
    AuditEvent.objects.create(
        team=team.id if team else None,
        actor=actor.email if isinstance(actor, User) else actor,
        action=action,
        target=str(target)[:300],
        target_id=target_id,
        changes=_safe(changes or {}),
    )


def _safe(value: Any) -> Any:
    """JSON with what is named like a secret blotted out, however deep it lies."""
    if isinstance(value, dict):
        return {name: "••••" if _censored(str(name)) else _safe(inner) for name, inner in value.items()}
    return [_safe(inner) for inner in value] if isinstance(value, list | tuple) else value


def _censored(name: str) -> bool:
    return any(word in name.lower() for word in CENSORED)
