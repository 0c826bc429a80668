"""Bookings, refunds and credit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from audit import accounts
from audit.admin.base import Context, ScopedAdmin, actor_of, readable_columns
from audit.admin.conflicts import RevisedAdmin, RevisedForm
from audit.admin.inlines import ReadOnlyInline
from audit.admin.step_up import require_step_up, sent_fields
from customers import services
from customers.admin.acts.registry import act_url, find_act
from customers.admin.base import (
    CustomerChildAdmin,
    EntryAdmin,
    ReadOnlyAdmin,
    money_column,
)
from customers.admin.booking_lines import BookingLinesField
from customers.admin.exchange import ExchangeChildAdmin
from customers.choices import BookingStatus, RefundStatus
from customers.models import Booking, BookingPayment, Credit, Refund

if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldGroups

_WAITS = _(
    "Nothing has gone back yet: the refund is requested. A second person approves it, "
    "on its page or in the list of refunds."
)


class RefundInline(ReadOnlyInline):
    model = Refund
    fk_name = "booking"
    fields = ("money", "status", "reason_code", "settled_at")
    readonly_fields = fields

    money = money_column("amount", _("Amount"))


class PaymentInline(ReadOnlyInline):
    model = BookingPayment
    fk_name = "booking"
    fields = ("money", "method", "received_on", "reference", "reverses")
    readonly_fields = fields

    money = money_column("amount", _("Amount"))


class BookingForm(RevisedForm):
    """A booking, whose lines are a table."""

    lines = BookingLinesField(
        label=_("Lines"),
        required=False,
        help_text=_(
            "What was bought. An empty amount becomes quantity times unit price, an "
            "empty quantity counts as 1. Empty a line to remove it; save to get more "
            "empty lines."
        ),
    )


@admin.register(Booking)
class BookingAdmin(RevisedAdmin, ExchangeChildAdmin):
    form = BookingForm
    list_display = (
        "reference",
        "customer",
        "kind",
        "status",
        "total",
        "paid",
        "placed_at",
    )
    list_filter = ("status", "kind", "currency", "placed_at")
    search_fields = (
        "reference__istartswith",
        "external_id__exact",
        "invoice_number__exact",
        "customer__unique_id__istartswith",
    )
    ordering = ("-placed_at", "-id")
    autocomplete_fields = ("customer", "rescheduled_from")
    # What was paid follows from payments, and nobody types it.
    exclude = ("business", "paid_amount", "credit_used")
    readonly_fields = (
        "reference",
        "paid",
        "captured",
        "used_credit",
        "created_at",
        "updated_at",
    )
    inlines = (PaymentInline, RefundInline)

    total = money_column("total_amount", _("Total"))
    paid = money_column("paid_amount", _("Paid"))
    captured = money_column("confirmed_amount", _("Of that, by captured payments"))
    used_credit = money_column("credit_used", _("Credit used"))

    def get_fields(self, request: HttpRequest, obj: object = None) -> _FieldGroups:
        # Sums stand together.
        sums = ["paid", "captured", "used_credit"]
        fields = [n for n in super().get_fields(request, obj) if n not in sums]
        place = fields.index("currency") + 1
        return [*fields[:place], *sums, *fields[place:]]

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        booking = kwargs.get("obj")
        if isinstance(booking, Booking):
            context["booking_acts"] = _acts_of(booking, request)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.invoice_view)
        name = self.page_name("invoice")
        return [path("<uuid:pk>/invoice/", view, name=name), *super().get_urls()]

    @method_decorator(require_safe)
    def invoice_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Show the invoice of a booking; it gets its number when it is sent."""
        # Its sums contain refunds and what credit paid.
        needed = [f"customers.view_{name}" for name in ("booking", "refund", "credit")]
        if not request.user.has_perms(needed):
            raise PermissionDenied
        booking: Booking = self.get_or_404(request, pk)
        if not request.user.has_perms(needed, booking):
            raise PermissionDenied
        try:
            services.check_invoiceable(booking)
        except ValidationError as error:
            raise Http404 from error
        self.note_access(request, "viewed", [booking], target=booking)
        is_unmasked = self.can_see_unmasked(request, booking)
        html = services.render_invoice(
            booking, actor=actor_of(request), is_unmasked=is_unmasked
        )
        policy = {"Content-Security-Policy": services.invoice_policy()}
        return HttpResponse(html, headers=policy)

    def write(self, instance: Model, **options: Any) -> None:
        if isinstance(instance, Booking) and instance._state.adding:
            services.check_new_booking(instance)
        super().write(instance, **options)


def _acts_of(booking: Booking, request: HttpRequest) -> list[tuple[str, str]]:
    """Return label and address of the acts of money with a booking; one statement."""
    is_open = booking.status != BookingStatus.CANCELLED and booking.left_to_pay > 0
    is_paid = booking.paid_amount > 0
    has_pending = any(r.status == RefundStatus.REQUESTED for r in booking.refunds.all())
    offered = {
        "payment": is_open,
        "reverse-payment": is_paid,
        "refund": is_paid,
        "approve-refund": has_pending,
        "refuse-refund": has_pending,
    }
    names = [name for name, is_there in offered.items() if is_there]
    return _links_of(names, request, booking)


