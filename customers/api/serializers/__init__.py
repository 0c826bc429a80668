"""What the hub's own API answers, by subject."""
