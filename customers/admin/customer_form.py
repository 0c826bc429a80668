"""The form of a customer: who it may be already, what is not changed without a why."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.options import InlineModelAdmin
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db.models import Model
from django.forms.models import fields_for_model
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit.admin.base import Context, actor_of, refuse
from audit.admin.conflicts import RevisedAdmin, RevisedForm
from audit.admin.once import repeatable
from audit.admin.people import PersonPages
from audit.admin.tracked import OTHER_BUTTONS
from audit.admin.trail import change_set_url
from audit.ids import parse_uuid
from audit.privacy.invisible import with_visible_bidi
from audit.privacy.masking import mask_instance, mask_text
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.customer_tabs import DUPLICATE_REASONS
from customers.admin.links import customer_url
from customers.choices import BY_STAFF
from customers.models import Business, Customer, Preferences

# What is typed of a customer by which others are looked for.
LOOKED_AT = ("name", "email", "phone")
# What is not changed without a reason.
_WITH_REASON = {"status", "email", "is_email_verified"}
_MOST = 5
_SEEN = "similar_seen"
_TEMPLATE = "admin/customers/customer/similar.html"
_ONE_PER_EMAIL = next(
    rule
    for rule in Customer._meta.constraints
    if rule.name == "one_live_customer_per_email"
)
_ALIKE = _(
    "Somebody of this business looks like the same person. Look at the list, or say "
    "there that this is somebody else."
)
_WHY = _("Write why: the status, the e-mail or its verification changes.")


class CustomerForm(RevisedForm):
    """Finds who may be the same person, and asks why what matters changes."""

    change_reason = forms.CharField(
        label=_("Reason for the change"),
        required=False,
        max_length=500,
        help_text=_(
            "Kept in the history. Asked for when the status, the e-mail or its "
            "verification changes."
        ),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    create_anyway = forms.BooleanField(
        label=_("This is somebody else: create anyway"), required=False
    )
    # Set for each request.
    actor: ClassVar[Actor]
    # Who may be the same person as the one that was typed; None where nobody looked.
    similar: list[services.Duplicate] | None = None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        is_new = self.instance._state.adding
        if is_new or self.touched & set(LOOKED_AT):
            self._look_for_others(is_new=is_new)
        has_reason = is_new or bool(self.cleaned_data.get("change_reason"))
        if self.touched & _WITH_REASON and not has_reason:
            self.add_error("change_reason", ValidationError(_WHY, code="required"))
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()
        general = self.errors.get(NON_FIELD_ERRORS)
        holder = self._holder()
        if general is None or holder is None:
            return
        # Better at its field, and with the name of who has it.
        taken = str(_ONE_PER_EMAIL.get_violation_error_message())
        errors = [e for e in general.as_data() if e.message != taken]
        if len(errors) == len(general):
            return
        general.data[:] = errors
        if not errors:
            del self.errors[NON_FIELD_ERRORS]
        text = format_html(
            gettext(
                '{name} has this e-mail already. <a href="{url}">Open {number}</a>'
            ),
            name=label_of(holder),
            url=customer_url(holder.pk),
            number=holder.unique_id,
        )
        self.add_error("email", ValidationError(text, code="unique"))

    def _look_for_others(self, *, is_new: bool) -> None:
        sent, cleaned = self.data, self.cleaned_data
        business = cleaned.get("business") if is_new else self.instance.business
        if business is None:
            return
        typed = typed_customer(self.instance, business, cleaned)
        self.similar = services.find_similar(typed, actor=self.actor, limit=_MOST)
        seen = sent.getlist(_SEEN) if isinstance(sent, QueryDict) else ()
        unseen = {str(other.pk) for other, _ in self.similar} - set(seen)
        is_doubtful = is_new and unseen and not cleaned.get("create_anyway")
        if is_doubtful and self._holder() is None:
            self.add_error(None, ValidationError(_ALIKE, code="similar"))

    def _holder(self) -> Customer | None:
        """Return the live customer who has the e-mail."""
        similar = self.similar or []
        return next((one for one, reason in similar if reason == "has_email"), None)


class TypedForm(forms.Form):
    """What has been typed of a customer so far; what is wrong counts for nothing."""

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields.update(fields_for_model(Customer, LOOKED_AT))
        self.full_clean()


class CustomerForms(PersonPages, RevisedAdmin):
    """Adds the form to the admin of customers."""

    form = CustomerForm
    change_form_template = "admin/customers/customer/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.similar_view)
        return [
            path("similar/", view, name=self.page_name("similar")),
            *super().get_urls(),
        ]

    def get_form(
        self,
        request: HttpRequest,
        obj: Model | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        form = cast(
            "type[CustomerForm]", super().get_form(request, obj, change, **kwargs)
        )
        form.actor = actor_of(request)
        return form

    def get_inlines(
        self, request: HttpRequest, obj: Model | None
    ) -> list[type[InlineModelAdmin]]:
        inlines = list(super().get_inlines(request, obj))
        # They are made with the customer: of a new one there are none to show.
        return inlines if obj else [i for i in inlines if i.model is not Preferences]

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        form, customer = context["adminform"].form, context["original"]
        similar = getattr(form, "similar", None)
        if similar is None and customer is not None and customer.is_live:
            actor = actor_of(request)
            similar = services.find_similar(customer, actor=actor, limit=_MOST)
        context |= self._panel(similar or [], is_new=customer is None)
        context["is_doubtful"] = customer is None and bool(similar)
        return super().render_change_form(request, context, *args, **kwargs)

    # Nothing is written, and typing takes no turn of a page.
    @repeatable
    @method_decorator(require_POST)
    def similar_view(self, request: HttpRequest) -> HttpResponse:
        """Answer, as a part of the page, who may be the person that is being typed."""
        is_new = "customer" not in request.POST
        business, customer = self._typed_in(request, is_new=is_new)
        similar: list[services.Duplicate] = []
        if business is not None:
            typed = TypedForm(request.POST).cleaned_data
            instance = typed_customer(customer or Customer(), business, typed)
            actor = actor_of(request)
            similar = services.find_similar(instance, actor=actor, limit=_MOST)
        context = self._panel(similar, is_new=is_new)
        return TemplateResponse(request, _TEMPLATE, {**context, "is_typed": True})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        origin = {"source": BY_STAFF, "signup_method": BY_STAFF}
        return {**origin, **super().get_changeform_initial_data(request)}

    def response_add(
        self, request: HttpRequest, obj: Customer, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._to_page(
            request, obj, gettext("%(customer)s is created.")
        ) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Customer) -> HttpResponse:
        response = self._to_page(request, obj, gettext("%(customer)s is saved."))
        return response or super().response_change(request, obj)

    def _to_page(
        self, request: HttpRequest, customer: Customer, sentence: str
    ) -> HttpResponse | None:
        """Lead to the customer's page, unless another button was pressed."""
        if OTHER_BUTTONS & request.POST.keys():
            return None
        if getattr(request, "_is_same", False):
            text = gettext("Nothing was different, so nothing of %(name)s was saved.")
            self.message_user(request, text % {"name": customer})
        else:
            url = change_set_url(request)
            words = gettext("See what changed")
            link = format_html(' <a href="{}">{}</a>', url, words) if url else ""
            text = format_html("{}{}", sentence % {"customer": customer}, link)
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(customer_url(customer.pk))

    def _typed_in(
        self, request: HttpRequest, *, is_new: bool
    ) -> tuple[Business | None, Customer | None]:
        """Return the business that is typed for, and the customer that is changed."""
        if not is_new:
            customer = self.get_or_404(request, request.POST["customer"])
            if not self.has_change_permission(request, customer):
                raise PermissionDenied
            return customer.business, customer
        if not self.has_add_permission(request):
            raise PermissionDenied
        pk = parse_uuid(request.POST.get("business", ""))
        if pk is None:
            return None, None
        businesses = services.list_businesses(
            actor=actor_of(request), permission="customers.add_customer"
        )
        business = businesses.filter(pk=pk).first()
        if business is None:
            refuse(request, "not_found", Business._meta.label_lower, str(pk))
            raise Http404
        return business, None

    def _panel(self, similar: list[services.Duplicate], *, is_new: bool) -> Context:
        masked = [
            (mask_instance(copy(one)), DUPLICATE_REASONS[reason])
            for one, reason in similar
        ]
        return {"similar": masked, "is_new": is_new, "opts": self.opts}


def typed_customer(
    customer: Customer, business: Business, typed: dict[str, Any]
) -> Customer:
    """Return a copy of a customer as it was typed, to look for others who are alike."""
    copied = copy(customer)
    copied.business = business
    for name in LOOKED_AT:
        if name in typed:
            setattr(copied, name, typed[name])
    copied.derive()
    return copied


def label_of(customer: Customer) -> str:
    """Return how a customer is named where contact data is masked."""
    name = with_visible_bidi(mask_text(customer.name or ""))
    return f"{name} · {customer.unique_id}"
