"""What leaves the hub in files: customers, lists for marketing, one person's data."""

from __future__ import annotations
