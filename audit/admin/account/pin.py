"""The page on which people set their PIN: password, and what there is already."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from audit import accounts
from audit.admin.base import LabelsAbove, actor_of, render_page, user_of
from audit.admin.once import repeatable
from audit.admin.step_up import binding_of, require_step_up
from audit.models import User

_FIELD_OF = {
    "wrong_password": "password",
    "too_many": "password",
    **dict.fromkeys(("wrong_code", "invalid_code", "locked", "disabled"), "code"),
}
_NUMERIC = {"inputmode": "numeric", "autocomplete": "new-password", "maxlength": 12}


class PinForm(LabelsAbove, forms.Form):
    """The password, what there is already, and the new PIN twice."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(
            attrs={"autofocus": True, "autocomplete": "current-password"}
        ),
    )
    code = forms.CharField(
        label=_("Your present PIN"),
        help_text=_(
            "Or the code that your authenticator shows. If you have neither any "
            "more, leave this empty to confirm with a passkey, or ask the owner of the "
            "hub to release your PIN."
        ),
        widget=forms.PasswordInput(attrs={**_NUMERIC, "autocomplete": "one-time-code"}),
    )
    pin = forms.CharField(
        label=_("New PIN"), widget=forms.PasswordInput(attrs=_NUMERIC)
    )
    again = forms.CharField(
        label=_("The PIN again"), widget=forms.PasswordInput(attrs=_NUMERIC)
    )

    def __init__(self, data: QueryDict | None, *, user: User) -> None:
        super().__init__(data)
        self.fields["code"].required = not accounts.list_passkeys(user).exists()
        if not accounts.needs_code_for_pin(user):
            del self.fields["code"]

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("pin"):
            msg = gettext("The two PINs differ.")
            raise ValidationError(msg, code="differs")
        return again


@repeatable
@sensitive_post_parameters("password", "code", "pin", "again")
@sensitive_variables("form", "values")
def pin_view(request: HttpRequest) -> HttpResponse:
    """Show the form, or set the PIN that it brings."""
    user = user_of(request)
    form = PinForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid() and _enrolled(request, form):
        return _done(request)
    context = {"form": form, "released_from": accounts.waiting_release(user)}
    title = gettext("Your PIN")
    return render_page(request, "admin/account/pin.html", title, **context)


def _done(request: HttpRequest) -> HttpResponse:
    """Lead to the page whose act asked for the PIN, if one of ours did."""
    came_from = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()})
    if is_ours and came_from.startswith(reverse("admin:index")):
        messages.success(request, gettext("Your PIN is set. Now begin again."))
        return HttpResponseRedirect(came_from)
    messages.success(request, gettext("Your PIN is set."))
    return HttpResponseRedirect(reverse("admin:account_pin"))


@sensitive_variables("form", "values")
def _enrolled(request: HttpRequest, form: PinForm) -> bool:
    user = user_of(request)
    values = {n: v for n, v in form.cleaned_data.items() if n != "again"}
    if accounts.needs_proof_for_pin(user) and not values.get("code"):
        require_step_up(request, "account", what=gettext("Set your PIN"))
    try:
        accounts.enrol_pin(
            user, actor=actor_of(request), binding=binding_of(request), **values
        )
    except ValidationError as refused:
        field = _FIELD_OF.get(refused.code or "", "pin")
        form.add_error(field if field in form.fields else "pin", refused)
        return False
    return True
