"""Short addresses of customers: /admin/customers, and /admin/customers/<id>."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
)
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from audit.admin.base import refuse
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.links import customer_url
from customers.models import Customer

_LIST = "admin:customers_customer_changelist"
_SEVERAL = _(
    "Customers of several businesses have this number. Choose one of them here."
)


@require_safe
def list_view(request: HttpRequest) -> HttpResponse:
    """Lead to the list of customers."""
    return HttpResponseRedirect(reverse(_LIST))


@require_safe
def customer_view(request: HttpRequest, reference: str) -> HttpResponse:
    """Lead to the customer with this UUID, reference or number of another system.

    Customers of other businesses are as missing as any.
    """
    model = apps.get_app_config("customers").models.get(reference)
    if model is not None and admin.site.is_registered(model):
        # The address of another list, without its slash.
        name = f"admin:customers_{reference}_changelist"
        return HttpResponsePermanentRedirect(reverse(name))
    if not request.user.has_perm(services.SEE_CUSTOMERS):
        raise PermissionDenied
    # Of any business of the person: a link opens whichever business is chosen.
    customers = services.list_visible(Customer, actor=Actor.from_request(request))
    try:
        customer = services.find_customer(reference, customers=customers)
    except Customer.DoesNotExist as error:
        refuse(request, "not_found", Customer._meta.label_lower, reference)
        raise Http404 from error
    except ValidationError:
        messages.warning(request, _SEVERAL)
        return HttpResponseRedirect(reverse(_LIST))
    return HttpResponseRedirect(customer_url(customer.pk))
