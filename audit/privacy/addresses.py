"""What an e-mail address is: the one rule for accounts, customers and captures."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from audit.emails import encode_domain, fold_email, mail_address, normal_form
from audit.privacy.invisible import clean_address

CODE = "email_invalid"
LONGEST = 254
# More than what folding makes of the longest address.
_LONGEST_TYPED = 1000
# Bytes of what is before the @.
_LONGEST_LOCAL = 64
_SIGNS = "!#$%&'*+/=?^_`{|}~-"
# Labels of letters, digits and hyphens, and a last one that is no number.
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?![0-9]+\Z)[a-z0-9][a-z0-9-]{0,61}[a-z0-9]"
)


def clean_email(text: str) -> str:
    """Return an address as it is stored: NFKC, without what copying leaves around it.

    The local part is of letters and digits of any script and of the signs that need no
    quotes; the domain has two labels or more. Raises ValidationError `email_invalid`,
    or `invisible_character` for a sign in between that nobody sees.
    """
    address = "" if "\0" in text else clean_address(text[: _LONGEST_TYPED + 1])
    if len(address) <= _LONGEST_TYPED:
        address = normal_form("NFKC", address)
        if _is_address(address):
            return address
    msg = _("Enter one e-mail address like name@example.org.")
    raise ValidationError(msg, code=CODE)


def _is_address(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    encoded = encode_domain(domain)
    return (
        encoded is not None
        and _DOMAIN.fullmatch(encoded) is not None
        and len(local.encode()) <= _LONGEST_LOCAL
        and all(part and all(map(_is_plain, part)) for part in local.split("."))
        and max(len(text), len(fold_email(text)), len(mail_address(text))) <= LONGEST
    )


def _is_plain(sign: str) -> bool:
    """Tell whether a sign needs no quotes before the @."""
    if sign.isascii():
        return sign.isalnum() or sign in _SIGNS
    return sign.isprintable() and not sign.isspace()
