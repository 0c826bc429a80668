"""A column of a file: how its value is read, masked and written.

The API exports the columns of `exports.customer_columns`; pages export and import
those of `imports.tables`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.privacy.classes import PUBLIC
from audit.privacy.masking import masked_value
from customers.cells import cell_text, utc_text

# Each column says what its instances are, and what is loaded for them.
Reader = Callable[[Any, Any], object]


@dataclass(frozen=True)
class Column:
    """One column: its name, where its value comes from, and its privacy class."""

    name: str
    # A path like `stats.login_count`; the name if unsaid. Or a function of the instance
    # and of what was loaded for it.
    read: str | Reader = ""
    kind: str = PUBLIC
    # Free text from outside, which may contain e-mails and phone numbers.
    is_copy: bool = False
    # How a value that is no text, number or time is written into a cell.
    write: Callable[[Any], str] | None = None

    def value_of(self, instance: object, loaded: object = None) -> object:
        """Return the value that an instance has in this column."""
        if callable(self.read):
            return self.read(instance, loaded)
        value = instance
        for name in (self.read or self.name).split("."):
            value = getattr(value, name)
        return value

    def masked(self, value: object) -> object:
        """Return a value masked by its privacy class."""
        return masked_value(value, self.kind, is_copy=self.is_copy)

    def cell(self, value: object) -> str:
        """Return a value as the text of a cell, not yet made safe."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, datetime):
            return utc_text(value)
        if self.write and value is not None and not isinstance(value, str):
            return self.write(value)
        return cell_text(value)
