"""Django's two databases, with the rule that a request waits for them once."""
