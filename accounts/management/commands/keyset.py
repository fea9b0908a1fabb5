import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.keysets import Key, Keyset, keys_of, with_new_key, with_primary, without
from accounts.management.base import PlainCommand, whole_number
from accounts.rotation import sealed_by
from accounts.secrets import keyset_text
from config.private import write_private


class Command(PlainCommand):
    help = (
        "Show the keys of the keyset by their ids, add one, promote one to seal from now on, or drop one that is not "
        "in use. The file of BOOTSHELF_KEYSET_FILE is replaced as a whole, mode 0600; a keyset that is given in the "
        "variable is printed, for you to put there. See docs/keys.md for the order of a rotation."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("do", choices=("show", "add", "promote", "drop"))
        parser.add_argument("key", nargs="?", metavar="KEY", help="the id of the key to promote or drop")
        parser.add_argument("--print", action="store_true", help="print the keyset that it comes to, and write nothing")

    def handle(self, *args: Any, do: str, key: str | None, json: bool, **options: Any) -> None:
        if (key is None) != (do in ("show", "add")):
            raise CommandError(f"`keyset {do}` takes {'no key' if key else 'the id of a key'}.")
        key_id = None if key is None else whole_number(key, "KEY", digits=10)
        path = os.environ.get("BOOTSHELF_KEYSET_FILE")
        made, said = self.changed(do, key_id)
        if path and do != "show" and not options["print"]:
            _write(Path(path), made)
        document = {
            "keys": [{"id": one.id, "primary": one.is_primary, "enabled": one.is_enabled} for one in keys_of(made)]
        }
        if do == "show":
            self.tell(document, "\n".join(map(_line, keys_of(made))), json)
        elif path and not options["print"]:
            self.tell(document, f"{said} Back {path} up again.", json)
        else:
            self.stdout.write(made.reveal())
            self.complain(f"{said} Put the keyset above where the old one was.")

    def changed(self, do: str, key_id: int | None) -> tuple[Keyset, str]:
        """The keyset, read now, as it is to be; and what to do next."""
        keyset = keyset_text()
        if key_id is None:
            return with_added(keyset) if do == "add" else (keyset, "")
        if do == "promote":
            said = f"The key {key_id} seals. Restart Bootshelf everywhere, then: manage secrets_rotate."
            return with_primary(keyset, key_id), said
        left = without(keyset, key_id)
        if used := next(sealed_by(key) for key in keys_of(keyset) if key.id == key_id):
            raise CommandError(f"{used} secrets are sealed with the key {key_id}: run `manage secrets_rotate` before.")
        return left, f"The key {key_id} is gone. Restart Bootshelf everywhere."


def with_added(keyset: Keyset) -> tuple[Keyset, str]:
    made, key_id = with_new_key(keyset)
    return made, f"The key {key_id} is added. Restart Bootshelf everywhere, then: manage keyset promote {key_id}."


def _line(key: Key) -> str:
    return f"{key.id}{' primary' if key.is_primary else ''}{'' if key.is_enabled else ' disabled'}"


def _write(path: Path, keyset: Keyset) -> None:
    try:
        write_private(path, keyset.reveal())
    except OSError as error:
        raise CommandError(
            f"{path} cannot be replaced: {error.strerror}. `--print` prints the keyset, for you to put there."
        ) from None
