"""Import in the admin: choose a file, look at what it would do, confirm, report.

The pages are thin: `customers.services.imports` keeps, previews and loads a file, and
gives it to its uploader alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from audit import jobs
from audit.admin.base import (
    Context,
    LabelsAbove,
    actor_of,
    refuse,
    render_page,
    user_of,
)
from audit.admin.job import explain, follow_job, job_card
from audit.admin.once import repeatable
from audit.jobs.tasks import BATCH_SIZE, JobTask
from audit.json_text import JsonObject
from audit.privacy.invisible import bidi_within
from audit.privacy.masking import SEE_UNMASKED
from audit.tenancy.actors import Actor
from customers import services, tasks
from customers.admin.base import HubAdmin
from customers.models import Business, ImportFile
from customers.readers import KINDS, SheetError

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from audit.models import Job

_MISSING = _("The file is no longer there. Choose it again.")
_NOT_LOOKED_AT = _("The file was not looked at to its end. Choose it again.")
_ENDINGS = {"csv": "csv", "txt": "csv", "tsv": "csv", "xlsx": "xlsx", "json": "json"}
_TITLES = {
    "new": _("New"),
    "changed": _("Changed"),
    "unchanged": _("Unchanged"),
    "rejected": _("Rejected"),
}
_OUTCOMES = {
    "new": _("new"),
    "changed": _("changed"),
    "unchanged": _("unchanged"),
    "rejected": _("rejected"),
    "left_alone": _("left alone"),
}


class ImportFileForm(LabelsAbove, forms.Form):
    """Which file, and how it is to be read."""

    import_file = forms.FileField(
        label=_("File"), help_text=_("CSV, Excel (.xlsx) or JSON.")
    )
    format = forms.ChoiceField(
        label=_("Format"),
        choices=[("", _("By its name")), *((kind, kind.upper()) for kind in KINDS)],
        required=False,
    )
    business: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None,
        label=_("Business"),
        required=False,
        to_field_name="slug",
        help_text=_("Of rows that name none in the column business."),
    )
    clear_empty = forms.BooleanField(
        label=_("Empty cells clear the value"),
        required=False,
        help_text=_("Off: an empty cell leaves what is stored as it is."),
    )

    def __init__(self, *, businesses: QuerySet[Business], **options: Any) -> None:
        super().__init__(**options)
        field: Any = self.fields["business"]
        field.queryset = businesses
        first = list(businesses[:2])
        self._only = first[0] if len(first) == 1 else None
        if self._only is not None:
            del self.fields["business"]

    def clean_import_file(self) -> UploadedFile:
        """Refuse a file that is too large, before anything of it is kept."""
        file = self.cleaned_data["import_file"]
        if file.size > settings.UPLOAD_MAX_BYTES:
            msg = gettext("The file has more than %(limit)s bytes. Split it.")
            raise forms.ValidationError(msg % {"limit": settings.UPLOAD_MAX_BYTES})
        return file

    def clean(self) -> dict[str, object]:
        """Find the format by the file's name, and the business if there is one only."""
        cleaned = super().clean() or {}
        file = cleaned.get("import_file")
        if file is not None and not cleaned.get("format"):
            kind = _ENDINGS.get(file.name.rpartition(".")[2].lower())
            if kind is None:
                msg = gettext("Choose the format that the file has.")
                self.add_error("format", msg)
            cleaned["format"] = kind
        cleaned["business"] = self._only or cleaned.get("business")
        if cleaned["business"] is None and "business" not in self.errors:
            msg = gettext("Choose the business that the rows are of.")
            self.add_error("business", msg)
        return cleaned


