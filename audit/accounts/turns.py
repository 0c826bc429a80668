"""One request of a person after the other, where what they may have is counted."""

from __future__ import annotations

from uuid import UUID

from audit.models import User


def take_turn(user_id: UUID) -> None:
    """Let the other requests of a person wait until this transaction ends.

    Call it before counting what the person has, in the transaction that adds to it: of
    several at once each would find the last place free.
    """
    # SQLite takes no locks of rows: its transaction has the whole database.
    users = User.objects.filter(pk=user_id).select_for_update(no_key=True)
    users.values_list("pk").first()
