"""Who made a correction, or took it back: a change keeps no name, the audit trail does."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from accounts.models import AuditEvent

_ACTIONS = ("image.overridden", "image.override_removed")
# A change has the time its transaction began, by the database's clock; its audit row the web's, a little later.
_CLOCKS = timedelta(minutes=2)


class Told(Protocol):
    """A change, whether as a row of the model or of a page."""

    @property
    def id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def image_id(self) -> UUID: ...
    @property
    def kind(self) -> str: ...
    @property
    def field(self) -> str: ...
    @property
    def before(self) -> str | None: ...
    @property
    def after(self) -> str | None: ...


def correctors(team_id: UUID, changes: Iterable[Told]) -> dict[int, str]:
    """Whose corrections these are, by the id of the change. One query, none where nobody corrected."""
    wanted = [change for change in changes if change.kind in ("corrected", "restored")]
    if not wanted:
        return {}
    events = AuditEvent.objects.filter(
        team=team_id,
        action__in=_ACTIONS,
        target_id__in={change.image_id for change in wanted},
        at__gte=min(change.at for change in wanted) - _CLOCKS,
        at__lte=max(change.at for change in wanted) + _CLOCKS,
    )
    found: dict[int, str] = {}
    rows = list(events.values_list("target_id", "at", "changes", "actor"))
    for change in wanted:
        said = [change.before, change.after]
        same = [
            (abs(at - change.at), actor)
            for target, at, told, actor in rows
            if target == change.image_id and told.get(change.field) == said and abs(at - change.at) < _CLOCKS
        ]
        if same:
            found[change.id] = min(same)[1]
    return found
