"""Mails to members of staff about accounts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from threading import Timer
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import translation
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from audit.accounts.preferences import language_of
from audit.emails import mail_address
from audit.models import User
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

logger = logging.getLogger(__name__)

# The answer is out by then.
_DELAY_SECONDS = 1


@dataclass(frozen=True)
class Mail:
    """One mail to a user, who may have no address.

    Lazy texts are read in the language of the user, not of who caused the mail.
    """

    user: User
    subject: _StrOrPromise
    text: _StrOrPromise


def notify(
    user: User, subject: _StrOrPromise, text: _StrOrPromise, *, actor: Actor
) -> None:
    """Mail the person once the transaction has committed; a lost mail stops nothing.

    Of a command at once, which may end before a thread of it has begun; nobody else
    waits for the mail server.
    """
    warning = _("If it was not you, tell an administrator at once.")
    mails = [Mail(user, subject, format_lazy("{}\n\n{}", text, warning))]
    if actor.operation.via == "command":
        transaction.on_commit(partial(_send, _in_languages(mails)), robust=True)
    else:
        send_apart(mails)


def send_apart(mails: Iterable[Mail]) -> None:
    """Send mails after the commit, a moment later and without any wait.

    At the entrance of staff an answer that takes longer would say whether there is
    somebody to write to. So a thread begins for no mails, too.
    """
    timer = Timer(_DELAY_SECONDS, _send, [_in_languages(mails)])
    timer.daemon = True
    transaction.on_commit(timer.start, robust=True)


def _in_languages(mails: Iterable[Mail]) -> list[tuple[Mail, str]]:
    """Return each mail with the language to read its texts in.

    Looked up here: the thread that sends them opens no connection to the database.
    """
    return [(mail, language_of(mail.user) or settings.LANGUAGE_CODE) for mail in mails]


def _send(mails: list[tuple[Mail, str]]) -> None:
    for mail, language in mails:
        if not mail.user.email:
            continue
        with translation.override(language):
            subject, text = f"Holdfast: {mail.subject}", str(mail.text)
        message = EmailMessage(subject, text, None, [mail_address(mail.user.email)])
        try:
            message.send()
        except Exception as error:
            # Its text may repeat the address.
            logger.warning("a mail was not taken: %s", type(error).__name__)
