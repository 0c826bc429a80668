"""German, short enough for columns."""
