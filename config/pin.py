"""The page on which a person sets the own PIN, after the whole password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.debug import (
    sensitive_post_parameters,
    sensitive_variables,
)

from audit import services
from audit.admin.base import actor_of
from audit.admin.once import repeatable

_FIELD_OF = {"wrong_password": "password", "too_many": "password"}
_NUMERIC = {"inputmode": "numeric", "autocomplete": "new-password", "maxlength": 12}


class PinForm(forms.Form):
    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    pin = forms.CharField(label="New PIN", widget=forms.PasswordInput(attrs=_NUMERIC))
    again = forms.CharField(
        label="The PIN again", widget=forms.PasswordInput(attrs=_NUMERIC)
    )

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("pin"):
            msg = "The two PINs differ."
            raise ValidationError(msg, code="differs")
        return again


@repeatable
@sensitive_post_parameters("password", "pin", "again")
@sensitive_variables("form", "values")
def pin_view(request: HttpRequest) -> HttpResponse:
    """Show the form, or set the PIN that it brings."""
    form = PinForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _enrolled(request, form):
        messages.success(request, "Your PIN is set.")
        return HttpResponseRedirect(reverse("admin:account_pin"))
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Your PIN",
        "form": form,
    }
    response = TemplateResponse(request, "admin/account/pin.html", context)
    response["Cache-Control"] = "no-store"
    return response


@sensitive_variables("form", "values")
def _enrolled(request: HttpRequest, form: PinForm) -> bool:
    user: Any = request.user
    values = {name: form.cleaned_data[name] for name in ("password", "pin")}
    try:
        services.enrol_pin(user, actor=actor_of(request), **values)
    except ValidationError as refused:
        form.add_error(_FIELD_OF.get(refused.code or "", "pin"), refused)
        return False
    return True
