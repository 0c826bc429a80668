"""Sessions in the database, from which nobody can take one over.

Django keeps the key of a session as it is in the cookie: whoever reads the table or a
backup of it is signed in as everybody. Here the table has a keyed hash of it, and what
a session holds is signed together with that hash, so that a row copied under another
key opens nothing either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from audit.crypto import hmac_hex

if TYPE_CHECKING:
    from django.contrib.sessions.base_session import AbstractBaseSession

# As much as the column of Django's table holds: 160 bits.
_LENGTH = 40
# Where this module was at first: with another salt everybody would be signed out.
_SALT = "config.session_store"


def stored_key(session_key: str | None) -> str:
    """Return what the table has in the place of a session's key."""
    return hmac_hex("session", session_key or "")[:_LENGTH]


class SessionStore(DatabaseStore):
    """Django's sessions in the database, by the hashes of their keys."""

    @property
    def key_salt(self) -> str:
        """The salt of the signature; one key's data are no other's."""
        return f"{_SALT}:{stored_key(self.session_key)}"

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        sessions = self.model.objects.filter(expire_date__gt=timezone.now())
        session = sessions.filter(session_key=stored_key(self.session_key)).first()
        if session is None:
            self._session_key = None
        return session

    def exists(self, session_key: str) -> bool:
        """Tell whether there is a session of this key."""
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, object]) -> AbstractBaseSession:
        """Return the row of this session as it is to be stored."""
        session = super().create_model_instance(data)
        session.session_key = stored_key(session.session_key)
        return session

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session of this key, by default this one."""
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored_key(key))

    # The same for asynchronous views.

    async def _aget_session_from_db(self) -> AbstractBaseSession | None:
        return await sync_to_async(self._get_session_from_db)()

    async def aexists(self, session_key: str) -> bool:
        return await sync_to_async(self.exists)(session_key)

    async def acreate_model_instance(
        self, data: dict[str, object]
    ) -> AbstractBaseSession:
        return await sync_to_async(self.create_model_instance)(data)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)
