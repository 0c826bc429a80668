"""What staff write down about a customer; edits keep their history."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext as _

from audit.fields import NullCharField
from audit.history.models import TrackedModel
from customers.choices import NoteType, within_sentence
from customers.models.base import ArchiveMarks, BusinessModel, one_of
from customers.models.customer import Customer
from customers.models.fields import AnswerField


class Note(ArchiveMarks, BusinessModel, TrackedModel):
    """A categorised note with its author."""

    privacy: ClassVar[dict[str, str]] = {
        "raw_note_type": "free_text",
        "content": "free_text",
        "archive_reason": "free_text",
    }

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="notes")
    note_type = models.CharField(
        "type", max_length=20, choices=NoteType.choices, default=NoteType.OTHER
    )
    raw_note_type = NullCharField(max_length=100, editable=False)
    # Required by every form and service; null only once the person is erased.
    content = models.TextField(null=True)
    is_pinned = AnswerField("pinned", default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )

    class Meta(TrackedModel.Meta):
        ordering = ("-is_pinned", "-created_at", "-id")
        permissions: ClassVar = [
            ("export_note", "Can export notes"),
            ("import_note", "Can import notes"),
        ]
        constraints: ClassVar = [
            one_of("note_type", NoteType.values, "note_type_known")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "customer", "-created_at"], name="note_customer"
            ),
            models.Index(fields=["business", "-created_at"], name="note_created"),
            models.Index(
                fields=["-is_pinned", "-created_at", "-id"], name="note_order"
            ),
        ]

    def __str__(self) -> str:
        return _("%(kind)s note") % {
            "kind": within_sentence(self.get_note_type_display())
        }
