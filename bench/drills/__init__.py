"""Drills: a real server and a real worker under work, faults and load.

They share the live hub of the tests, which needs the apps to be loaded.
"""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
os.environ.setdefault("HOLDFAST_DEBUG", "true")
django.setup()
