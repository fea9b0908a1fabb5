"""System checks: what must hold before Bootshelf starts to serve."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import OperationalError, connection

from accounts.secrets import KeysetError, load_keyset
from config.private import is_open_to_others


@register()
def keyset_is_readable(**kwargs: Any) -> list[CheckMessage]:
    if settings.KEYLESS:
        return []
    try:
        load_keyset()
    except KeysetError as error:
        return [Error(str(error), id="bootshelf.E001")]
    path = os.environ.get("BOOTSHELF_KEYSET_FILE")
    if path and not settings.DEBUG and is_open_to_others(Path(path)):
        told = f"Every user of this machine may read the keyset {path}."
        return [Error(told, hint="chmod o-rwx takes that away; 0600 is best.", id="bootshelf.E003")]
    return []


@register("database")
def database_finds_chinese(**kwargs: Any) -> list[CheckMessage]:
    """With LC_CTYPE=C pg_trgm silently drops every non-ASCII character: a Chinese search finds nothing."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
            if not cursor.fetchone():
                return []  # before the first migration
            cursor.execute("SELECT show_trgm('云计算')")
            (trigrams,) = cursor.fetchone()
    except OperationalError:
        return []
    if not trigrams:
        hint = "Create the database with LC_CTYPE 'C.UTF-8' or another UTF-8 locale."
        return [Error("This database cannot search Chinese text.", hint=hint, id="bootshelf.E002")]
    return []


@register(deploy=True)
def mail_is_set(**kwargs: Any) -> list[CheckMessage]:
    if "console" in settings.MAILERS["default"]["BACKEND"]:
        return [Warning("EMAIL_HOST is not set: mails, password resets too, go to the log.", id="bootshelf.W001")]
    return []
