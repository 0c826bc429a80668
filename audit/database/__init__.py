"""What the database holds to itself: guards, sealed and signed rows, outages."""

from __future__ import annotations
