"""The pages of captures."""

from __future__ import annotations

from capture.admin import captures, keys, navigation, projections, quarantine
