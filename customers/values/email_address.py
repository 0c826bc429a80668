"""An e-mail address, and the key by which two spellings of a mailbox are one."""

from __future__ import annotations

from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from audit.emails import fold_email
from audit.privacy.addresses import CODE, clean_email


class EmailAddress(NamedTuple):
    """An address as it is stored, and its key: at most 254 characters each."""

    stored: str
    key: str


def parse_email(raw: object) -> EmailAddress | None:
    """Return the address in a value, None for an empty one.

    Raises ValidationError `email_invalid`, or `invisible_character`, which names the
    sign.
    """
    if raw is None:
        return None
    if not isinstance(raw, str):
        msg = _("Send an e-mail address as a text.")
        raise ValidationError(msg, code=CODE)
    if not raw.strip():
        return None
    stored = clean_email(raw)
    return EmailAddress(stored, fold_email(stored))
