"""Commands of the whole product."""

from __future__ import annotations
