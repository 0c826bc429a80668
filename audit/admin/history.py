"""What the history pages show: each change with before, after, who and why."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from django.db.models import Field
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import log
from audit.admin.display import json_text, short_decimal, yes_or_no
from audit.privacy.classes import SECRET, declaration
from audit.privacy.invisible import bidi_within
from audit.privacy.masking import masked_value, shortened

# A row of a history table. simple-history makes their classes, so no type names them.
Version: TypeAlias = Any

# Set by every change; saying so each time would hide what was changed.
_STAMPS = {"updated_at", "rev"}
_KINDS = {"+": _("created"), "~": _("changed"), "-": _("deleted")}


@dataclass(frozen=True)
class Value:
    """One column before and after a change."""

    name: str
    before: object
    after: object


@dataclass(frozen=True)
class Change:
    """One history row and what it changed."""

    version: Version
    kind: str
    who: str
    values: list[Value]


def changes_of(
    versions: list[Version], before: Version, *, is_masked: bool = False
) -> list[Change]:
    """Return the changes of history rows that are sorted newest first."""
    older = [*versions[1:], before]
    # In one query; commands have no name.
    names = log.usernames_by_id(version.history_user_id for version in versions)
    return [
        Change(
            version=new,
            kind=str(_KINDS[new.history_type]),
            who=names.get(new.history_user_id) or gettext("a command or a key"),
            values=_differences(new, old, is_masked=is_masked, is_list=True),
        )
        for new, old in zip(versions, older, strict=True)
    ]


def version_values(version: Version, *, is_masked: bool = False) -> list[Value]:
    """Return every column of one version."""
    return _differences(version, None, is_masked=is_masked, is_list=False)


def _readable(field: Field, value: object) -> object:
    """Return a value as people read it: the words of a choice, a number, JSON."""
    if isinstance(value, bool):
        return yes_or_no(value)
    if isinstance(value, Decimal):
        return short_decimal(value)
    if isinstance(value, dict | list):
        return json_text(value)
    if field.choices and value is not None:
        return str(dict(field.flatchoices).get(value, value))
    return value


def _whole(field: Field, value: object, kind: str | None) -> object:
    return _readable(field, masked_value(value, kind))


def _listed(field: Field, value: object, kind: str | None) -> object:
    """Return what a list of changes shows of a value; its version shows it whole."""
    value = _readable(field, value)
    # Shortened first: to mask a long text takes its time.
    return masked_value(shortened(value) if isinstance(value, str) else value, kind)


def _differences(
    new: Version, old: Version, *, is_masked: bool, is_list: bool
) -> list[Value]:
    classes = declaration(type(new))
    # What follows from another column says nothing more than that one.
    silent = _STAMPS | new.instance_type.derived.keys()
    values = []
    for field in new.tracked_fields:
        after = getattr(new, field.attname)
        was = getattr(old, field.attname) if old is not None else None
        if after == was or (is_list and field.name in silent):
            continue
        if classes.get(field.name) == SECRET:
            hidden = gettext("hidden")
            was, after = (hidden if was else was), hidden
        kind = classes.get(field.name) if is_masked else None
        draw = _listed if is_list else _whole
        was, after = draw(field, was, kind), draw(field, after, kind)
        name = str(field.verbose_name)
        values.append(Value(name, bidi_within(was), bidi_within(after)))
    return values
