"""What arrives from outside, kept as it came, then projected."""
