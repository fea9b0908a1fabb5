"""What became of a batch: how many of each, each image's outcome in words, and both as a table to take away."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.batch_files import as_yaml
from catalog.batches import STOPPED
from catalog.errors import Explanation, explain
from catalog.export import BOM, guarded
from catalog.models import Batch, Registration
from catalog.registration import spec_of

# The order in which a page names them, what needs a person first.
GROUPS: dict[str, tuple[Promise, str]] = {
    "unknown": (_("Outcome unknown"), "warn"),
    "rejected": (_("Rejected"), "bad"),
    "not_sent": (_("Not sent"), "bad"),
    "waiting": (_("Waiting"), "accent"),
    "registered": (_("Registered"), "ok"),
}
AGAIN = ("rejected", "not_sent")
COLUMNS = (
    "row", "state", "name", "version", "type", "region", "image_id", "request_id", "error_code", "error",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tally:
    """How many registrations of a batch are in each group."""

    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        return self.counts["waiting"]

    @property
    def done(self) -> int:
        return self.total - self.waiting

    @property
    def again(self) -> int:
        return sum(self.counts[group] for group in AGAIN)


@dataclass(frozen=True, slots=True)
class Result:
    registration: Registration
    group: str
    explanation: Explanation | None

    @property
    def tone(self) -> str:
        return GROUPS[self.group][1]


def tally(batch: Batch) -> Tally:
    """One query."""
    found = Counter(group for _id, group in _grouped(batch))
    return Tally({group: found[group] for group in GROUPS})


def rows_in(batch: Batch, *groups: str) -> list[UUID]:
    """The ids of its registrations in these groups, in the file's order; all, if none is named."""
    return [row_id for row_id, group in _grouped(batch) if not groups or group in groups]


def results(ids: Iterable[UUID], batch: Batch) -> list[Result]:
    """The outcomes of these registrations of the batch, in the file's order."""
    rows = Registration.objects.filter(team_id=batch.team_id, batch=batch, id__in=list(ids))
    return [Result(one, group_of(one), _explained(one)) for one in rows.order_by("batch_at", "id")]


def group_of(one: Registration) -> str:
    if one.state == "rejected":
        return "not_sent" if one.was_not_sent else "rejected"
    return {"succeeded": "registered", "seen": "registered", "unknown": "unknown"}.get(one.state, "waiting")


def why_stopped(batch: Batch) -> Registration | None:
    """The image whose refusal stopped the batch, if one did."""
    own = Registration.objects.filter(team_id=batch.team_id, batch=batch)
    if not own.filter(state="rejected", error__code=STOPPED).exists():
        return None
    return own.filter(sent_at__isnull=False, error__isnull=False).order_by("-sent_at", "-batch_at").first()


def again(batch: Batch) -> str:
    """What was rejected or not sent, as a text to check, correct and register again."""
    return as_yaml(
        {"region": one.registration.region, **spec_of(one.registration).as_dict()}
        for one in results(rows_in(batch, *AGAIN), batch)
    )


def as_csv(batch: Batch) -> bytes:
    """All results. No cell is a formula, and Excel knows it for UTF-8."""
    lines = [_cells(one) for one in results(rows_in(batch), batch)]
    columns = [guarded(list(column)) for column in zip(*lines, strict=True)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(zip(*columns, strict=True))
    return BOM + out.getvalue().encode()


def _cells(one: Result) -> tuple[str, ...]:
    row, error = one.registration, one.registration.error or {}
    cells: tuple[Any, ...] = (
        row.batch_at, one.group if one.group == "not_sent" else row.state, row.name, row.version, row.type, row.region,
        row.remote_id, row.request_id, error.get("code"), one.explanation.title if one.explanation else None,
    )  # fmt: skip
    return tuple("" if cell is None else str(cell) for cell in cells)


def _explained(one: Registration) -> Explanation | None:
    return explain(one.error, retried=False) if one.error and one.state in ("rejected", "unknown") else None


def _grouped(batch: Batch) -> list[tuple[UUID, str]]:
    rows = Registration.objects.filter(team_id=batch.team_id, batch=batch).order_by("batch_at", "id")
    return [(one.id, group_of(one)) for one in rows.only("state", "sent_at")]
