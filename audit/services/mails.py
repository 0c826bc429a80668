"""Mails to members of staff about accounts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from threading import Timer

from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from audit.models import User

# The answer is out by then.
_DELAY_SECONDS = 1


@dataclass(frozen=True)
class Mail:
    """One mail to somebody, who may have no address."""

    user: User
    subject: str
    text: str


def tell(user: User, subject: str, text: str) -> None:
    """Write to the person once the transaction stands; a mail lost stops nothing."""
    body = f"{text}\n\nIf it was not you, tell an administrator at once."
    if message := _message(Mail(user, subject, body)):
        transaction.on_commit(partial(message.send, fail_silently=True))


def send_apart(mails: Iterable[Mail]) -> None:
    """Send mails once the transaction stands, a moment later and without any wait.

    At the door of staff an answer that takes longer would say whether there is somebody
    to write to. So a thread begins for no mails, too.
    """
    timer = Timer(_DELAY_SECONDS, _send, [list(mails)])
    timer.daemon = True
    transaction.on_commit(timer.start, robust=True)


def _send(mails: list[Mail]) -> None:
    messages = [message for mail in mails if (message := _message(mail))]
    if messages:
        get_connection(fail_silently=True).send_messages(messages)


def _message(mail: Mail) -> EmailMessage | None:
    if not mail.user.email:
        return None
    subject = f"Holdfast: {mail.subject}"
    return EmailMessage(subject, mail.text, None, [mail.user.email])
