"""Mails to members of staff about accounts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from threading import Timer

from django.core.mail import EmailMessage
from django.db import transaction

from audit.models import User
from audit.tenancy.actors import Actor

logger = logging.getLogger(__name__)

# The answer is out by then.
_DELAY_SECONDS = 1


@dataclass(frozen=True)
class Mail:
    """One mail to a user, who may have no address."""

    user: User
    subject: str
    text: str


def notify(user: User, subject: str, text: str, *, actor: Actor) -> None:
    """Mail the person once the transaction has committed; a lost mail stops nothing.

    Of a command at once, which may end before a thread of it has begun; nobody else
    waits for the mail server.
    """
    body = f"{text}\n\nIf it was not you, tell an administrator at once."
    mails = [Mail(user, subject, body)]
    if actor.operation.via == "command":
        transaction.on_commit(partial(_send, mails), robust=True)
    else:
        send_apart(mails)


def send_apart(mails: Iterable[Mail]) -> None:
    """Send mails after the commit, a moment later and without any wait.

    At the entrance of staff an answer that takes longer would say whether there is
    somebody to write to. So a thread begins for no mails, too.
    """
    timer = Timer(_DELAY_SECONDS, _send, [list(mails)])
    timer.daemon = True
    transaction.on_commit(timer.start, robust=True)


def _send(mails: list[Mail]) -> None:
    for mail in mails:
        if not mail.user.email:
            continue
        subject = f"Holdfast: {mail.subject}"
        message = EmailMessage(subject, mail.text, None, [mail.user.email])
        try:
            message.send()
        except Exception as error:
            # Its text may repeat the address.
            logger.warning("a mail was not taken: %s", type(error).__name__)
