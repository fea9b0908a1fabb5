"""Batches of registrations, as their tests make them."""

import csv
import io
from typing import Any

from accounts.models import CloudAccount, User
from catalog import actions, batch_files, batches, tasks
from catalog.models import Batch, Registration
from tests.catalog.registration.asked import CONTAINER, VM

MANY = "/t/aero/registrations/many/"


def vms(n: int, **fields: Any) -> list[dict[str, Any]]:
    """So many VM images, each of a name and an ECS image of its own."""
    return [VM | {"name": f"image-{i}", "image_id": f"m-{i:04}"} | fields for i in range(1, n + 1)]


def containers(n: int, **fields: Any) -> list[dict[str, Any]]:
    return [CONTAINER | {"name": f"container-{i}"} | fields for i in range(1, n + 1)]


def as_csv(rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def checked(rows: list[dict[str, Any]], region: str = "cn-hangzhou") -> batches.Check:
    check = batches.check_file(batch_files.read_text(as_csv(rows), "images.csv"), region)
    assert not check.errors, check.errors
    return check


def drafted(account: CloudAccount, user: User, rows: list[dict[str, Any]]) -> Batch:
    return actions.draft_batch(account.team, user, account, "images.csv", checked(rows))


def confirmed(account: CloudAccount, user: User, rows: list[dict[str, Any]]) -> Batch:
    """A batch that waits for a worker."""
    draft = drafted(account, user, rows)
    return actions.confirm_batch(account.team, user, draft.id, expected=len(rows), passwords={})


def work(batch: Batch, most: int = 1_000) -> None:
    """What a worker does with the batch's messages, one after another."""
    for _message in range(most):
        if not Registration.objects.filter(batch=batch, state="pending").exists():
            return
        tasks.register_batch(str(batch.id))


def states(batch: Batch) -> list[str]:
    return list(Registration.objects.filter(batch=batch).order_by("batch_at").values_list("state", flat=True))
