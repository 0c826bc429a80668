"""The pages of captures."""

from __future__ import annotations

from capture.admin import (
    acts,
    captures,
    customer_tabs,
    identity_reviews,
    keys,
    navigation,
    projections,
    quarantine,
    search,
)
