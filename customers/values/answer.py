"""A yes or no in any spelling: what people, files and programs write for it."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from audit.privacy.invisible import trimmed

CODE = "answer_invalid"
SENTENCE = _("Send true or false.")
# Words of many languages, of consent managers and of settings, in small letters.
_YES = """
true t yes y on 1 ja j oui si sí sim wahr vrai verdadero verdadeiro da kyllä ano áno
igen evet ναι да 是 はい 예 نعم כן opted_in opted-in opt-in optin subscribed granted
given accepted agreed allowed enabled checked confirmed approved
"""  # noqa: RUF001 - letters of Greek
# Turkish has a dot in small letters that it lacks in capital ones.
_NO = """
false f no n off 0 nein nei nej non não nao falsch faux falso ne nie ei nem hayır hayir
όχι нет не 否 いいえ 아니요 لا לא av aus stop opted_out opted-out opt-out optout
unsubscribed withdrawn denied declined refused revoked disabled unchecked rejected never
"""  # noqa: RUF001 - a letter of Turkish
YES, NO = frozenset(_YES.split()), frozenset(_NO.split())
# No word is longer; what is measured first costs nothing.
_LONGEST = 50


def parse_answer(raw: object) -> bool | None:
    """Return a yes or no; None where nothing was said, as in an empty text.

    Words count in any case, full-width letters as plain ones. Raises ValidationError
    `answer_invalid` for anything else: what is no clear answer is none.
    """
    if raw is None or isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        return _parse_word(raw)
    # A decimal that is no number cannot even be compared.
    is_number = isinstance(raw, int | float) or (
        isinstance(raw, Decimal) and raw.is_finite()
    )
    if is_number and raw in (0, 1):
        return raw == 1
    raise ValidationError(SENTENCE, code=CODE)


def _parse_word(text: str) -> bool | None:
    text = trimmed(text)
    if not text:
        return None
    if len(text) <= _LONGEST:
        word = unicodedata.normalize("NFKC", text).casefold()
        if word in YES:
            return True
        if word in NO:
            return False
    raise ValidationError(SENTENCE, code=CODE)
