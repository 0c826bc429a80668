"""Base classes of models whose every change leaves a row in their history."""

from __future__ import annotations
