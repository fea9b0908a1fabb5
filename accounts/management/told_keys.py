"""What commands tell of secrets that do not open: counts, ids and places, never a secret or a ciphertext."""

import sys
from collections import Counter
from collections.abc import Sequence

from accounts.management.base import PlainCommand
from accounts.rotation import MOST_TOLD, Unreadable


def refuse_unreadable(command: PlainCommand, lost: Sequence[Unreadable]) -> None:
    """Exit 1 with one line where secrets do not open."""
    if lost:
        keys = Counter(one.key for one in lost)
        by = ", ".join(
            f"{n} sealed with {'an unknown key' if key is None else f'the key {key}'}" for key, n in keys.items()
        )
        command.complain(
            f"{len(lost)} secrets do not open with this keyset: {by}. Put the key back, or enter these credentials "
            "again; `manage secrets_doctor --json` names them."
        )
        sys.exit(1)


def places(lost: Sequence[Unreadable]) -> list[dict[str, object]]:
    """The first of them, for machines."""
    return [
        {
            "team": one.team and str(one.team),
            "table": one.table,
            "row": str(one.row),
            "field": one.field,
            "key": one.key,
        }
        for one in lost[:MOST_TOLD]
    ]
