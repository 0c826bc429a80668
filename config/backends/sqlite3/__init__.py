"""SQLite, of which a request waits once for the lock."""
