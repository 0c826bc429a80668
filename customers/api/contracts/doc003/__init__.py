"""Document 003: the customer hub, in camelCase."""
