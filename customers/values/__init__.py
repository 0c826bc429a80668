"""Values that come in through many entrances: one definition for each type."""
