"""Mails to a member of staff about the own account."""

from __future__ import annotations

from functools import partial

from django.core.mail import send_mail
from django.db import transaction

from audit.models import User


def tell(user: User, subject: str, text: str) -> None:
    """Write to the person once the transaction stands; a mail lost stops nothing."""
    if user.email:
        body = f"{text}\n\nIf it was not you, tell an administrator at once."
        send = partial(
            send_mail, f"Holdfast: {subject}", body, None, [user.email],
            fail_silently=True,
        )  # fmt: skip
        transaction.on_commit(send)
