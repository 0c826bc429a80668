"""Personal values that are not shown: replaced on the server, before any output.

Contact, trace and payment details are masked in every list, and on a row's own page for
whoever may not see them in clear there. Free text stays readable; in names, which are
an address for want of a better one, and in records that only repeat what was sent,
addresses inside a text are masked too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from copy import copy
from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from audit.json_text import JsonObject, JsonValue
from audit.privacy.classes import PERSONAL, declaration
from audit.privacy.invisible import bidi_within

_T = TypeVar("_T")
MASKED = frozenset({"contact", "trace", "payment"})
# The two permissions of the role table that decide.
SEE_UNMASKED = "audit.view_personal"
REVEAL = "audit.reveal_personal"

# Local parts may hold quotes and slashes (RFC 5322): rather one sign too many.
# Each run is consumed at once, an address or not: to look for one from each of its
# letters would take minutes in a text of one long word.
_EMAIL = re.compile(r"[^\s@<>\",;:()]++(@[^\s@<>\"',;:/()]++)?")
_PHONE = re.compile(r"(?<![\w.])(?:\+|00)\d[\d\s()/.-]{5,}\d")
# What ends a run of either pattern.
_BETWEEN_WORDS = frozenset('<>",;')
_IN_NUMBERS = frozenset("0123456789()/.+-")
# Of a text that is too long for its list.
SHORT_TEXT = 1000
# What `mask` returns, for any value.
_MASK = re.compile(r".?…|…..|.…@.…(\..*)?|\w{1,4}\.…", re.DOTALL)
_SHORT = 3
_DIGITS = 7
_HIDDEN = "…"
# First letter of the name, of the host, and the last label with its dot.
_MASKED_ADDRESS = "{}…@{}…{}{}".format


def mask(value: object) -> JsonValue:
    """Return what is shown instead of a value; nothing stays nothing.

    An e-mail address keeps the first letters and the last label (`a…@e….org`), a phone
    number its last two digits, an address of the network its first block.
    """
    if value is None or value == "" or isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return _HIDDEN
    name, at, host = value.rpartition("@")
    if at and name and host:
        _, dot, label = host.rpartition(".")
        return _MASKED_ADDRESS(name[0], host[0], dot, dot and label)
    if _is_address(value):
        return f"{re.split('[.:]', value)[0]}.{_HIDDEN}"
    if sum(map(str.isdigit, value)) >= _DIGITS:
        return f"{_HIDDEN}{value.rstrip()[-2:]}"
    return f"{value[0]}{_HIDDEN}" if len(value) > _SHORT else _HIDDEN


def is_masked(text: str) -> bool:
    """Tell whether a text looks like what `mask` returns, and like no other value."""
    return _MASK.fullmatch(text) is not None


def mask_text(text: str) -> str:
    """Return a text in which addresses and international phone numbers are masked."""
    # Without a call of Python for each of them: a text may hold a hundred thousand, and
    # at some depths of the stack CPython maps memory for each call and gives it back.
    parts: list[str] = []
    done = 0
    if "@" in text:
        for run in _EMAIL.finditer(text):
            if run.lastindex:
                name, _, host = run[0].rpartition("@")
                _, dot, label = host.rpartition(".")
                masked = _MASKED_ADDRESS(name[0], host[0], dot, dot and label)
                parts += (text[done : run.start()], masked)
                done = run.end()
        text = "".join((*parts, text[done:]))
    if "+" in text or "00" in text:
        parts, done = [], 0
        for run in _PHONE.finditer(text):
            number = run[0]
            is_long = sum(map(str.isdigit, number)) >= _DIGITS
            masked = f"{_HIDDEN}{number[-2:]}" if is_long else f"{number[0]}{_HIDDEN}"
            parts += (text[done : run.start()], masked)
            done = run.end()
        text = "".join((*parts, text[done:]))
    return text


def mask_within(value: object) -> JsonValue:
    """Return a value with every text in it masked by `mask_text`; keys stay."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {key: mask_within(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_within(item) for item in value]
    return value


class Room:
    """How many characters of long values one list shows; each is masked and written.

    A value that still fits is shown whole, of a longer text its beginning.
    """

    def __init__(self, characters: int = 1_500_000) -> None:
        self.left = characters

    def takes(self, value: object) -> bool:
        """Tell whether there is room for a value, and use it up."""
        size = _size(value, self.left)
        if size <= SHORT_TEXT:
            return True
        if size > self.left:
            return False
        self.left -= size
        return True

    def fitted(self, value: object) -> object:
        """Return a value, or what is shown of one that does not fit: of lists null."""
        if self.takes(value):
            return value
        return shortened(value) if isinstance(value, str) else None


