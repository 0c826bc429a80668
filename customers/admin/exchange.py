"""Import and export in the admin: permissions of their own, events, scoped data.

An export is asked for, confirmed with a PIN, and then taken from a page of its own,
which says what the file holds and what became of it. `customers.services.exports` plans
and records it, as it does those of the API.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import AdminRadioSelect
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
)
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.admin import ExportActionMixin
from import_export.formats.base_formats import Format
from import_export.forms import SelectableFieldsExportForm
from import_export.resources import ModelResource

from audit import clock
from audit.admin.base import LabelsAbove, actor_of, refuse, render_page
from audit.admin.display import active_filters, count_text
from audit.admin.once import act_once, repeatable
from audit.admin.paging import MOST_COUNTED
from audit.admin.search_terms import KEY, term_of, tidy_redirect
from audit.admin.step_up import require_step_up, sent_fields
from audit.crypto import decrypt, encrypt
from audit.ids import parse_uuid, uuid7
from audit.json_text import JsonObject
from audit.privacy.masking import is_masked_path
from customers import services
from customers.admin.base import CustomerChildAdmin
from customers.admin.importing import ImportPages
from customers.readers import SheetError
from customers.resources import TableResource, resource_of
from customers.sheets import FORMATS

if TYPE_CHECKING:
    from audit.history.querysets import ScopedQuerySet

_MASKED, _CLEAR = "masked", "clear"
# The fields of the form before its columns.
_FIRST = ["resource", "format", "contact_data", "purpose", "reason", "recipient"]
_PURPOSE = "confirmed export"
_SESSION = "confirmed_exports"
# Confirmed files of one session that can still be taken.
_MOST = 5
_HIDDEN = "…"
_OVER = _(
    "The time to take this file is over, or it was confirmed elsewhere. Export again."
)
_CHANGED = _("The list is another one by now. Export again.")


class ExportForm(LabelsAbove, SelectableFieldsExportForm):
    """What a file holds, in which format, and why it is made.

    Each column is named as forms do, and by its header in the file.
    """

    contact_data = forms.ChoiceField(
        label=_("Contact data"),
        choices=[
            (_MASKED, _("Masked, like a…@e….org")),
            (_CLEAR, _("In clear, and so it can be imported again")),
        ],
        widget=AdminRadioSelect(attrs={"class": "radiolist"}),
    )
    purpose = forms.CharField(
        label=_("Purpose"),
        max_length=100,
        help_text=_("What the file is for, such as an audit."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("Stands on the page of everybody whom the file holds."),
    )
    recipient = forms.CharField(
        label=_("Goes to"),
        max_length=200,
        required=False,
        help_text=_("Who will have the file, if it does not stay with you."),
    )

    def __init__(self, *args: Any, has_contact_data: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not has_contact_data:
            del self.fields["contact_data"]
        self.order_fields(_FIRST)

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

    @property
    def is_unmasked(self) -> bool:
        """Tell whether the file is to hold contact data in clear."""
        return self.cleaned_data.get("contact_data") == _CLEAR


class ExchangeAdmin(ExportActionMixin, ImportPages):
    """A page with import and export, each with a permission of its own."""

    formats = FORMATS
    export_form_class = ExportForm
    # One customer is exported by an act of the customer's page.
    show_change_form_export = False
    to_encoding = "utf-8-sig"
    import_export_change_list_template = (
        "admin/import_export/change_list_import_export.html"
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_file_view)
        name = self.page_name("export_file")
        return [path("export/<uuid:file_id>/", view, name=name), *super().get_urls()]

    def get_resource_classes(self, request: HttpRequest) -> list[type[ModelResource]]:
        """Return the columns of the table that files of this page are loaded into."""
        return [resource_of(self.import_table)]

    # --- asking -----------------------------------------------------------------

    # Reads a long list, and acts once where it writes.
    @repeatable
    def export_action(self, request: HttpRequest) -> HttpResponse:
        """Ask what is to be exported; when it is confirmed, lead to the file.

        After the end of its search a list shows other rows than were searched for.
        """
        if not self.has_export_permission(request):
            raise PermissionDenied
        back = self.page_name("changelist")
        redirection = tidy_redirect(request, ended_name=back)
        if redirection is not None:
            return redirection
        form = self._export_form(request, request.POST or None)
        if form.is_valid():
            try:
                return self._confirm_export(request, form)
            except ValidationError as error:
                form.add_error(None, error)
        changelist = self.get_changelist_instance(request)
        chosen: Any = form.fields["export_items"]
        context = {
            **self.init_request_context_data(request, form),
            **_counted(len(chosen.choices) or changelist.result_count),
            "is_across": not chosen.choices,
            "filters": active_filters(changelist),
            "is_searched": bool(changelist.query),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, [self.export_template_name], context)

    def export_admin_action(
        self, request: HttpRequest, queryset: QuerySet[Model]
    ) -> HttpResponse:
        """Ask for the format and columns of the chosen rows.

        All that match are what the page of the whole list exports: they may be too many
        for a form.
        """
        filters = f"?{request.GET.urlencode()}" if request.GET else ""
        if request.POST.get("select_across") == "1":
            return redirect(self.page_url("export") + filters)
        form = self._export_form(request, None)
        ids = [str(pk) for pk in queryset.values_list("pk", flat=True)]
        form.initial["export_items"] = ids
        context = {
            **self.init_request_context_data(request, form),
            **_counted(len(ids)),
            "export_url": self.page_url("export") + filters,
        }
        return TemplateResponse(request, [self.export_template_name], context)

    def _export_form(self, request: HttpRequest, data: Any) -> ExportForm:
        form = ExportForm(
            self.get_export_formats(),
            self.get_export_resource_classes(request),
            data=data,
            has_contact_data=services.has_contact_data(self.import_table),
        )
        chosen = data.getlist("export_items") if data else []
        ids = self._valid_ids(request, chosen)
        field: Any = form.fields["export_items"]
        field.widget = forms.MultipleHiddenInput()
        field.choices = [(pk, pk) for pk in ids]
        return form

    def _valid_ids(self, request: HttpRequest, chosen: list[str]) -> list[str]:
        """Return the chosen instances that the person may see."""
        keys = [pk for pk in chosen if parse_uuid(pk)]
        if not keys:
            return []
        queryset = self.get_queryset(request).filter(pk__in=keys)
        return [str(pk) for pk in queryset.values_list("pk", flat=True)]

    # --- confirmed --------------------------------------------------------------

    def _confirm_export(self, request: HttpRequest, form: ExportForm) -> HttpResponse:
        """Ask for the PIN, then remember what was confirmed and lead to its page.

        Raises ValidationError for what no file can be made of.
        """
        plans = self._plans(request, form)
        if not plans:
            msg = gettext("The list has no row that you may export.")
            raise ValidationError(msg, code="nothing_to_export")
        fields = sent_fields(request)
        digest = services.digest_of_exports(plans, fields)
        what = gettext("Export %(rows)s as %(format)s") % {
            "rows": self.opts.verbose_name_plural,
            "format": plans[0].format,
        }

        def remember() -> HttpResponse:
            grant = require_step_up(request, "export", what=what, digest=digest)
            file_id = uuid7()
            services.request_exports(plans, actor=actor_of(request), file_id=file_id)
            until = clock.now() + services.TAKEN_WITHIN
            remembered = {
                "fields": fields,
                "digest": digest,
                "grant": str(grant.pk),
                "until": until.timestamp(),
            }
            _remember(request, file_id, remembered)
            filters = f"?{request.GET.urlencode()}" if request.GET else ""
            return HttpResponseRedirect(self.page_url("export_file", file_id) + filters)

        return act_once(request, remember)

    def _plans(
        self, request: HttpRequest, form: ExportForm
    ) -> list[services.ExportPlan]:
        """Return the plan of the file in each business whose rows it has."""
        actor, table = actor_of(request), self.import_table
        queryset = self._chosen(request, form)
        keys = queryset.order_by().values_list("business_id", flat=True).distinct()
        permission = f"customers.export_{table.name}"
        businesses = services.list_businesses(actor=actor, permission=permission)
        businesses = businesses.filter(pk__in=keys)
        cleaned = form.cleaned_data
        return [
            services.plan_table_export(
                table,
                business,
                actor=actor,
                columns=form.get_selected_resource_export_fields(),
                filters=self._filters(request, form),
                unmasked=form.is_unmasked,
                purpose=cleaned["purpose"],
                reason=cleaned["reason"],
                recipient=cleaned["recipient"],
                format=self._format(form).get_title(),
            )
            for business in businesses.order_by("pk")
        ]

    def _chosen(self, request: HttpRequest, form: ExportForm) -> ScopedQuerySet[Model]:
        """Return the rows of the list, or those that were chosen of it."""
        queryset = self.get_export_queryset(request)
        if chosen := form.cleaned_data.get("export_items"):
            queryset = queryset.filter(pk__in=chosen)
        # The person may have another role elsewhere: leave out those businesses.
        permission = f"{self.opts.app_label}.export_{self.opts.model_name}"
        visible: ScopedQuerySet[Model] = queryset.visible_to(
            actor_of(request), permission
        )
        return visible

    def _filters(self, request: HttpRequest, form: ExportForm) -> JsonObject:
        """Return what the list was narrowed by, for the manifest: no personal value."""
        filters: JsonObject = {}
        for name, values in sorted(request.GET.lists()):
            if name != KEY:
                is_hidden = is_masked_path(self.model, name)
                filters[name] = _HIDDEN if is_hidden else ", ".join(map(str, values))
        if chosen := form.cleaned_data.get("export_items"):
            filters["chosen"] = len(chosen)
        if term := term_of(request):
            filters["search"] = term
        return filters

    def _format(self, form: ExportForm) -> Format:
        made: Format = self.get_export_formats()[int(form.cleaned_data["format"])]()
        return made

    # --- the file ---------------------------------------------------------------

    # Takes the file by a mark of its own, and reads a long list.
    @repeatable
    def export_file_view(self, request: HttpRequest, file_id: UUID) -> HttpResponse:
        """Hand out a confirmed file once; say what it is to hold, and what it held."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        actor, table = actor_of(request), self.import_table
        manifests = services.list_manifests(file_id, table=table, actor=actor)
        remembered = _remembered(request, file_id)
        if not manifests and remembered is None:
            refuse(request, "not_found", "export", str(file_id))
            self.message_user(request, _OVER, messages.ERROR)
            return HttpResponseRedirect(self.page_url("export"))
        plans: list[services.ExportPlan] = []
        if not manifests and remembered is not None:
            form = self._export_form(request, _as_post(remembered["fields"]))
            plans = self._plans(request, form) if form.is_valid() else []
            digest = services.digest_of_exports(plans, remembered["fields"])
            if digest != remembered["digest"]:
                self.message_user(request, _CHANGED, messages.ERROR)
                return HttpResponseRedirect(self.page_url("export"))
            if request.method == "POST" and services.take_file(file_id):
                grant_id = UUID(remembered["grant"])
                return self._hand_out(request, form, plans, file_id, grant_id)
        return render_page(
            request,
            "admin/customers/export_file.html",
            gettext("Export %(rows)s") % {"rows": self.opts.verbose_name_plural},
            opts=self.opts,
            details=manifests[0] if manifests else _details(plans[0]),
            has_contact_data=services.has_contact_data(self.import_table),
            manifest=manifests[0] if manifests else None,
            count=sum(each["rows"] or 0 for each in manifests),
            until=datetime.fromtimestamp(remembered["until"], UTC)
            if remembered
            else None,
            changelist_url=self.page_url("changelist"),
            export_url=self.page_url("export"),
        )

    def _hand_out(
        self,
        request: HttpRequest,
        form: ExportForm,
        plans: Sequence[services.ExportPlan],
        file_id: UUID,
        grant_id: UUID,
    ) -> HttpResponse:
        actor = actor_of(request)
        started = services.start_exports(
            plans, actor=actor, file_id=file_id, grant_id=grant_id
        )
        file_format = self._format(form)
        resource: TableResource = resource_of(self.import_table)()
        dataset = resource.export(
            queryset=self._chosen(request, form),
            export_fields=form.get_selected_resource_export_fields(),
            is_unmasked=form.is_unmasked,
        )
        try:
            data = file_format.export_data(dataset)
        except SheetError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(self.page_url("export"))
        if not file_format.is_binary():
            data = data.encode(self.to_encoding)
        services.finish_exports(
            plans,
            started,
            actor=actor,
            data=data,
            counts=resource.counts,
            customer_ids=resource.customer_ids,
            grant_id=grant_id,
        )
        response = HttpResponse(data, content_type=file_format.get_content_type())
        name = self.get_export_filename(request, None, file_format)
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def _details(plan: services.ExportPlan) -> JsonObject:
    """Return what a file is to hold, by the names that its manifest has for it."""
    return {**plan.event_data(), "reason": plan.reason}


