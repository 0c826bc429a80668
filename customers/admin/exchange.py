"""Import and export in the admin: rights of their own, events, good rows go through."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from import_export.admin import ImportExportModelAdmin
from import_export.forms import ConfirmImportForm, ImportForm

from audit import services as audit
from audit.actors import Actor
from audit.admin.base import actor_of
from audit.admin.step_up import confirmed, sent_fields
from audit.privacy import subject_of
from customers.admin.base import CustomerChildAdmin, HubAdmin
from customers.sheets import FORMATS, SheetError

# More would not be read; the preview lists all of them.
_NAMED = 50
# Whom an entry names; `audit.services.record` keeps fewer still.
_NOTED = 500
_UNREADABLE = "The file cannot be read. Choose the format that it has."


class SizedImportForm(ImportForm):
    """Refuses a file that is too large, before anything of it is kept."""

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > settings.UPLOAD_MAX_BYTES:
            msg = f"The file has more than {settings.UPLOAD_MAX_BYTES} bytes. Split it."
            raise forms.ValidationError(msg)
        return file


class KnownFormatForm(ConfirmImportForm):
    """Takes only what the page before it wrote into its hidden fields."""

    format = forms.ChoiceField(
        choices=[(str(number), number) for number in range(len(FORMATS))],
        widget=forms.HiddenInput,
    )
    resource = forms.ChoiceField(
        choices=[("0", 0)], widget=forms.HiddenInput, required=False
    )


class ExchangeAdmin(ImportExportModelAdmin, HubAdmin):
    """A page with import and export, for whoever has the right of that name."""

    formats = FORMATS
    import_form_class = SizedImportForm
    confirm_form_class = KnownFormatForm
    import_template_name = "admin/customers/import.html"
    from_encoding = "utf-8-sig"
    to_encoding = "utf-8-sig"
    skip_admin_log = True

    def get_resource_kwargs(self, request: HttpRequest, **_: Any) -> dict[str, Any]:
        return {"actor": actor_of(request)}

    def get_import_resource_kwargs(
        self, request: HttpRequest, **_: Any
    ) -> dict[str, Any]:
        written: Counter[UUID] = Counter()
        kept: Any = request
        kept._written = written
        return {**self.get_resource_kwargs(request), "written": written}

    def get_export_resource_kwargs(
        self, request: HttpRequest, **_: Any
    ) -> dict[str, Any]:
        return self.get_resource_kwargs(request)

    # --- import -----------------------------------------------------------------

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the preview; rows with mistakes stay behind and stop nobody else."""
        response = super().import_action(request, **kwargs)
        context = getattr(response, "context_data", None) or {}
        result, form = context.get("result"), context.get("form")
        if result is not None:
            self._note_preview(request, result)
        if result is None or context.get("confirm_form") is not None:
            return response
        good = [row for row in result.rows if row.import_type in ("new", "update")]
        if good and not result.has_errors():
            context["confirm_form"] = self.create_confirm_form(
                request, import_form=form
            )
            self.message_user(
                request,
                f"{len(result.invalid_rows)} rows have mistakes. Confirm to load the "
                f"other {len(good)}, or mend the file first.",
                level="WARNING",
            )
            self._name_bad_rows(request, result, "would be left out")
        return response

    def _note_preview(self, request: HttpRequest, result: Any) -> None:
        """Note whose rows the preview shows beside the new values."""
        keys = [row.object_id for row in result.rows if row.object_id is not None]
        rows = self.get_queryset(request).filter(pk__in=keys[:_NOTED])
        self.note_shown(request, "previewed", rows)

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Load a file that was previewed; say so when it is no longer there."""
        try:
            return super().process_import(request, **kwargs)
        except SheetError as error:
            self.message_user(request, str(error), "ERROR")
            app, model = self.get_model_info()
            return HttpResponseRedirect(reverse(f"admin:{app}_{model}_import"))

    def add_data_read_fail_error_to_form(self, form: Any, error: Exception) -> None:
        """Show the sentence of a refused file, and keep nothing of the file."""
        name = form.cleaned_data["import_file"].tmp_storage_name
        self.get_tmp_storage_class()(name=name).remove()
        known = isinstance(error, SheetError)
        form.add_error("import_file", str(error) if known else _UNREADABLE)

    def process_result(self, result: Any, request: HttpRequest) -> HttpResponse:
        facts = {"table": self.opts.label_lower}
        kept: Any = request
        written: Counter[UUID] = kept._written
        if result.has_errors():
            written.clear()  # rolled back
        _record_each("import.finished", written, actor=actor_of(request), facts=facts)
        self._name_bad_rows(request, result, "was left out")
        return super().process_result(result, request)

    def _name_bad_rows(self, request: HttpRequest, result: Any, fate: str) -> None:
        for row in result.invalid_rows[:_NAMED]:
            texts = [
                f"{name}: {' '.join(map(str, messages))}"
                for name, messages in row.field_specific_errors.items()
            ]
            reasons = " ".join([*texts, *map(str, row.non_field_specific_errors)])
            self.message_user(
                request, f"Line {row.number + 1} {fate}. {reasons}", "WARNING"
            )
        if len(result.invalid_rows) > _NAMED:
            rest = len(result.invalid_rows) - _NAMED
            self.message_user(request, f"{rest} more lines {fate}.", "WARNING")

    # --- export -----------------------------------------------------------------

    def get_valid_export_item_pks(self, request: HttpRequest) -> list[str]:
        """Return the chosen rows that are within reach, not every key of the table."""
        chosen = [pk for pk in request.POST.getlist("export_items") if _is_uuid(pk)]
        rows = self.get_queryset(request).filter(pk__in=chosen)
        return [str(pk) for pk in rows.values_list("pk", flat=True)]

    def get_export_data(
        self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any
    ) -> Any:
        actor = actor_of(request)
        # Whoever only looks elsewhere opens this page too: its rows stay behind.
        right = f"{self.opts.app_label}.export_{self.opts.model_name}"
        queryset = queryset.visible_to(actor, right)
        facts = {"table": self.opts.label_lower, "format": file_format.get_title()}
        # Filter and columns: one confirmation is for one file.
        filters = sorted([k, list(v)] for k, v in request.GET.lists())
        digest = audit.digest_of(
            "export", **facts, filters=filters, form=sent_fields(request)
        )
        what = f"Export {self.opts.verbose_name_plural} as {facts['format']}"
        confirmed(request, "export", what=what, digest=digest)
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
        audit.record_alone(
            action,
            actor=actor,
            business_id=business_id,
            subjects={pk for row in own if (pk := subject_of(row)) is not None},
            data={**facts, "rows": count},
        )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class ExchangeChildAdmin(ExchangeAdmin, CustomerChildAdmin):
    """The same for rows of a customer."""

    list_select_related: ClassVar[tuple[str, ...]] = ("customer", "business")
