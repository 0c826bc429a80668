"""Pages of the own account, and those that one signs in on."""

from __future__ import annotations
