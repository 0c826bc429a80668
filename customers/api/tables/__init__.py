"""The hub's tables in the canonical API: one module for what belongs together."""
