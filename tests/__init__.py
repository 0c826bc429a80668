"""The suite; its tree mirrors the code."""
