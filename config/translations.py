"""Translates what models say of themselves: names, labels, help texts and choices.

Models are written in plain English without a call around each word. Once they are
loaded, `translate_models` puts a lazy text in the place of each one; `model_texts`
lists them for `config/model_texts.py`, where Django's `makemessages` finds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, gettext_noop

# Of Django and of libraries, which address people otherwise than we do.
_OF_OTHERS = (
    gettext_noop("Enter a valid email address."),
    gettext_noop("Enter a valid URL."),
    gettext_noop(
        "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."
    ),
    gettext_noop(
        "Enter a valid “slug” consisting of Unicode letters, numbers, underscores, or "
        "hyphens."
    ),
    gettext_noop('Select at least 1 field for "%(resource_name)s" to export'),
)
# What a column is called where its name, with spaces, is not how people say it.
_LABELS = {
    "account equity dash": "account equity",
    "anonymous ref": "anonymous reference",
    "args": "arguments",
    "avg transaction value": "average order",
    "corrects id": "corrects",
    "email": "e-mail",
    "email key": "e-mail, as compared",
    "email skeleton": "e-mail, as it looks",
    "email verified": "e-mail verified",
    "gpc": "Global Privacy Control",
    "is active": "active",
    "is default": "default",
    "livemode": "live",
    "mac": "MAC",
    "name skeleton": "name, as it looks",
    "phone e164": "phone (E.164)",
    "previous ref": "previous reference",
    "replay of id": "replay of",
    "risk reward ratio": "risk to reward",
    "skew ms": "clock skew (ms)",
    "timezone": "time zone",
    "total pnl": "total profit and loss",
    "user email": "user e-mail",
    "user ref": "user reference",
}
_SPELLING = {"id": "ID", "ip": "IP", "paypal": "PayPal"}
_INITIALS = re.compile(rf"\b({'|'.join(_SPELLING)})\b")
_OURS = frozenset({"audit", "customers", "capture"})
_texts: set[str] = set()


def translate_models() -> None:
    """Make every text of our models a lazy one, which each reader sees translated.

    For `AppConfig.ready`: after all models are loaded, and before the admin makes forms
    of them.
    """
    for enumeration in _enumerations(models.Choices):
        for member in enumeration:
            member._label_ = _lazy(member.label)
    for model in _models():
        _translate_names(model._meta)
        for field in _fields(model):
            _translate_field(field)


def model_texts() -> list[str]:
    """Return every text of our models, each once, in alphabetical order."""
    return sorted(_texts)


def _models() -> Iterator[Any]:
    return (m for m in apps.get_models() if m._meta.app_label in _OURS)


def _fields(model: Any) -> Iterator[Any]:
    return iter(model._meta.local_fields + model._meta.local_many_to_many)


def _enumerations(base: type[models.Choices]) -> Iterator[Any]:
    for enumeration in base.__subclasses__():
        if enumeration.__module__.partition(".")[0] in _OURS:
            yield enumeration
        yield from _enumerations(enumeration)


def _translate_names(options: Any) -> None:
    if "verbose_name_plural" not in options.original_attrs:
        # Django's own, a name with an s, is none of another language.
        options.verbose_name_plural = f"{options.verbose_name_raw}s"
    options.verbose_name = _lazy(options.verbose_name)
    options.verbose_name_plural = _lazy(options.verbose_name_plural)


def _translate_field(field: Any) -> None:
    field.verbose_name = _lazy(_label(field.verbose_name))
    field.help_text = _lazy(field.help_text)
    if field.choices:
        field.choices = [(value, _lazy(label)) for value, label in field.flatchoices]


def _label(name: object) -> object:
    """Return how a column is called: *IP address*, *key ID*, not *ip address*."""
    if isinstance(name, Promise) or not isinstance(name, str):
        return name
    name = _LABELS.get(name, name)
    return _INITIALS.sub(lambda match: _SPELLING[match[0]], name)


def _lazy(text: object) -> object:
    # Lazy ones are of Django and of libraries, which have catalogues of their own.
    if isinstance(text, Promise) or not text:
        return text
    _texts.add(str(text))
    return gettext_lazy(str(text))
