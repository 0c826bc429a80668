"""Import and export in the admin: permissions of their own, events, scoped data."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from import_export.admin import ExportActionMixin
from import_export.formats.base_formats import Format
from import_export.forms import SelectableFieldsExportForm
from import_export.resources import ModelResource

from audit import accounts, log
from audit.admin.base import LabelsAbove, actor_of
from audit.admin.search_terms import tidy_redirect
from audit.admin.step_up import require_step_up, sent_fields
from audit.ids import parse_uuid
from audit.privacy.classes import subject_of
from audit.tenancy.actors import Actor
from customers.admin.base import CustomerChildAdmin
from customers.admin.importing import ImportPages
from customers.resources import resource_of
from customers.sheets import FORMATS

if TYPE_CHECKING:
    from audit.history.querysets import ScopedQuerySet

# How many subjects an event names; `audit.log.recording` keeps fewer still.
_NOTED = 500


class ColumnsForm(LabelsAbove, SelectableFieldsExportForm):
    """Names each column as forms do, and by its header in the file."""

    def _get_field_label(self, resource: type[ModelResource], field_name: str) -> str:
        header = resource.fields[field_name].column_name
        names = {
            field.name: field.verbose_name
            for field in resource._meta.model._meta.fields
        }
        label = format_html("<code>{}</code>", header)
        if header in names:
            label = format_html("{} {}", capfirst(names[header]), label)
        return label


class ExchangeAdmin(ExportActionMixin, ImportPages):
    """A page with import and export, each with a permission of its own."""

    formats = FORMATS
    export_form_class = ColumnsForm
    # One customer is exported by an act of the customer's page.
    show_change_form_export = False
    to_encoding = "utf-8-sig"
    import_export_change_list_template = (
        "admin/import_export/change_list_import_export.html"
    )

    def get_resource_classes(self, request: HttpRequest) -> list[type[ModelResource]]:
        """Return the columns of the table that files of this page are loaded into."""
        return [resource_of(self.import_table)]

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """Export what the list shows: after the end of its search that is not all."""
        if self.has_export_permission(request):
            back = self.page_name("changelist")
            redirect = tidy_redirect(request, ended_name=back)
            if redirect is not None:
                return redirect
        return super().export_action(request)

    def export_admin_action(
        self, request: HttpRequest, queryset: QuerySet[Model]
    ) -> HttpResponse:
        """Ask for the format and columns of the chosen rows.

        All that match are what the page of the whole list exports: they may be too many
        for a form.
        """
        if request.POST.get("select_across") == "1":
            filters = f"?{request.GET.urlencode()}" if request.GET else ""
            return redirect(self.page_url("export") + filters)
        return super().export_admin_action(request, queryset)

    def get_valid_export_item_pks(self, request: HttpRequest) -> list[str]:
        """Return the chosen instances that the person may see."""
        chosen = [pk for pk in request.POST.getlist("export_items") if parse_uuid(pk)]
        queryset = self.get_queryset(request).filter(pk__in=chosen)
        return [str(pk) for pk in queryset.values_list("pk", flat=True)]

    def get_export_data(
        self,
        file_format: Format,
        request: HttpRequest,
        queryset: ScopedQuerySet[Model],
        **kwargs: object,
    ) -> str | bytes:
        actor = actor_of(request)
        # The person may have another role elsewhere: leave out those businesses.
        permission = f"{self.opts.app_label}.export_{self.opts.model_name}"
        queryset = queryset.visible_to(actor, permission)
        details = {"table": self.opts.label_lower, "format": file_format.get_title()}
        # Filter and columns: one confirmation is for one file.
        filters = sorted([k, list(v)] for k, v in request.GET.lists())
        digest = accounts.digest_of(
            "export", **details, filters=filters, form=sent_fields(request)
        )
        what = _("Export %(rows)s as %(format)s") % {
            "rows": self.opts.verbose_name_plural,
            "format": details["format"],
        }
        require_step_up(request, "export", what=what, digest=digest, is_file=True)
        counts = _count_by_business(queryset)
        _record_each("export.started", counts, actor=actor, details=details)
        data = super().get_export_data(file_format, request, queryset, **kwargs)
        _record_each(
            "export.finished", counts, actor=actor, details=details, exported=queryset
        )
        return data


def _count_by_business(queryset: QuerySet[Model]) -> Counter[UUID]:
    pairs = queryset.order_by().values_list("business_id").annotate(n=Count("pk"))
    return Counter(dict(pairs))


def _record_each(
    action: str,
    counts: Counter[UUID],
    *,
    actor: Actor,
    details: dict[str, str],
    exported: QuerySet[Model] | None = None,
) -> None:
    """Write one event in each business that is exported from; one without any.

    Each event counts what is of its business, and names the first subjects.
    """
    for business_id, count in counts.items() or [(None, 0)]:
        first = (
            ()
            if exported is None
            else exported.filter(business_id=business_id)[:_NOTED]
        )
        log.record_alone(
            action,
            actor=actor,
            business_id=business_id,
            subjects={pk for each in first if (pk := subject_of(each)) is not None},
            data={**details, "rows": count},
        )


class ExchangeChildAdmin(ExchangeAdmin, CustomerChildAdmin):
    """The same for what belongs to a customer."""

    list_select_related: ClassVar[tuple[str, ...]] = ("customer", "business")
