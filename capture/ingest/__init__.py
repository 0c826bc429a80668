"""From a message to its rows: read, checked, kept, projected, corrected, replayed."""

from __future__ import annotations
