"""Drills: a real server and a real worker under work, faults and load."""