def _counted(count: int) -> dict[str, object]:
    """Return a number of rows, as pages write it, and for the plural."""
    is_more = count > MOST_COUNTED
    text = f"{count_text(MOST_COUNTED)}+" if is_more else count_text(count)
    return {"count": count, "number": text}


def _remember(request: HttpRequest, file_id: UUID, remembered: JsonObject) -> None:
    """Keep in the session what was confirmed, encrypted: it may hold a reason."""
    files = dict(request.session.get(_SESSION, {}))
    data = json.dumps(remembered).encode()
    files[str(file_id)] = encrypt(
        data, purpose=_PURPOSE, owner=_owner(request, file_id)
    )
    request.session[_SESSION] = dict([*files.items()][-_MOST:])


def _remembered(request: HttpRequest, file_id: UUID) -> JsonObject | None:
    """Return what was confirmed; None for a file of elsewhere, or one that is late."""
    box = request.session.get(_SESSION, {}).get(str(file_id))
    if box is None:
        return None
    try:
        data = decrypt(box, purpose=_PURPOSE, owner=_owner(request, file_id))
    except (ValueError, InvalidTag):
        return None
    remembered: JsonObject = json.loads(data)
    is_valid = clock.lasts(remembered["until"], services.TAKEN_WITHIN)
    return remembered if is_valid else None


def _owner(request: HttpRequest, file_id: UUID) -> bytes:
    return f"{request.user.pk} {file_id}".encode()


def _as_post(fields: list[list[Any]]) -> QueryDict:
    """Return fields as a form brings them."""
    return QueryDict(urlencode(dict(fields), doseq=True))


class ExchangeChildAdmin(ExchangeAdmin, CustomerChildAdmin):
    """The same for what belongs to a customer."""

    list_select_related: ClassVar[tuple[str, ...]] = ("customer", "business")
