"""How staff like to see the list of customers: saved views, and their own layout."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.ids import uuid7
from customers.models.base import BusinessModel, UntrackedModel
from customers.models.fields import AnswerField

PAGE_SIZES = (25, 50, 100)


class SavedView(UntrackedModel, BusinessModel):
    """Filters, order and columns of the list under a name; never a text searched for.

    The owner's alone, unless `is_shared` with everybody who sees customers of the
    business. `sort` names columns as the address of the list does: `-seen.who`.
    """

    privacy: ClassVar[dict[str, str]] = {
        "name": "public",
        "filters": "public",
        "sort": "public",
        "columns": "public",
    }

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    name = models.CharField(max_length=40)
    filters = models.JSONField(default=dict, blank=True)
    sort = models.CharField(max_length=200, blank=True)
    columns = models.JSONField(default=list)
    is_shared = AnswerField("shared with the business", default=False)
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "view"
        ordering = ("name", "id")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "owner", "name"],
                condition=Q(archived_at=None),
                name="one_view_per_name",
                violation_error_message=_("You have a view of this name."),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "is_shared"], name="view_shared"),
        ]

    def __str__(self) -> str:
        return f"view {self.pk}"


class ListLayout(models.Model):
    """The columns of one person's list of customers, and how many rows a page has."""

    privacy: ClassVar[dict[str, str]] = {"columns": "public"}

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    columns = models.JSONField(default=list)
    page_size = models.PositiveSmallIntegerField(
        default=50, choices=[(size, str(size)) for size in PAGE_SIZES]
    )

    class Meta:
        ordering = ("id",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"layout {self.pk}"
