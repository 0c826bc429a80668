"""The capture routes of the source documents."""

from __future__ import annotations

urlpatterns: list = []
