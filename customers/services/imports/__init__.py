"""Files that are read into tables: columns, rows, checks, loading."""

from __future__ import annotations
