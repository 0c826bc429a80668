"""The tables of captures."""
