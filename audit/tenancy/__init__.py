"""Who acts, for which businesses, and which of their rows SQL can reach."""

from __future__ import annotations