def shortened(text: str) -> str:
    """Return the first words of a long text, which are masked as in the whole one.

    A word or a number that goes on behind the end is left out: half of an address
    looks like none.
    """
    if len(text) <= SHORT_TEXT:
        return text
    end, is_in_word = SHORT_TEXT, True
    while end and is_in_word:
        while end and not _ends_words(text[end - 1]):
            end -= 1
        start = end
        while end and (text[end - 1].isspace() or text[end - 1] in _IN_NUMBERS):
            end -= 1
        # Of an address that ends in digits the beginning is left: take it away, too.
        is_in_word = end < start and text[end] in _IN_NUMBERS
    # A sign right behind an "@" would make an address of it.
    between = " " if text[:end].endswith("@") else ""
    return f"{text[:end]}{between}{_HIDDEN}"


def _ends_words(sign: str) -> bool:
    return sign in _BETWEEN_WORDS or sign.isspace()


def _size(value: object, most: int) -> int:
    """Return about how many characters JSON needs; more than `most` is not counted."""
    size, waiting = 0, [value]
    while waiting and size <= most:
        inner = waiting.pop()
        if isinstance(inner, str):
            size += len(inner)
        elif isinstance(inner, Mapping):
            waiting += [*inner, *inner.values()]
        elif isinstance(inner, list | tuple):
            waiting += inner
        size += 1
    return size


def mask_instance(obj: _T, *, is_copy: bool = False) -> _T:
    """Mask the loaded columns of a row for display and return it; never save it.

    `is_copy` says that the row repeats what somebody sent, where addresses also stand
    inside other texts. Signs that turn the direction of a text are shown.
    """
    instance: Any = obj
    missing = instance.get_deferred_fields()
    for name, kind in declaration(type(instance)).items():
        if name in missing:
            continue
        value = masked_value(getattr(instance, name), kind, is_copy=is_copy)
        setattr(instance, name, bidi_within(value))
    instance.is_masked = True
    return obj


def bidi_instance(obj: _T) -> _T:
    """Return an instance for unmasked display, bidi marks visible; never save it.

    A copy, where a text holds signs that turn its direction.
    """
    instance: Any = obj
    missing = instance.get_deferred_fields()
    values = {
        name: getattr(instance, name)
        for name in declaration(type(instance)).keys() - missing
    }
    turned = {
        name: visible
        for name, value in values.items()
        if (visible := bidi_within(value)) != value
    }
    if turned:
        obj = copy(obj)
        for name, visible in turned.items():
            setattr(obj, name, visible)
    return obj


def masked_value(
    value: object, kind: str | None, *, is_copy: bool = False
) -> JsonValue:
    """Return a value as it is shown to whom its class is masked."""
    if kind in MASKED:
        return mask(value)
    if kind == "identity" or (is_copy and kind in PERSONAL):
        return mask_within(value)
    return value


def mask_fields(fields: Mapping[str, object]) -> JsonObject:
    """Return named values, masked as the columns of these names would be."""
    kinds = _kinds()
    return {
        name: mask(value) if kinds.get(name) in MASKED else mask_within(value)
        for name, value in fields.items()
    }


def masked_names(model: type[models.Model]) -> list[str]:
    """Return the columns that are masked, in the order of the declaration."""
    return [name for name, kind in declaration(model).items() if kind in MASKED]


def hidden_names(obj: models.Model) -> list[str]:
    """Return the columns whose displayed value differs from the stored one."""
    masked = masked_names(type(obj))
    names = [
        name
        for name, kind in declaration(type(obj)).items()
        if kind == "identity" and mask_within(getattr(obj, name)) != getattr(obj, name)
    ]
    return [*masked, *names]


def masks_of(obj: models.Model) -> JsonObject:
    """Return the displayed value of each column that differs from the stored one."""
    masks = {}
    for name, kind in declaration(type(obj)).items():
        value = getattr(obj, name)
        mask = masked_value(value, kind)
        if mask != value:
            masks[name] = mask
    return masks


def is_masked_path(model: type[models.Model], path: str) -> bool:
    """Tell whether a look-up like `customer__email__exact` or `-phone` is masked."""
    at: Any = model
    for name in path.lstrip("-^=@").split("__"):
        if declaration(at).get(name) in MASKED:
            return True
        try:
            at = at._meta.get_field(name).related_model or at
        except FieldDoesNotExist:
            return False
    return False


def _kinds() -> dict[str, str]:
    """Return the class of each masked column name of any table."""
    return {
        name: kind
        for model in apps.get_models()
        for name, kind in declaration(model).items()
        if kind in MASKED
    }


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
