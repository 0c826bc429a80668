"""How a person likes the admin to look and work."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from audit.ids import uuid7


class Density(models.TextChoices):
    """How close the rows of lists stand."""

    COMFORTABLE = "comfortable", "comfortable"
    COMPACT = "compact", "compact"


class UserPreferences(models.Model):
    """What one person has chosen; who has no row has the defaults."""

    changeable: ClassVar = (
        "has_shortcuts",
        "density",
        "language",
        "shows_second_zone",
    )
    privacy: ClassVar[dict[str, str]] = {"density": "public", "language": "public"}

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="preferences"
    )
    has_shortcuts = models.BooleanField("single-key shortcuts", default=True)
    density = models.CharField(
        max_length=20, choices=Density.choices, default=Density.COMFORTABLE
    )
    # Empty: that of the browser.
    language = models.CharField(
        max_length=10, choices=settings.LANGUAGES, blank=True, default=""
    )

    # Beside those of the business, and smaller.
    shows_second_zone = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "user preferences"
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(density__in=Density.values),
                name="audit_userpreferences_density",
            ),
        )

    def __str__(self) -> str:
        return f"preferences {self.pk}"
