"""What is compared when somebody searches: texts without case, accents and dashes.

The keys are stored, so a change here takes a run of `refill_keys`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, TypeAlias

from audit.emails import email_spellings, normal_form
from customers.values.phone_number import digits_of

# Letters that Unicode takes for letters of their own and keyboards elsewhere lack, as
# they are typed there; and signs of typesetters.
_TYPED_AS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "\u0131": "i",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        **dict.fromkeys("\u2018\u2019\u02bc\u2032\u00b4`", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    }
)
# A name with seven digits, or with a number that is dialled from abroad.
_NUMBER = re.compile(r"([0-9][^0-9]*){7}|(\+|00)[0-9][0-9\s()/.-]{5,}[0-9]")
# A folded name may be longer than the name; PostgreSQL indexes 2,700 bytes.
LONGEST_NAME, LONGEST_REFERENCE = 600, 20
# The key of an e-mail, a phone as it was typed, and in E.164.
Address: TypeAlias = tuple[str | None, str | None, str | None]
# Between the values of one column, around each: no value has it.
SEPARATOR = "\n"


def fold_text(text: str) -> str:
    """Return a text as it is compared: NFKD, case folded, without marks.

    Digits of any script are ASCII ones, ø is o, ł l, đ and ð d, þ th, æ ae, œ oe and
    ß ss. Blanks are one blank, signs that nobody sees are cut out. May be empty.
    """
    if not text.isascii():
        text = normal_form(
            "NFKD", normal_form("NFKD", text.translate(_TYPED_AS)).casefold()
        )
        text = "".join(map(_folded, text))
    return " ".join(text.casefold().translate(_TYPED_AS).split())


def is_address(name: str) -> bool:
    """Tell whether a name is an e-mail address or a number, for want of another.

    True for all that `audit.privacy.masking.mask_text` masks, and for more.
    """
    return any(
        "@" in text or _NUMBER.search(text) is not None
        for text in {name, fold_text(name)}
    )


def fold_name(name: str) -> str:
    """Return a name as it is searched and sorted by."""
    return fold_text(name)[:LONGEST_NAME]


def search_columns(
    reference: str, name: str | None, external_id: str | None, address: Address
) -> dict[str, Any]:
    """Return the columns of `CustomerIndex` that come from the customer."""
    folded = fold_name(name or "") or None
    emails, phones = _addresses([address])
    return {
        "reference": fold_text(reference)[:LONGEST_REFERENCE],
        "name": folded,
        "listed_name": None if is_address(name or "") else folded,
        "external_id": external_id or None,
        "emails": emails,
        "phones": phones,
    }


def further_columns(addresses: Iterable[Address]) -> dict[str, Any]:
    """Return the columns of `CustomerIndex` that come from the contacts."""
    emails, phones = _addresses(addresses)
    return {"further_emails": emails, "further_phones": phones}


def _addresses(addresses: Iterable[Address]) -> tuple[str | None, str | None]:
    emails, phones = set[str](), set[str]()
    for email_key, phone, e164 in addresses:
        if email_key:
            # A domain also in its letters.
            emails |= email_spellings(email_key)
        # What cannot be called from abroad is found by its digits.
        phones.add(digits_of(e164 or phone or ""))
    return _joined(emails), _joined(phones - {""})


def _joined(values: set[str]) -> str | None:
    """Return values as one text, with the separator around each; None without one."""
    if not values:
        return None
    return SEPARATOR + "".join(f"{value}{SEPARATOR}" for value in sorted(values))


def _folded(sign: str) -> str:
    if unicodedata.combining(sign) or unicodedata.category(sign) == "Cf":
        return ""
    digit = unicodedata.decimal(sign, None)
    return sign if digit is None else str(digit)
