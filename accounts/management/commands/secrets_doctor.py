from typing import Any

from accounts.keysets import Key
from accounts.management.base import PlainCommand
from accounts.management.told_keys import places, refuse_unreadable
from accounts.rotation import Examined, examine


class Command(PlainCommand):
    help = (
        "Open every stored secret, showing none, and tell which keys of the keyset are in use and which may go. "
        "Exits 0 when all open, 1 when some do not. See docs/keys.md."
    )

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        found = examine()
        total = found.used.total() + len(found.unreadable)
        keys = [
            {
                "id": key.id, "primary": key.is_primary, "enabled": key.is_enabled, "secrets": found.used[key.id],
                "may_go": may_go(key, found),
            }
            for key in found.keys
        ]  # fmt: skip
        document = {
            "secrets": total, "opened": found.used.total(), "keys": keys, "unreadable": places(found.unreadable)
        }  # fmt: skip
        lines = [f"{found.used.total()} of {total} secrets open."]
        lines += [f"key {key.id}: {advice(key, found)}" for key in found.keys]
        self.tell(document, "\n".join(lines), json)
        refuse_unreadable(self, found.unreadable)


def may_go(key: Key, found: Examined) -> bool:
    """A key that sealed nothing that is there. While something does not open none goes: it may be what is sought."""
    return not key.is_primary and key.has_prefix and not found.used[key.id] and not found.unreadable


def advice(key: Key, found: Examined) -> str:
    if key.is_primary:
        return f"the primary one, {found.used[key.id]} secrets"
    if may_go(key, found):
        return f"not in use, may go: manage keyset drop {key.id}"
    state = "in use" if found.used[key.id] else "kept"
    return f"{state}, {found.used[key.id]} secrets{'' if key.is_enabled else ', disabled'}"
