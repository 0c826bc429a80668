"""Exports as files: documents 000, 002 and 003, and `/api/v1/exports`."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.step_up import require_step_up
from audit.json_text import JsonObject
from audit.rest.exceptions import ApiError
from audit.rest.pagination import page_of
from audit.rest.renderers import ExactJSONRenderer
from audit.rest.serializers import PageQuery, StrictSerializer, snake_case
from audit.rest.views import ActionSpec, HasHubPermission
from customers import services
from customers.api.serializers import exports as serializers
from customers.api.views import WorkingBusinessView
from customers.choices import ExportProfile
from customers.models import Business

_FULL, MARKETING = (
    services.EXPORT_PERMISSIONS[profile]
    for profile in (ExportProfile.FULL, ExportProfile.MARKETING)
)
# In the order of the rules, as requirement I2 numbers them.
_RULES = (
    "erased",
    "restricted",
    "archived",
    "do_not_contact",
    "withdrawn",
    "channel_off",
    "purpose_off",
    "no_address",
    "none",
)


class PersonsOnly(BasePermission):
    """Refuses a machine key with a reason: a key cannot confirm a step-up."""

    def has_permission(self, request: Request, view: object) -> bool:
        _, _, text = request.headers.get("Authorization", "").partition(" ")
        if "X-Capture-Key" in request.headers or text.startswith(("sk_", "pk_")):
            sentence = "Persons export, with a confirmation. Sign in as a person."
            raise ApiError(403, "keys_cannot_export", sentence)
        return True


class FileRenderer(ExactJSONRenderer):
    """Lets a client accept text/csv; the view itself makes the stream."""

    media_type = "text/csv"
    format = "csv"


class ExportView(WorkingBusinessView):
    """An endpoint that answers a file, after a step-up."""

    tag = "Exports"
    profile = ""
    permission_classes = (PersonsOnly, HasHubPermission)
    renderer_classes = (ExactJSONRenderer, FileRenderer)

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the renderers: a file is answered to a POST alone."""
        is_file = getattr(self.request, "method", None) == "POST"
        kinds = self.renderer_classes if is_file else (ExactJSONRenderer,)
        return [kind() for kind in kinds]

    def post(self, request: Request) -> StreamingHttpResponse:
        return self.export(self.profile, self.body())

    def export(self, profile: str, body: JsonObject) -> StreamingHttpResponse:
        """Answer the stream of an export. Raises ApiError 401 without a step-up."""
        permission = services.EXPORT_PERMISSIONS[ExportProfile(profile)]
        if not self.request.user.has_perm(permission):
            raise PermissionDenied
        business = self.business(permission)
        plan = self._planned(business, profile, body)
        require_step_up(self.request, "export", digest=plan.digest, what=plan.what)
        export = services.start_export(plan, actor=self.actor)
        response = StreamingHttpResponse(export, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
        response["X-Export-Id"] = str(export.pk)
        if profile == ExportProfile.MARKETING:
            response["X-Export-Left-Out"] = ",".join(
                f"{rule}={export.left_out[rule]}"
                for rule in _RULES
                if export.left_out[rule]
            )
        return response

    def _planned(
        self, business: Business, profile: str, body: JsonObject
    ) -> services.ExportPlan:
        named = {k: body[k] for k in ("channel", "preset", "recipient") if k in body}
        try:
            return services.plan_export(
                business,
                actor=self.actor,
                profile=profile,
                columns=[snake_case(name) for name in body.get("columns", ())],
                filters=serializers.filters_of(body),
                unmasked=body.get("in_clear", False),
                purpose=body["purpose"],
                reason=body["reason"],
                **named,
            )
        except services.RuleError as error:
            raise rule_problem(error, "/filters/rule") from error


def rule_problem(error: services.RuleError, pointer: str) -> ApiError:
    """Return the 400 for a wrong rule, with a pointer to each mistake."""
    errors = [
        {
            "pointer": f"{pointer}{mistake.pointer}",
            "code": mistake.code,
            "detail": mistake.message,
        }
        for mistake in error.mistakes
    ]
    sentence = "The rule cannot be read. Each error says where and how to mend it."
    return ApiError(400, "validation_error", sentence, errors=errors)


def file_spec(permission: str, body: type[StrictSerializer]) -> ActionSpec:
    text = OpenApiTypes.STR
    return ActionSpec(
        permission, text, body=body, takes_key=False, media_type="text/csv"
    )


class CustomerDataExportView(ExportView):
    """Export customers in full, as CSV (document 000)."""

    profile = ExportProfile.FULL
    action_specs: ClassVar = {"post": file_spec(_FULL, serializers.FullExport)}


class HubExportView(ExportView):
    """Export the filtered list, as CSV (document 003)."""

    is_camel = True
    profile = ExportProfile.LIST
    action_specs: ClassVar = {"post": file_spec(_FULL, serializers.ListExport)}


class HasExportPermission(HasHubPermission):
    """Allows whoever may make any export; the plan checks its own permission."""

    def has_permission(self, request: Request, view: object) -> bool:
        if super().has_permission(request, view):
            return True
        user = request.user
        permissions = (_FULL, MARKETING)
        is_post = request.method == "POST" and user.is_authenticated
        return is_post and any(user.has_perm(permission) for permission in permissions)


class ExportsView(ExportView):
    """Every export, and what was exported before."""

    permission_classes = (PersonsOnly, HasExportPermission)
    action_specs: ClassVar = {
        "get": ActionSpec(
            "customers.view_export", serializers.ManifestsSerializer, query=PageQuery
        ),
        "post": file_spec(_FULL, serializers.AnyExport),
    }

    def get(self, request: Request) -> Response:
        """List what was exported and by whom."""
        params = self.params
        exports = services.list_exports(actor=self.actor, business=self.business())
        page = page_of(exports, number=params["page"], limit=params["limit"])
        manifests = services.read_manifests(page.items, actor=self.actor)
        return self.respond({"exports": manifests, "pagination": page})

    def post(self, request: Request) -> StreamingHttpResponse:
        """Export customers as CSV."""
        body = self.body()
        is_marketing = body["profile"] == ExportProfile.MARKETING
        if is_marketing and (body.get("columns") or body["in_clear"]):
            text = "A marketing export has columns of its own. Leave this out."
            raise ValidationError({"columns": ValidationError(text, "conflict")})
        return self.export(body["profile"], body)
