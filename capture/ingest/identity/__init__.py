"""Links captures to customers: loads names, resolves, stores what follows.

`capture.ingest.resolver` decides; this package reads for it and writes after it, in a
constant number of statements for one message or a thousand.
"""

from __future__ import annotations

from capture.ingest.identity.attaching import attach
from capture.ingest.identity.batch import LinkResult, expected_owners
from capture.ingest.identity.linking import link, new_customer
from capture.ingest.identity.loading import links_of
from capture.ingest.identity.names import missing_names, restore_decided

__all__ = [
    "LinkResult",
    "attach",
    "expected_owners",
    "link",
    "links_of",
    "missing_names",
    "new_customer",
    "restore_decided",
]
