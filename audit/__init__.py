"""Who did what, provably. Knows no customer."""
