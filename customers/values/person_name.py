"""The name of a person or company: one line of any script, in which all is seen."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from audit.emails import normal_form
from audit.privacy.invisible import is_unseen, is_visible, name_of, trimmed

CODE = "name_invalid"
LONGEST = 255
# Of what is looked at; normal forms are shorter than that.
_LONGEST_TYPED = 2000
# More than any script writes upon one letter.
_MOST_MARKS = 10
_BLANKS = re.compile("[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
# Ends of lines, control characters and halves of a character.
_BREAKS = frozenset({"Cc", "Zl", "Zp", "Cs"})
# Nobody knows what these look like, and the sign for what could not be read.
_SHAPELESS = frozenset({"Co", "Cn"})
_UNREAD = "\ufffd"
_NON_JOINER, _JOINER = "\u200c", "\u200d"
_CASED = frozenset({"Lu", "Ll", "Lt"})
_FLAG = "\U0001f3f4"
_VIRAMA = 9
# Of emoji and signs, of Han, and of Mongolian.
_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f]")
_TAG = re.compile("[\U000e0020-\U000e007f]")


def parse_name(raw: object) -> str | None:
    """Return a name as it is stored, None for an empty value: at most 255 characters.

    In NFC, with one blank for several of any kind and none around. Joiners, selectors
    and tags stay where a script or an emoji needs them. Raises ValidationError
    `name_invalid`, which names a sign that nobody sees.
    """
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise ValidationError(_("Send a name as a text."), code=CODE)
    if not raw.strip():
        return None
    name = _normal(raw[: _LONGEST_TYPED + 1])
    if len(raw) > _LONGEST_TYPED or len(name) > LONGEST:
        msg = _("A name has at most 255 characters.")
        raise ValidationError(msg, code=CODE)
    if name.isascii() and name.isprintable():
        _check_letters(name)
        return name
    for before, sign, after in zip(f" {name}", name, f"{name[1:]} ", strict=False):
        if not _may_stand(sign, before, after):
            msg = _(
                "This holds %(sign)s. A name is one line of what is seen; type it anew."
            )
            raise ValidationError(msg % {"sign": name_of(sign)}, code=CODE)
    _check_letters(name)
    return name


def captured_name(raw: object) -> tuple[str | None, bool]:
    """Return the name in what a program sent, and whether unseen signs were cut out.

    Nobody is there to type it anew: control characters are blanks, other signs that
    nobody sees are cut out, and what is too long is cut off. None for a value in which
    nothing is seen.
    """
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        return None, raw is not None
    text = str(raw)[:_LONGEST_TYPED]
    if text.isascii() and text.isprintable():
        return _normal(text)[:LONGEST].strip() or None, False
    text = "".join(" " if unicodedata.category(s) in _BREAKS else s for s in text)
    name = _normal(text)
    seen: list[str] = []
    for sign, after in zip(name, f"{name[1:]} ", strict=False):
        # What could not be read is seen, and says that something is missing.
        if sign == _UNREAD or _may_stand(sign, seen[-1] if seen else " ", after):
            seen.append(sign)
    clean = _normal("".join(seen))[:LONGEST].strip()
    if not is_visible(clean):
        return None, bool(str(raw).strip())
    return clean, clean != name[:LONGEST].strip()


def _normal(text: str) -> str:
    return normal_form("NFC", _BLANKS.sub(" ", trimmed(text)))


def _check_letters(name: str) -> None:
    """Raise ValidationError unless a name has a letter or digit, not under a heap."""
    marks = 0
    for sign in name:
        marks = marks + 1 if unicodedata.category(sign)[0] == "M" else 0
        if marks > _MOST_MARKS:
            msg = _("This has too many accents upon one letter. Type it anew.")
            raise ValidationError(msg, code=CODE)
    if not any(unicodedata.category(sign)[0] in "LN" for sign in name):
        msg = _("A name has a letter or a digit. Write the name.")
        raise ValidationError(msg, code=CODE)


def _may_stand(sign: str, before: str, after: str) -> bool:
    """Tell whether a sign is seen between two others, or changes the one before it."""
    if sign.isascii():
        return sign.isprintable()
    if unicodedata.category(sign) in _SHAPELESS | _BREAKS or sign == _UNREAD:
        return False
    if not is_unseen(sign):
        return True
    if sign in {_JOINER, _NON_JOINER}:
        return _joins(sign, before, after)
    if _is_selector(sign):
        return _takes_selectors(before)
    return _is_tag(sign) and (before == _FLAG or _is_tag(before))


def _joins(sign: str, before: str, after: str) -> bool:
    """Tell whether a script, or an emoji, has a joiner or non-joiner there."""
    if _VIRAMA in {unicodedata.combining(before), unicodedata.combining(after)}:
        return True
    if unicodedata.bidirectional(before) == "AL":
        return sign == _JOINER or unicodedata.bidirectional(after) == "AL"
    is_picture = unicodedata.category(before) in {"So", "Sk"} or _is_selector(before)
    return sign == _JOINER and is_picture and unicodedata.category(after) == "So"


def _is_selector(sign: str) -> bool:
    return _SELECTOR.match(sign) is not None


def _takes_selectors(before: str) -> bool:
    is_blank = before.isspace() or is_unseen(before)
    return not is_blank and unicodedata.category(before) not in _CASED


def _is_tag(sign: str) -> bool:
    return _TAG.match(sign) is not None
