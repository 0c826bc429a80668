"""A PostgreSQL database that keeps businesses apart by itself."""
