"""Document 002: whom offers may reach."""
