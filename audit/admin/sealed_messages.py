"""Messages between two pages: nobody but the server can read them.

Django's own storage signs them and puts them into a cookie. They may hold what is shown
once, such as a new key, and values of people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.session import SessionStorage

from audit.crypto import decrypt, encrypt

_PURPOSE, _OWNER = "messages", b"messages"


class SealedStorage(SessionStorage):
    """Keeps them encrypted in the session: the setting MESSAGE_STORAGE names it."""

    def serialize_messages(self, messages: Sequence[Message]) -> str:
        text = super().serialize_messages(messages)
        return encrypt(text.encode(), purpose=_PURPOSE, owner=_OWNER)

    def deserialize_messages(self, data: Any) -> list[Message] | None:
        if not data:
            return []
        try:
            text = decrypt(data, purpose=_PURPOSE, owner=_OWNER).decode()
        except (ValueError, InvalidTag):
            # HASH_KEY has changed since; a message is no loss.
            return []
        return super().deserialize_messages(text)
