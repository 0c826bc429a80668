"""What the database itself holds to: triggers on both engines, policies on PostgreSQL.

Three declarations are read: `guard = AppendOnly()` on a model, every foreign key
between two models that have a `business`, and every column `business_id`. No other
module knows the text of a trigger or a policy.
"""

from __future__ import annotations

from audit.guards.hardening import (
    HardeningError,
    harden,
    harden_again,
    hardening_faults,
    require_hardening,
    require_migrating_owner,
    set_password,
    soften,
)
from audit.guards.installing import (
    differences,
    install_guards,
    remove_guards,
    require_guards,
)

__all__ = [
    "HardeningError",
    "differences",
    "harden",
    "harden_again",
    "hardening_faults",
    "install_guards",
    "remove_guards",
    "require_guards",
    "require_hardening",
    "require_migrating_owner",
    "set_password",
    "soften",
]
