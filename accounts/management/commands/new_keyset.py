from typing import Any

from django.core.management.base import BaseCommand

from accounts.secrets import new_keyset


class Command(BaseCommand):
    help = "Print a new Tink keyset for BOOTSHELF_KEYSET_FILE. Keep it in a file of mode 0600, and a copy elsewhere."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("".join(new_keyset().split()))  # on one line, as an environment file needs it
