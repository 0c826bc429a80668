"""Import and export in the admin: rights of their own, events, scoped rows."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Count
from django.http import HttpRequest
from import_export.admin import ExportMixin

from audit import accounts, log
from audit.admin.base import actor_of
from audit.admin.step_up import require_step_up, sent_fields
from audit.ids import parse_uuid
from audit.privacy.classes import subject_of
from audit.tenancy.actors import Actor
from customers.admin.base import CustomerChildAdmin
from customers.admin.importing import ImportPages
from customers.resources import resource_of
from customers.sheets import FORMATS

# Whom an entry names; `audit.log.recording` keeps fewer still.
_NOTED = 500


class ExchangeAdmin(ExportMixin, ImportPages):
    """A page with import and export, for whoever has the right of that name."""

    formats = FORMATS
    to_encoding = "utf-8-sig"
    import_export_change_list_template = (
        "admin/import_export/change_list_import_export.html"
    )

    def get_resource_classes(self, request: HttpRequest) -> list[Any]:
        """Return the columns of the table that files of this page are loaded into."""
        return [resource_of(self.import_table)]

    def get_valid_export_item_pks(self, request: HttpRequest) -> list[str]:
        """Return the chosen rows that are within reach, not every key of the table."""
        chosen = [pk for pk in request.POST.getlist("export_items") if parse_uuid(pk)]
        rows = self.get_queryset(request).filter(pk__in=chosen)
        return [str(pk) for pk in rows.values_list("pk", flat=True)]

    def get_export_data(
        self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any
    ) -> Any:
        actor = actor_of(request)
        # Whoever only looks elsewhere opens this page too: its rows stay behind.
        permission = f"{self.opts.app_label}.export_{self.opts.model_name}"
        queryset = queryset.visible_to(actor, permission)
        facts = {"table": self.opts.label_lower, "format": file_format.get_title()}
        # Filter and columns: one confirmation is for one file.
        filters = sorted([k, list(v)] for k, v in request.GET.lists())
        digest = accounts.digest_of(
            "export", **facts, filters=filters, form=sent_fields(request)
        )
        what = f"Export {self.opts.verbose_name_plural} as {facts['format']}"
        require_step_up(request, "export", what=what, digest=digest)
        counts = _rows_by_business(queryset)
        _record_each("export.started", counts, actor=actor, facts=facts)
        data = super().get_export_data(file_format, request, queryset, **kwargs)
        _record_each("export.finished", counts, actor=actor, facts=facts, rows=queryset)
        return data


def _rows_by_business(rows: Any) -> Counter[UUID]:
    pairs = rows.order_by().values_list("business_id").annotate(n=Count("pk"))
    return Counter(dict(pairs))


def _record_each(
    action: str,
    counts: Counter[UUID],
    *,
    actor: Actor,
    facts: dict[str, Any],
    rows: Any = None,
) -> None:
    """Write one event in each business whose rows they were; one where there are none.

    Each business reads of its own rows alone; the first people are named.
    """
    for business_id, count in counts.items() or [(None, 0)]:
        own = rows.filter(business_id=business_id)[:_NOTED] if rows is not None else []
        log.record_alone(
            action,
            actor=actor,
            business_id=business_id,
            subjects={pk for row in own if (pk := subject_of(row)) is not None},
            data={**facts, "rows": count},
        )


class ExchangeChildAdmin(ExchangeAdmin, CustomerChildAdmin):
    """The same for rows of a customer."""

    list_select_related: ClassVar[tuple[str, ...]] = ("customer", "business")
