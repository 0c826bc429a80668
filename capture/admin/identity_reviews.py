"""The queue of identity reviews: whose are messages that name two people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from audit import log
from audit.admin.base import (
    Context,
    GuardedAdmin,
    actor_of,
    displayed,
    note_errors,
    render_page,
)
from audit.admin.display import Badge, ago, render_badges
from audit.admin.tracked import as_form_error
from audit.tenancy.actors import Actor
from capture import services
from capture.admin.review_answers import DecisionForm, answers_of, question_of
from capture.choices import ReviewState
from capture.models import IdentityReview
from customers import services as customers
from customers.admin.badges import badges_of
from customers.admin.base import HubAdmin
from customers.admin.links import customer_url

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from capture.models.identity_review import IdentityReviewQuerySet
    from customers.models import Customer

# Messages that the page of a review lists; the rest is a list of its own.
_MOST_MESSAGES = 20
_ALL = "all"
_LONGEST_REFERENCE = 40
_TOO_LATE = _("Somebody decided this meanwhile. Nothing was changed; look what holds.")


class StateFilter(admin.SimpleListFilter):
    """Open reviews unless others are chosen: those are the work."""

    title = _("state")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, _StrOrPromise]]:
        return [
            (ReviewState.DECIDED, gettext("Decided")),
            (_ALL, pgettext("reviews", "All")),
        ]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            if choice["query_string"] == changelist.get_query_string(
                remove=[self.parameter_name]
            ):
                choice["display"] = gettext("Open")
            yield choice

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[IdentityReview]
    ) -> QuerySet[IdentityReview]:
        if self.value() == _ALL:
            return queryset
        return queryset.filter(state=self.value() or ReviewState.OPEN)


class CandidateFilter(admin.SimpleListFilter):
    """The reviews about one customer; the page of that customer leads here.

    There is no list of all customers to choose from: it is offered once it is set.
    """

    title = _("customer")
    parameter_name = "customer"

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, _StrOrPromise]]:
        # The reference, which the address has and which says nothing of the person.
        reference = request.GET.get(self.parameter_name, "")[:_LONGEST_REFERENCE]
        return [(reference, reference)] if reference else []

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[IdentityReview]
    ) -> QuerySet[IdentityReview]:
        value = self.value()
        reviews = cast("IdentityReviewQuerySet", queryset)
        return reviews.about(value[:_LONGEST_REFERENCE]) if value else queryset


@admin.register(IdentityReview)
class IdentityReviewAdmin(GuardedAdmin, HubAdmin):
    event_prefix = "identity_review"
    list_display = (
        "open_since",
        "kind",
        "what_came",
        "source",
        "candidates",
        "messages_waiting",
        "outcome",
    )
    list_filter = (StateFilter, "kind", CandidateFilter, "created_at")
    search_fields = ("email__exact", "email_key__exact", "user_ref__exact")
    search_help_text = _("An e-mail or a user id, whole.")
    ordering = ("-created_at", "-id")
    extra_lookups = ("source__id__exact",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.decide_view)
        return [
            path("<uuid:pk>/decide/", view, name=self.page_name("decide")),
            *super().get_urls(),
        ]

    def get_visible(self, actor: Actor) -> IdentityReviewQuerySet:
        return services.list_identity_reviews(actor=actor)

    def note_access(
        self, request: HttpRequest, verb: str, instances: Iterable[Model], **about: Any
    ) -> None:
        """Note that the candidates were seen, too: a review is about both."""
        reviews = cast("list[IdentityReview]", list(instances))
        super().note_access(request, verb, reviews, **about)
        services.note_candidates(
            verb, reviews, actor=actor_of(request), target=about.get("target")
        )

    # --- the list -------------------------------------------------------------------

    @admin.display(description=_("Since"), ordering="created_at")
    def open_since(self, review: IdentityReview) -> datetime:
        return review.created_at

    @admin.display(description=_("What came"))
    def what_came(self, review: IdentityReview) -> SafeString:
        texts = [text for text in (review.email, review.user_ref) if text]
        return format_html_join(
            "", '<span class="lines"><span>{}</span></span>', ((t,) for t in texts)
        )

    @admin.display(description=_("Candidates"))
    def candidates(self, review: IdentityReview) -> SafeString | str:
        names = [_name(displayed(one, is_unmasked=False))
                 for one in services.candidates_of(review)]  # fmt: skip
        if not names:
            return gettext("nobody yet")
        return format_html_join(
            "", '<span class="lines"><span><bdi>{}</bdi></span></span>',
            ((name,) for name in names),
        )  # fmt: skip

    @admin.display(description=_("Messages that wait"))
    def messages_waiting(self, review: IdentityReview) -> int:
        return review.waiting  # type: ignore[attr-defined]  # by the selector

    @admin.display(description=_("State"))
    def outcome(self, review: IdentityReview) -> SafeString:
        return render_badges([_badge(review)])

    # --- the page of one ------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        """Show what came, the candidates, and what can be decided or was."""
        if request.method == "POST":
            # The page is read; the form on it has an address of its own.
            raise PermissionDenied
        return self._review_page(request, self._find(request, object_id))

    def decide_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Decide; what is refused comes back filled in."""
        if not request.user.has_perm(services.DECIDE):
            raise PermissionDenied
        review = self._find(request, str(pk))
        if not request.user.has_perm(services.DECIDE, review):
            raise PermissionDenied
        if request.method != "POST":
            return self._review_page(request, review)
        if not review.is_open:
            return self._too_late(request, review)
        form = DecisionForm(request.POST, answers=answers_of(review))
        if form.is_valid() and (done := self._decide(request, review, form)):
            return done
        note_errors(request, form, self.opts.label_lower)
        return self._review_page(request, review, form)

    def _decide(
        self, request: HttpRequest, review: IdentityReview, form: DecisionForm
    ) -> HttpResponse | None:
        """Decide and say what holds; None if the service refused what was sent."""
        try:
            decided = services.decide_identity_review(
                review,
                form.chosen.decision,
                customer=form.chosen.customer_id,
                reason=form.cleaned_data["reason"],
                actor=actor_of(request),
            )
        except (ValidationError, IntegrityError) as error:
            if getattr(error, "code", "") == "already_decided":
                return self._too_late(request, review)
            form.refuse(as_form_error(error))
            return None
        self.message_user(request, _what_holds(decided), messages.SUCCESS)
        return HttpResponseRedirect(self.page_url("change", review.pk))

    def _too_late(
        self, request: HttpRequest, review: IdentityReview
    ) -> HttpResponseRedirect:
        self.message_user(request, _TOO_LATE, messages.WARNING)
        return HttpResponseRedirect(self.page_url("change", review.pk))

    def _find(self, request: HttpRequest, key: str) -> IdentityReview:
        if not self.has_view_permission(request):
            raise PermissionDenied
        review: IdentityReview = self.get_or_404(request, key)
        return review

    def _review_page(
        self,
        request: HttpRequest,
        review: IdentityReview,
        form: DecisionForm | None = None,
    ) -> HttpResponse:
        self.note_access(request, "viewed", [review], target=review)
        answers = answers_of(review)
        may_decide = request.user.has_perm(services.DECIDE, review)
        if review.is_open and may_decide and form is None:
            form = DecisionForm(answers=answers)
        captures = services.list_waiting(review).select_related("link__customer")
        newest = list(captures.only(*_MESSAGE_COLUMNS)[: _MOST_MESSAGES + 1])
        decider = log.usernames_by_id([review.decided_by_id])
        is_unmasked = self.can_see_unmasked(request, review)
        return render_page(
            request,
            "admin/capture/identity_review.html",
            str(review) if form is None or not form.is_bound else gettext("Decide"),
            opts=self.opts,
            original=review,
            review=displayed(review, is_unmasked=is_unmasked),
            badge=_badge(review),
            question=question_of(review),
            has_two=len(services.candidates_of(review)) > 1,
            sides=self._sides_of(request, review),
            messages_of=newest[:_MOST_MESSAGES],
            has_more=len(newest) > _MOST_MESSAGES,
            messages_url=(
                reverse("admin:capture_capture_changelist")
                + f"?link__review__id__exact={review.pk}"
            ),
            answers=answers,
            form=form,
            may_decide=may_decide,
            decider=decider.get(review.decided_by_id, ""),
            has_history_permission=self.has_history_permission(request, review),
        )

    def _sides_of(self, request: HttpRequest, review: IdentityReview) -> list[Context]:
        """Return who has the e-mail, and who has the user id, as far as they came."""
        by_email, by_id = review.email_customer, review.user_customer
        if by_email is not None and by_email == by_id:
            both = gettext("Has the e-mail and the user id")
            return [{"title": both, **self._side(request, by_email)}]
        sides = [
            (gettext("Has the e-mail"), review.email, by_email),
            (gettext("Has the user id"), review.user_ref, by_id),
        ]
        return [
            {"title": title, **self._side(request, customer)}
            for title, name, customer in sides
            if name or customer
        ]

    def _side(self, request: HttpRequest, customer: Customer | None) -> Context:
        if customer is None:
            return {"customer": None}
        is_unmasked = self.can_see_unmasked(request, customer)
        tickets = "customers.view_ticket"
        sees_tickets = request.user.has_perm(tickets, customer)
        seen = displayed(customer, is_unmasked=is_unmasked)
        spent = customers.format_money(
            customer.stats.total_spent, customer.business.currency
        )
        return {
            "customer": seen,
            "name": _name(seen),
            "url": customer_url(customer.pk),
            "badges": list(badges_of(customer, sees_tickets=sees_tickets)),
            "spent": spent,
            "seen": ago(customer.stats.last_active_at),
        }


_MESSAGE_COLUMNS = (
    "type",
    "trust",
    "received_at",
    "occurred_at",
    "business_id",
    "source__name",
    "link__customer__unique_id",
)


def _name(customer: Customer) -> str:
    return customer.name or customer.unique_id


def _badge(review: IdentityReview) -> Badge:
    if review.is_open:
        return Badge(gettext("Open"), "warn")
    return Badge(str(review.get_decision_display()).capitalize(), "ok")


def _what_holds(review: IdentityReview) -> SafeString:
    """Return what is true after a decision, with a link to whom it is about."""
    count = services.list_waiting(review).filter(link__customer=review.customer).count()
    text = ngettext(
        "Decided. %(count)s message belongs to this customer now:",
        "Decided. %(count)s messages belong to this customer now:",
        count,
    ) % {"count": count}
    customer = review.customer
    if customer is None:
        text = gettext("Decided. The messages stay with whom they belonged to.")
        return format_html("{}", text)
    url = customer_url(customer.pk)
    return format_html('{} <a href="{}">{}</a>', text, url, customer.unique_id)