def _links_of(
    names: Iterable[str], request: HttpRequest, instance: Booking | Refund
) -> list[tuple[str, str]]:
    """Return label and address of those acts that the person may do."""
    query = urlencode({str(instance._meta.model_name): instance.pk})
    customer = instance.customer
    return [
        (str(act.label), f"{act_url(act, customer)}?{query}")
        for act in map(find_act, names)
        if act is not None
        and customer.is_live
        and request.user.has_perm(act.permission, instance)
    ]


def _with_money(fields: Iterable[Any]) -> list[Any]:
    """Return the fields with the amount as money, for a page that only shows it."""
    return ["money" if name == "amount" else name for name in fields]


class LimitedForms(ScopedAdmin):
    """A page of money given back: above the business's limit it takes a step-up."""

    money = money_column("amount", _("Amount"))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        is_new = request.method == "POST" and object_id is None
        instance = self._sent(request) if is_new else None
        if instance is not None and services.needs_step_up(instance):
            source = instance.booking if isinstance(instance, Refund) else instance
            money = services.format_money(instance.amount, source.currency)
            what = gettext("Give back %(amount)s") % {"amount": money}
            form = sent_fields(request)
            table = str(instance._meta.model_name)
            digest = accounts.digest_of(table, pk=None, form=form)
            require_step_up(request, "refund_over_limit", what=what, digest=digest)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _sent(self, request: HttpRequest) -> Refund | Credit | None:
        """Return the instance that the form would save; None for an invalid form."""
        if not self.has_add_permission(request):
            return None
        bound = self.get_form(request)(request.POST, request.FILES)
        return bound.instance if bound.is_valid() else None


@admin.register(Refund)
class RefundAdmin(LimitedForms, CustomerChildAdmin):
    parent_field = "booking"
    autocomplete_fields = ("booking",)
    exclude = ("business", "customer", "currency")
    list_display = ("created_at", "booking", "money", "status")
    list_filter = ("status", "reason_code")
    list_select_related = ("booking",)
    search_fields = ("booking__reference__istartswith", "external_id__exact")
    ordering = ("-created_at", "-id")
    # Acts move the status, and nobody types it.
    readonly_fields = (
        "money",
        "status",
        "settled_at",
        "external_id",
        "created_at",
        "updated_at",
    )
    actions = ("approve", "refuse")

    def get_fields(self, request: HttpRequest, obj: object = None) -> _FieldGroups:
        fields = [n for n in super().get_fields(request, obj) if n != "money"]
        return fields if obj is None else _with_money(fields)

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        refund = kwargs.get("obj")
        if isinstance(refund, Refund):
            is_pending = refund.status == RefundStatus.REQUESTED
            names = ("approve-refund", "refuse-refund") if is_pending else ()
            context["booking_acts"] = _links_of(names, request, refund)
        return super().render_change_form(request, context, *args, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # A refund is decided on, and never changed.
        return obj is None and super().has_change_permission(request)

    def save_model(
        self, request: HttpRequest, obj: Refund, form: forms.ModelForm, change: bool
    ) -> None:
        obj.status = services.first_status(obj, actor=actor_of(request))
        super().save_model(request, obj, form, change)
        if obj.status == RefundStatus.REQUESTED:
            self.message_user(request, _WAITS, messages.WARNING)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.EXCEED_LIMIT)

    @admin.action(
        description=_("Approve: give the money back"), permissions=["approve"]
    )
    def approve(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        def check(digest: str, what: str) -> None:
            require_step_up(request, "refund_over_limit", what=what, digest=digest)

        act = partial(services.approve_refund, step_up=check)
        self._decide(request, queryset, act, gettext("Approved: the money goes back."))

    @admin.action(description=_("Refuse"), permissions=["change"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        act = partial(services.refuse_refund, reason="refused in the list")
        self._decide(request, queryset, act, gettext("Refused: nothing goes back."))

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[Refund],
        act: Callable[..., object],
        done: str,
    ) -> None:
        """Decide on one requested refund, and say what came of it."""
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            text = gettext("Each refund is decided by itself. Choose one.")
            self.message_user(request, text, messages.ERROR)
            return
        try:
            act(chosen[0], actor=actor_of(request))
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return
        self.message_user(request, done)


@admin.register(Credit)
class CreditAdmin(LimitedForms, EntryAdmin):
    list_display = ("created_at", "customer", "kind", "money")
    list_filter = ("kind", "reason_code")
    list_select_related = ("customer",)
    search_fields = ("customer__unique_id__istartswith",)
    autocomplete_fields = ("customer", "booking")
    extra_lookups = ("customer__id__exact",)
    ordering = ("-created_at", "-id")

    def get_fields(self, request: HttpRequest, obj: object = None) -> _FieldGroups:
        hidden = {"salt", "commitment", "id", "business", "reverses"}
        if obj is None:
            hidden |= {"created_at", "created_by_id", "operation_id"}
            return list(readable_columns(self.model, hidden))
        return _with_money(readable_columns(self.model, hidden | {"currency"}))


@admin.register(BookingPayment)
class BookingPaymentAdmin(ReadOnlyAdmin):
    """What was recorded as paid. It is recorded, and reversed, by acts."""

    list_display = ("created_at", "booking", "money", "method", "received_on")
    list_filter = ("method", "received_on")
    list_select_related = ("booking",)
    search_fields = ("booking__reference__istartswith", "external_id__exact")
    extra_lookups = ("booking__id__exact",)
    ordering = ("-created_at", "-id")
    money = money_column("amount", _("Amount"))

    def get_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        hidden = {"salt", "commitment", "id", "business", "amount", "currency"}
        return ("money", *readable_columns(self.model, hidden))
