"""The settings of the suite: the real ones, minus what only makes tests slow."""

from __future__ import annotations

import os

os.environ.setdefault("HOLDFAST_DEBUG", "true")
os.environ.setdefault("HOLDFAST_DEMO", "true")

from config.settings import *  # noqa: F403
from config.settings import DATABASES

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}
elif socket := os.environ.get("HOLDFAST_TEST_SOCKET"):
    # A folder: half of what a statement takes is the way there and back.
    DATABASES["default"]["HOST"] = socket
