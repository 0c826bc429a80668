"""What a fact is, one module each: every entrance parses, bounds and stores it so."""
