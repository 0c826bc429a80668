"""What the database itself holds to: triggers on both engines, policies on PostgreSQL.

Three declarations are read: `guard = AppendOnly()` on a model, every foreign key
between two models that have a `business`, and every column `business_id`. No other
module knows the text of a trigger or a policy.
"""

from __future__ import annotations

from audit.database.guards.catalogue import catalogue, compare, missing_migrations
from audit.database.guards.database_roles import HardeningError
from audit.database.guards.hardening import (
    harden,
    harden_again,
    hardening_faults,
    require_hardening,
    require_migrating_owner,
    soften,
)
from audit.database.guards.installation import (
    differences,
    install_guards,
    remove_guards,
    require_guards,
)
