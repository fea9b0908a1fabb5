"""One audit row for every change of anything, in the transaction that makes the change."""

from typing import Any
from uuid import UUID

from accounts.models import AuditEvent, Team, User

# Whatever a change is called, a field named like this is never written down.
CENSORED = ("password", "secret", "token", "credential", "keyset")


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
    AuditEvent.objects.create(
        team=team.id if team else None,
        actor=actor.email if isinstance(actor, User) else actor,
        action=action,
        target=str(target)[:300],
        target_id=target_id,
        changes={name: "••••" if _censored(name) else value for name, value in (changes or {}).items()},
    )


def _censored(name: str) -> bool:
    return any(word in name.lower() for word in CENSORED)
