"""Which columns are personal, and how their values are masked and compared."""

from __future__ import annotations
