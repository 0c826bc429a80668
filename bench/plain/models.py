"""One event, and a history of it, as simple-history keeps it out of the box."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords


class PlainEvent(models.Model):
    name = models.CharField(max_length=100)
    email = models.EmailField()
    payload = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords()

    def __str__(self) -> str:
        return self.name
