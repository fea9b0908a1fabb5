"""A list of registrations sent by a command, in its own process, without a worker or a broker.

What it wrote down is the same batch as a file's from the web. Killed, it is gone on with by whoever comes first: the
worker, where there is one, or the same command given again, which finds each image where it was.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.utils import timezone

from accounts.management.base import fit
from accounts.models import CloudAccount, Team
from catalog import actions, batch_results, batch_sending, registration, writes
from catalog.batches import Check, LeftOut, Row
from catalog.models import Batch, Registration
from catalog.registration import ADD_IMAGE

LOOK_SECONDS = 0.5
WIDTHS = {"row": 5, "state": 10, "name": 36, "version": 14, "region": 16, "image_id": 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`state` is succeeded, on_shelf (before this command), rejected, not_sent or unknown."""

    row: int
    name: str
    version: str | None
    region: str
    state: str
    image_id: str | None = None
    error: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def header() -> str:
        return "  ".join(fit(title.upper().replace("_", " "), width) for title, width in WIDTHS.items()).rstrip()

    def line(self) -> str:
        """A line of the table; an error takes the place of the image's id."""
        cells = {name: str(value or "") for name, value in self.as_dict().items() if name in WIDTHS}
        shown = [fit(cells[name], width) for name, width in WIDTHS.items() if not (self.error and name == "image_id")]
        if self.error:
            shown.append(fit(f"{self.error['code']}: {self.error['message']}", 120))
        return "  ".join(shown).rstrip()


class Sending:
    """The images of a checked list, sent as they are asked for, an outcome each. Raises ActionError at once."""

    def __init__(
        self, team: Team, actor: str, account: CloudAccount, title: str, check: Check, patience_seconds: float
    ) -> None:
        self._team, self._actor, self._patience, self._rows = team, actor, patience_seconds, check.rows
        self._batch, self._out = actions.create_batch(team, actor, account, title, check)
        self._told: dict[int, str] = {}

    def __iter__(self) -> Iterator[Outcome]:
        for row in self._rows:
            out = self._out.get(row.id)
            if out is None or out.registration:
                self._send(out.registration if out and out.registration else self._own(row), is_new=out is None)
            yield self._tell(row)

    def interrupted(self) -> Iterator[Outcome]:
        """What this command was to send and did not is cancelled; the outcomes that are not told yet."""
        found = [out.registration.batch for out in self._out.values() if out.registration]
        own = {batch.id: batch for batch in [self._batch, *found] if batch and self._is_own(batch)}
        for batch in own.values():
            actions.cancel_batch(self._team, self._actor, batch)
        for row in self._rows:
            if row.at not in self._told:
                yield self._tell(row)

    def states(self) -> Counter[str]:
        return Counter(self._told.values())

    def _is_own(self, batch: Batch) -> bool:
        return batch.author_id is None and batch.requested_by == self._actor

    def _own(self, row: Row) -> Registration:
        return Registration.objects.get(team=self._team, id=row.id)

    def _send(self, one: Registration, *, is_new: bool) -> None:
        """Take it to its end, or wait for whoever has it. What nobody knew the outcome of is looked up, not sent."""
        registration.register(one.id, self._patience)
        deadline = time.monotonic() + self._patience
        one.refresh_from_db()
        while one.state in ("pending", "sending") and time.monotonic() < deadline:
            if one.sent_at and one.sent_at < timezone.now() - writes.LONGEST_CALL:
                message = "The process that made the call was stopped."
                writes.unknown(ADD_IMAGE, one, ADD_IMAGE.interrupted(message))
            else:
                time.sleep(LOOK_SECONDS)
            one.refresh_from_db()
        if one.state == "unknown" and not is_new and one.cloud_account:
            ADD_IMAGE.look_up(one)
        if one.batch_id:
            batch_sending.stop_if_hopeless(one.batch_id)

    def _tell(self, row: Row) -> Outcome:
        outcome = _outcome(self._team, row, self._out.get(row.id))
        self._told[row.at] = outcome.state
        return outcome


def _outcome(team: Team, row: Row, out: LeftOut | None) -> Outcome:
    """How it is now. A call that is still under way, in another process, is unknown."""
    facts: dict[str, Any] = {
        "row": row.at, "name": row.spec.name, "version": row.spec.version, "region": row.region,
    }  # fmt: skip
    if out and out.image:
        return Outcome(**facts, state="on_shelf", image_id=out.image.remote_id)
    one = Registration.objects.get(team=team, id=out.registration.id if out and out.registration else row.id)
    group = batch_results.group_of(one)
    state = {"registered": "succeeded", "waiting": "unknown"}.get(group, group)
    error = {name: one.error[name] for name in ("operation", "code", "message", "request_id")} if one.error else None
    return Outcome(**facts, state=state, image_id=one.remote_id, error=error)
