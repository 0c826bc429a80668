"""Triggers that keep rows as they are, on both engines.

Two declarations are read: `guard = AppendOnly()` on a model, and every foreign key
between two models that have a `business`. No other module knows a trigger's text.
"""

from __future__ import annotations

from audit.guards.installing import (
    differences,
    install_guards,
    remove_guards,
    require_guards,
)

__all__ = ["differences", "install_guards", "remove_guards", "require_guards"]
