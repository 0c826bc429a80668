"""Captures in typed columns: signups, logins, payments, questionnaires, dashboards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import display_for_value
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin.base import actor_of, readable_columns
from audit.log import note_access
from capture import services
from capture.admin.base import ProjectionAdmin
from capture.choices import DisputeStatus, ProviderRefundStatus
from capture.models import (
    DashboardSnapshot,
    Login,
    Payment,
    PaymentReference,
    Questionnaire,
    Signup,
)
from customers.choices import within_sentence
from customers.services import format_money


@admin.register(Signup)
class SignupAdmin(ProjectionAdmin):
    list_display = ("signup_date", "customer", "plan", "signup_source", "trust")
    list_filter = ("trust", "signup_date")
    search_fields = ("email__exact", "customer__unique_id__istartswith")
    ordering = ("-occurred_at", "-id")


@admin.register(Login)
class LoginAdmin(ProjectionAdmin):
    list_display = ("login_time", "customer", "login_method", "success", "trust")
    list_filter = ("success", "trust")
    search_fields = ("email__exact", "customer__unique_id__istartswith")
    ordering = ("-occurred_at", "-id")


@admin.register(Payment)
class PaymentAdmin(ProjectionAdmin):
    list_display = (
        "occurred_at",
        "customer",
        "plan_name",
        "amount",
        "state",
        "confirmation",
        "payment_processor",
    )
    list_filter = ("state", "verified", "payment_processor", "occurred_at")
    search_fields = ("transaction_id__exact", "customer__unique_id__istartswith")
    search_help_text = _("A transaction id or a customer's reference.")
    ordering = ("-occurred_at", "-id")

    @admin.display(description=_("Amount"))
    def amount(self, payment: Payment) -> str:
        return services.format_amount(payment)

    def get_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        names = readable_columns(self.model, {"id", "refunds"})
        place = names.index("amount_refunded") + 1
        return (*names[:place], "went_back", *names[place:])

    @admin.display(description=_("Refunds and disputes"))
    def went_back(self, payment: Payment) -> str:
        """Show each refund and dispute, and whether more went back than was paid."""
        lines = format_html_join(
            "", "<li>{}</li>", ((line,) for line in _refund_lines(payment))
        )
        note = ""
        if payment.is_refunded_above_price:
            note = gettext("More went back than was paid. Compare with the processor.")
        return format_html("<ul>{}</ul>{}", lines, note) if lines or note else "–"

    @admin.display(description=_("Confirmed by"), ordering="verified")
    def confirmation(self, payment: Payment) -> str:
        trust = within_sentence(payment.get_trust_display())
        if payment.is_claim:
            return gettext("claimed by %(trust)s") % {"trust": trust}
        return trust


def _refund_lines(payment: Payment) -> Iterator[str]:
    """Yield a sentence for each refund and dispute of a payment."""
    for line in payment.refunds or ():
        is_dispute = line["kind"] == "dispute"
        statuses = DisputeStatus if is_dispute else ProviderRefundStatus
        amount = gettext("all of it")
        if line["amount"] is not None:
            amount = format_money(Decimal(line["amount"]), line["currency"])
        values = {
            "number": line["id"] or "",
            "amount": amount,
            "status": within_sentence(statuses(line["status"]).label),
            "time": display_for_value(datetime.fromisoformat(line["at"]), "–"),
        }
        if is_dispute:
            text = gettext("Dispute %(number)s: %(amount)s, %(status)s, %(time)s")
        else:
            text = gettext("Refund %(number)s: %(amount)s, %(status)s, %(time)s")
        yield (text % values).replace(" :", ":")


@admin.register(PaymentReference)
class PaymentReferenceAdmin(ProjectionAdmin):
    list_display = ("value", "payment")
    list_select_related = ("payment",)
    search_fields = ("value__exact",)
    ordering = ("value", "id")
    extra_lookups = ("payment__id__exact",)


@admin.register(Questionnaire)
class QuestionnaireAdmin(ProjectionAdmin):
    list_display = ("occurred_at", "customer", "prop_firm", "account_type", "trust")
    list_filter = ("trust", "occurred_at")
    search_fields = ("user_email__exact", "customer__unique_id__istartswith")
    ordering = ("-occurred_at", "-id")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.screenshot_view)
        page = path("<uuid:pk>/screenshot/", view, name=self.page_name("screenshot"))
        return [page, *super().get_urls()]

    def get_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        return (*readable_columns(self.model, {"id", "account_screenshot"}), "picture")

    @admin.display(description=_("Screenshot"))
    def picture(self, questionnaire: Questionnaire) -> str:
        if not questionnaire.account_screenshot:
            return "–"
        url = self.page_url("screenshot", questionnaire.pk)
        return format_html('<a href="{}">{}</a>', url, gettext("Download"))

    def screenshot_view(self, request: HttpRequest, pk: UUID) -> FileResponse:
        """Hand out the screenshot as a download; the browser never renders it here."""
        questionnaire: Questionnaire = self.get_or_404(request, pk)
        if not self.has_view_permission(request, questionnaire):
            raise PermissionDenied
        file = services.open_screenshot(questionnaire)
        if file is None:
            raise Http404
        if not self.can_see_unmasked(request, questionnaire):
            # The picture of an account says more than any masked column.
            raise PermissionDenied
        note_access(
            "file.downloaded",
            [questionnaire],
            actor=actor_of(request),
            target=questionnaire,
        )
        kind = str(questionnaire.screenshot_type).partition("/")[2]
        response = FileResponse(
            file, as_attachment=True, filename=f"screenshot-{questionnaire.pk}.{kind}"
        )
        response["Content-Type"] = "application/octet-stream"
        response["X-Content-Type-Options"] = "nosniff"
        return response


@admin.register(DashboardSnapshot)
class DashboardSnapshotAdmin(ProjectionAdmin):
    list_display = (
        "occurred_at",
        "last_seen_at",
        "customer",
        "account_balance",
        "total_pnl",
        "win_rate",
    )
    list_filter = ("trust", "occurred_at")
    search_fields = ("user_email__exact", "customer__unique_id__istartswith")
    ordering = ("-last_seen_at", "-id")
