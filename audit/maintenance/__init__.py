"""What keeps a site sound: clean-up, heartbeats, new keys, the catalogue compared."""

from __future__ import annotations

from audit.maintenance.catalogue import (
    catalogue_faults,
    keep_catalogue,
    require_catalogue,
)
from audit.maintenance.cleanup import register_cleanup, remove_old, run_cleanups
from audit.maintenance.heartbeats import CAN_WRITE, MAINTAINED, beat, last_beat
from audit.maintenance.renewal import (
    KeyedColumn,
    count_outdated,
    end_outdated,
    register_keyed,
    renew_outdated,
    sealed_column,
)
