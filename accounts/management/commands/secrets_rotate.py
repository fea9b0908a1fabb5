from typing import Any

from accounts.management.base import PlainCommand
from accounts.management.told_keys import refuse_unreadable
from accounts.rotation import rotate


class Command(PlainCommand):
    help = (
        "Seal every stored secret with the keyset's primary key. Killed half-way, the next time goes on; it removes "
        "nothing. Exits 0 when all are, 1 when some do not open: those stay as they are. See docs/keys.md."
    )

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        done = rotate("secrets_rotate", self.say)
        document = {"key": done.key, "resealed": done.resealed, "unreadable": len(done.left)}
        self.tell(document, f"{done.resealed} secrets are sealed with the key {done.key} now.", json)
        refuse_unreadable(self, done.left)

    def say(self, done: int, total: int) -> None:
        """On stderr, so that --json is one document."""
        self.complain(f"{done} of {total}")
