"""PostgreSQL, of which a request waits once for a connection or a lock."""