class ConfirmImportForm(LabelsAbove, forms.Form):
    """How a previewed file is to be loaded."""

    update_existing = forms.BooleanField(
        label=_("Update existing"),
        required=False,
        help_text=_("Off: rows that would change what is stored are left alone."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Stands in the history of every row that is written."),
    )


class ImportPages(HubAdmin):
    """A page with import, which takes a permission of its own."""

    @property
    def import_table(self) -> services.ImportTable:
        """The table of the services that files of this page are loaded into."""
        return services.IMPORT_TABLES[str(self.opts.model_name)]

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may import rows of this kind in any business."""
        return request.user.has_perm(self.import_table.permission)

    def get_urls(self) -> list[URLPattern]:
        name = self.page_name
        wrap = self.admin_site.admin_view
        urls = [
            path("import/", wrap(self.import_view), name=name("import")),
            path(
                "import/<uuid:file_id>/rejected/",
                wrap(self.rejected_view),
                name=name("import_rejected"),
            ),
            path(
                "import/<uuid:file_id>/",
                wrap(self.import_file_view),
                name=name("import_file"),
            ),
        ]
        return [*urls, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: Context | None = None
    ) -> HttpResponse:
        allowed = {"has_import_permission": self.has_import_permission(request)}
        return super().changelist_view(request, {**(extra_context or {}), **allowed})

    # --- pages ------------------------------------------------------------------

    # A file sent twice is kept twice, and each is loaded once. No transaction around
    # the page, which may read long files.
    @repeatable
    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file, look at it, and lead to what it would do."""
        self._require_permission(request)
        actor, table = actor_of(request), self.import_table
        businesses = services.list_businesses(actor=actor, permission=table.permission)
        form = ImportFileForm(
            data=request.POST or None,
            files=request.FILES or None,
            businesses=businesses,
        )
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["import_file"]
            try:
                upload = services.keep_upload(
                    file.read(),
                    name=file.name,
                    kind=form.cleaned_data["format"],
                    table=table,
                    business=form.cleaned_data["business"],
                    actor=actor,
                    clear_empty=form.cleaned_data["clear_empty"],
                )
                self._start_preview(request, upload)
            except SheetError as error:
                form.add_error("import_file", str(error))
            except ValidationError as error:
                form.add_error("import_file", error)
            else:
                return self._redirect_to(upload)
        files = services.list_uploads(table=table, actor=actor)
        return self._render(
            request,
            "import.html",
            step=1,
            form=form,
            columns=table.columns,
            files=files,
        )

    @repeatable
    def import_file_view(self, request: HttpRequest, file_id: UUID) -> HttpResponse:
        """Show what a file would do or has done; load or remove it when told so."""
        self._require_permission(request)
        actor, table = actor_of(request), self.import_table
        try:
            upload = services.get_upload(file_id, table=table, actor=actor)
            job = jobs.find_job(_job_key(upload), actor=actor)
            if job is not None and job.is_open:
                # Nothing is told to a file that a job is busy with.
                return self._show_job(request, upload, job)
            if request.method == "POST":
                return self._answer(request, upload)
            preview = services.import_findings(upload)
        except (ObjectDoesNotExist, SheetError):
            refuse(request, "not_found", "customers.importfile", str(file_id))
            return self._back_to_start(request, _MISSING)
        if upload.previewed_at is None:
            # A preview that was cut off is made once more.
            error = job.error if job is not None else ""
            return self._back_to_start(
                request, explain(error) if error else _NOT_LOOKED_AT
            )
        if upload.loaded_at is not None:
            report = services.import_report(upload)
            rejected = report["rejected"][: services.IMPORT_SAMPLE_SIZE]
            counts = report["counts"].items()
            return self._render(
                request,
                "import_report.html",
                upload,
                step=4,
                report=report,
                counts=[(_OUTCOMES[name], number) for name, number in counts],
                rejected=[_translated(row) for row in rejected],
            )
        return self._show_preview(request, upload, preview, ConfirmImportForm())

    def rejected_view(self, request: HttpRequest, file_id: UUID) -> HttpResponse:
        """Send the rejected rows of a file with their reasons, to be mended."""
        self._require_permission(request)
        try:
            upload = services.get_upload(
                file_id, table=self.import_table, actor=actor_of(request)
            )
            lines = list(services.export_rejects(upload))
        except (ObjectDoesNotExist, SheetError):
            refuse(request, "not_found", "customers.importfile", str(file_id))
            return self._back_to_start(request, _MISSING)
        response = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="rejected.csv"'
        return response

    def _answer(self, request: HttpRequest, upload: ImportFile) -> HttpResponse:
        actor = actor_of(request)
        if "discard" in request.POST:
            if upload.confirmed_at is not None:
                # The report and the event of what was written until here.
                services.end_import(upload, actor=actor)
                text = gettext("The rest of the file is not loaded.")
                self.message_user(request, text)
                return self._redirect_to(upload)
            try:
                services.discard_upload(upload)
            except ValidationError as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
                return self._redirect_to(upload)
            text = gettext("The file was removed. Nothing was written.")
            self.message_user(request, text)
            return HttpResponseRedirect(self.page_url("changelist"))
        form = ConfirmImportForm(request.POST)
        if not form.is_valid():
            preview = services.import_findings(upload)
            return self._show_preview(request, upload, preview, form)
        try:
            services.confirm_import(upload, actor=actor, **form.cleaned_data)
            self._start_load(request, upload)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        return self._redirect_to(upload)

    # --- the work: a little of it here, the rest in a job -------------------------

    def _start_preview(self, request: HttpRequest, upload: ImportFile) -> None:
        """Look at a file, here or in a job; one that cannot be looked at is not kept.

        Raises SheetError for one that is unreadable, ValidationError for one job more
        than the person may have.
        """
        try:
            if not services.is_long(upload):
                services.preview_import(upload, actor=actor_of(request))
                return
            self._start_job(request, tasks.preview_import, upload)
        except (SheetError, ValidationError):
            services.discard_upload(upload)
            raise

    def _start_load(self, request: HttpRequest, upload: ImportFile) -> None:
        """Load a confirmed file. Raises ValidationError when that goes on already."""
        preview = services.import_findings(upload)
        if preview["total"] <= BATCH_SIZE:
            services.load_import(upload, actor=actor_of(request))
        else:
            self._start_job(request, tasks.load_import, upload, preview["total"])

    def _start_job(
        self,
        request: HttpRequest,
        task: JobTask,
        upload: ImportFile,
        total: int | None = None,
    ) -> None:
        with jobs.room_for_jobs(actor_of(request)):
            task.using(
                actor=actor_of(request),
                business_id=upload.business_id,
                reason=upload.reason,
                key=_job_key(upload),
                total=total,
            ).enqueue(file=str(upload.pk), only=str(user_of(request).acts_in or ""))

    # --- responses --------------------------------------------------------------

    def _show_preview(
        self,
        request: HttpRequest,
        upload: ImportFile,
        preview: JsonObject,
        form: ConfirmImportForm,
    ) -> HttpResponse:
        self._note_preview(request, preview)
        counts = preview["counts"]
        groups = [
            {
                "name": name,
                "title": _TITLES[name],
                "words": _OUTCOMES[name],
                "count": counts[name],
                "rows": [self._masked(request, row) for row in preview["shown"][name]],
            }
            for name in services.IMPORT_OUTCOMES
        ]
        return self._render(
            request,
            "import_preview.html",
            upload,
            step=2,
            preview=preview,
            groups=groups,
            form=form,
            is_started=upload.confirmed_at is not None,
            can_load=counts["new"] + counts["changed"] > 0,
        )

    def _show_job(
        self, request: HttpRequest, upload: ImportFile, job: Job
    ) -> HttpResponse:
        step = 2 if upload.previewed_at is None else 3
        page, card = "import_running.html", job_card(job)
        response = self._render(request, page, upload, step=step, **card)
        return follow_job(response, job)

    def _masked(self, request: HttpRequest, row: JsonObject) -> JsonObject:
        """Return a row of the preview with stored values as the person sees them."""
        columns = {column.name: column for column in self.import_table.columns}
        business = UUID(row["business"]) if row["business"] else None
        is_unmasked = actor_of(request).has_perm(SEE_UNMASKED, business)
        changes = [
            (name, before if is_unmasked else columns[name].masked(before), after)
            for name, before, after in row["changes"]
        ]
        page = self.page_url("change", row["key"]) if row["key"] else ""
        return bidi_within({**_translated(row), "changes": changes, "page": page})

    def _note_preview(self, request: HttpRequest, preview: JsonObject) -> None:
        """Note whose stored rows the preview shows beside the new values."""
        rows = [row for group in preview["shown"].values() for row in group]
        keys = [row["key"] for row in rows if row["key"]]
        stored = self.get_queryset(request).filter(pk__in=keys)
        self.note_access(request, "previewed", stored)

    def _render(
        self,
        request: HttpRequest,
        template: str,
        upload: ImportFile | None = None,
        **context: object,
    ) -> HttpResponse:
        if upload is not None:
            context["upload"] = upload
            context["rejected_page"] = self.page_url("import_rejected", upload.pk)
        return render_page(
            request,
            f"admin/customers/{template}",
            gettext("Import %(rows)s") % {"rows": self.opts.verbose_name_plural},
            opts=self.opts,
            steps=[
                gettext("File"),
                gettext("Preview"),
                pgettext("step", "Load"),
                gettext("Report"),
            ],
            **context,
        )

    def _require_permission(self, request: HttpRequest) -> None:
        if not self.has_import_permission(request):
            raise PermissionDenied

    def _back_to_start(
        self, request: HttpRequest, sentence: _StrOrPromise
    ) -> HttpResponse:
        self.message_user(request, sentence, messages.ERROR)
        return HttpResponseRedirect(self.page_url("import"))

    def _redirect_to(self, upload: ImportFile) -> HttpResponse:
        return HttpResponseRedirect(self.page_url("import_file", upload.pk))


def page_of_job(job: Job, actor: Actor) -> str:
    """Return the page of the file of a job; empty for all but who sent the file."""
    try:
        upload = services.get_upload(UUID(job.args["file"]), table=None, actor=actor)
    except (ObjectDoesNotExist, KeyError, ValueError):
        return ""
    return reverse(f"admin:customers_{upload.table}_import_file", args=[upload.pk])


def _translated(row: JsonObject) -> JsonObject:
    """Return a row with what is said of it in the reader's language.

    Stored in English; a sentence with a value in it stays so.
    """
    errors = [(name, gettext(text)) for name, text in row["errors"]]
    return {**row, "errors": errors, "notes": [*map(gettext, row.get("notes", ()))]}


def _job_key(upload: ImportFile) -> str:
    """Return the key of a file's jobs: at most one of them is open."""
    return f"import:{upload.pk}"
