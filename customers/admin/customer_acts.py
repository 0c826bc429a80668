"""The pages of the acts of a customer, and the file of one person."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import (
    ObjectDoesNotExist,
    PermissionDenied,
    ValidationError,
)
from django.db import IntegrityError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from audit import log
from audit.admin.base import (
    ScopedAdmin,
    actor_of,
    displayed,
    note_errors,
    refuse,
    render_page,
)
from audit.admin.once import act_once, repeatable
from audit.admin.tracked import as_form_error
from customers import services
from customers.admin.acts.forms import ActForm
from customers.admin.acts.registry import Act, Done, FormAct, Link, act_url, find_act
from customers.admin.links import customer_url
from customers.models import Customer

_MAIL_FAILED = _(
    "The mail server did not take the mail, so nothing was sent. The invoice keeps its "
    "number. Send it again in some minutes."
)
_EXPORT = "customers.export_customer"
_LINK_USED = _("That link worked once, for ten minutes. Export the person again.")


def in_dialog(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Return a view that tells a dialog where it leads, instead of leading there.

    Script that follows a redirect gets the page, and with it uses up its messages.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if "X-Dialog" in request.headers and isinstance(response, HttpResponseRedirect):
            pointer = JsonResponse({"location": response.url})
            pointer.cookies = response.cookies
            return pointer
        return response

    return answer


class CustomerActs(ScopedAdmin):
    """Adds the pages of the acts to the admin of customers."""

    def get_urls(self) -> list[URLPattern]:
        name, view = self.page_name, self.admin_site.admin_view
        return [
            path(
                "<uuid:pk>/act/<str:act>/",
                in_dialog(view(self.act_view)),
                name=name("act"),
            ),
            path(
                "<uuid:pk>/file/<str:token>/", view(self.file_view), name=name("file")
            ),
            *super().get_urls(),
        ]

    @repeatable
    def act_view(self, request: HttpRequest, pk: UUID, act: str) -> HttpResponse:
        """Show the page of an act; with POST do it, once for each page."""
        chosen = find_act(act)
        if chosen is None:
            raise Http404
        customer = self._acted_on(request, pk, chosen)
        if not isinstance(chosen, FormAct):
            return HttpResponseRedirect(act_url(chosen, customer))
        if request.method != "POST":
            return self._act_page(request, chosen, customer)
        try:
            return act_once(request, partial(self._do, request, chosen, customer))
        except services.MailFailed:
            self.message_user(request, _MAIL_FAILED, messages.ERROR)
            return HttpResponseRedirect(customer_url(customer.pk))

    @method_decorator(require_safe)
    def file_view(self, request: HttpRequest, pk: UUID, token: str) -> HttpResponseBase:
        """Hand out the file about one person that a link is for; once."""
        if not request.user.has_perm(_EXPORT):
            raise PermissionDenied
        try:
            customer, parts = services.open_person_link(token, actor=actor_of(request))
        except ObjectDoesNotExist as error:
            refuse(request, "not_found", self.opts.label_lower)
            raise Http404 from error
        except services.LinkUsed:
            self.message_user(request, _LINK_USED, messages.WARNING)
            return HttpResponseRedirect(customer_url(pk))
        name = f'attachment; filename="{customer.unique_id}.json"'
        return StreamingHttpResponse(
            parts,
            content_type="application/json",
            headers={"Content-Disposition": name},
        )

    def _acted_on(self, request: HttpRequest, pk: UUID, act: Act) -> Customer:
        if not request.user.has_perm(act.permission):
            raise PermissionDenied
        customer: Customer = self.get_or_404(request, pk)
        if not request.user.has_perm(act.permission, customer):
            raise PermissionDenied
        return customer

    def _do(
        self, request: HttpRequest, act: FormAct, customer: Customer
    ) -> HttpResponse:
        """Do what was asked for; what is refused comes back filled in."""
        form = self._act_form(request, act, customer)
        if form.is_valid():
            try:
                self._check_offered(act, customer, request)
                actor = actor_of(request)
                done = act.run(form, customer, actor, request)
            except (ValidationError, IntegrityError) as error:
                form.refuse(as_form_error(error))
            else:
                text = format_html("{}{}", done.message, self._links(request, done))
                self.message_user(request, text, done.level)
                return HttpResponseRedirect(customer_url(customer.pk))
        note_errors(request, form, self.opts.label_lower)
        return self._act_page(request, act, customer, form)

    def _check_offered(
        self, act: FormAct, customer: Customer, request: HttpRequest
    ) -> None:
        state = services.get_customer_state(customer)
        if not act.is_offered(state, actor_of(request)):
            raise ValidationError(act.unavailable, code="unavailable")

    def _act_form(
        self, request: HttpRequest, act: FormAct, customer: Customer
    ) -> ActForm:
        return act.form(
            request.POST if request.method == "POST" else None,
            customer=customer,
            actor=actor_of(request),
            is_unmasked=self.can_see_unmasked(request, customer),
            # The pages of bookings and refunds lead here.
            initial={
                name: chosen
                for name in ("booking", "refund")
                if (chosen := request.GET.get(name))
            },
        )

    def _act_page(
        self,
        request: HttpRequest,
        act: FormAct,
        customer: Customer,
        form: ActForm | None = None,
    ) -> HttpResponse:
        self.note_access(request, "viewed", [customer], target=customer)
        is_unmasked = self.can_see_unmasked(request, customer)
        state = services.get_customer_state(customer)
        is_offered = act.is_offered(state, actor_of(request))
        return render_page(
            request,
            "admin/customers/customer/act.html",
            str(act.title),
            opts=self.opts,
            original=customer,
            customer=displayed(customer, is_unmasked=is_unmasked),
            act=act,
            form=form or self._act_form(request, act, customer),
            is_offered=is_offered,
            back=customer_url(customer.pk),
        )

    def _links(self, request: HttpRequest, done: Done) -> SafeString:
        """Return links to what came of an act, and to all that it changed."""
        links = [done.link] if done.link else []
        actor = actor_of(request)
        # Written by now, unless nothing was changed.
        operations = log.list_operations(actor=actor)
        if operations.filter(pk=actor.operation.id).exists():
            url = reverse("admin:audit_operation_change", args=[actor.operation.id])
            links.append(Link(gettext("What changed"), url))
        return format_html_join("", ' <a href="{1}">{0}</a>', links)
