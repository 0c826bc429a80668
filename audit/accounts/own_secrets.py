"""What a person's own secrets rest on: looked at before, and again when one is written.

A proof (a password, a code, a signature) is looked at outside of any transaction, so
that its try counts, and takes time. Meanwhile the account may have got a secret that
would have been asked for, or lost the one that was shown.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from audit.accounts.users import factors_of, release_of
from audit.crypto import hmac_hex
from audit.models import User


def mark_of_secrets(user: User) -> str:
    """Return a keyed hash of what a user has, which changes with it.

    Second secrets, a release of the PIN, and sessions, as this instance knows them.
    An enrolment that began without a secret must not finish once the account has one:
    it was never asked for. Raises AccountAltered.
    """
    due = release_of(user)
    state = [user.security_stamp, str(due or ""), *sorted(factors_of(user))]
    return hmac_hex("second secrets", user.pk.hex, *state)


def hold_account(user: User, mark: str | None = None) -> None:
    """Lock an account that is unchanged since its person's proof was checked.

    Call it in the transaction that writes, before anything of the account is written.
    The sessions of `user` must not have ended; `mark` is of before the proof, and left
    out where no other secret would have been asked for. Raises ValidationError
    `changed`, and AccountAltered.
    """
    stored = User.objects.select_for_update().get(pk=user.pk)
    is_same = stored.security_stamp == user.security_stamp
    if not is_same or (mark is not None and mark != mark_of_secrets(user)):
        msg = _("Your account was changed meanwhile. Begin again.")
        raise ValidationError(msg, code="changed")
