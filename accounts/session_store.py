"""Django's sessions in PostgreSQL, whose rows know the digest of their key alone: a stolen dump opens no session.

The key itself is in the cookie. Requests are answered by threads; whoever asks asynchronously is answered by the same
functions.
"""

import hashlib
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

_LENGTH = 40  # of the column: 160 bits


def stored(key: str | None) -> str:
    """What the tables know of a session with this key."""
    return hashlib.sha256((key or "").encode(errors="replace")).hexdigest()[:_LENGTH]


class SessionStore(DatabaseStore):
    """SESSION_ENGINE. `session_key` is what the cookie holds."""

    flushed = False  # by this request: its session is over, and not only unknown

    def _get_session_from_db(self) -> Any:
        key = stored(self.session_key)
        found = self.model.objects.filter(session_key=key, expire_date__gt=timezone.now()).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return bool(super().exists(stored(session_key)))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = stored(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(stored(key))

    def flush(self) -> None:
        super().flush()
        self.flushed = True

    async def _aget_session_from_db(self) -> Any:
        return await sync_to_async(self._get_session_from_db)()

    async def acreate_model_instance(self, data: dict[str, Any]) -> Any:
        return await sync_to_async(self.create_model_instance)(data)

    async def aexists(self, session_key: str) -> bool:
        return await sync_to_async(self.exists)(session_key)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)
