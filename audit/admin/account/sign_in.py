"""The pages by which staff come into the admin: password, then the second factor."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import accounts, clock
from audit.accounts.device_cookie import device_of, remember, welcome_of
from audit.admin import passkeys
from audit.admin.base import Context, LabelsAbove
from audit.admin.step_up import binding_of
from audit.json_text import JsonObject
from audit.models import User
from audit.tenancy.actors import OperationContext, operation_of

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_PENDING = "sign_in_pending"
_PENDING_SECONDS = 300
_WRONG = _(
    "User name and password do not fit together. Check both; capital and small letters "
    "differ."
)
# Of passwords; the same for names that nobody has.
_LOCKED = _(
    "Too many tries. Wait %(wait)s. Sooner you come in by the link of the mail that "
    "tells of it, in a browser from which you have signed in before, or with a passkey."
)
_LATE = _("This took too long, or was answered already. Try again.")
_WRONG_PASSKEY = _(
    "This passkey does not open anything here. Use another one, or your password."
)
_WRONG_CODE = _(
    "This code is wrong or used up. Type the one that your app shows now, or one of "
    "your recovery codes."
)


class _RefusableForm(LabelsAbove, forms.Form):
    """A form that signs in through the one service, and remembers when to come back."""

    locked = _("Too many tries. Wait %(wait)s and sign in then.")

    def __init__(self, request: HttpRequest, **options: Any) -> None:
        super().__init__(**options)
        self.request = request
        self.user: User | None = None
        self.retry_after = 0

    @property
    def operation(self) -> OperationContext:
        return operation_of(self.request)

    def get_user(self) -> User | None:
        return self.user

    def refused(
        self, refused: accounts.SignInRefused, text: _StrPromise
    ) -> ValidationError:
        self.retry_after = refused.retry_after
        if refused.code == "locked":
            wait = accounts.wait_text(refused.retry_after)
            return ValidationError(self.locked % {"wait": wait}, code=refused.code)
        return ValidationError(text, code=refused.code)


class PasswordForm(_RefusableForm):
    """The first step. Every refusal reads the same for names that exist and do not."""

    locked = _LOCKED
    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, object]:
        values = self.cleaned_data
        if {"username", "password"} <= set(values):
            try:
                self.user = accounts.check_password(
                    values["username"],
                    values["password"],
                    operation=self.operation,
                    needs_staff=True,
                    device=device_of(self.request),
                    welcome=welcome_of(self.request),
                )
            except accounts.SignInRefused as refused:
                raise self.refused(refused, _WRONG) from refused
        return values


class CodeForm(_RefusableForm):
    """The second step, for accounts with a second factor."""

    code = forms.CharField(
        label=_("Code"),
        max_length=50,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "one-time-code"}
        ),
    )

    def clean(self) -> dict[str, object]:
        values = self.cleaned_data
        self.user = pending_user(self.request)
        if values.get("code") and self.user is not None:
            try:
                accounts.complete_sign_in(
                    self.user,
                    values["code"],
                    operation=self.operation,
                    method="session",
                    device=device_of(self.request),
                )
            except accounts.SignInRefused as refused:
                raise self.refused(refused, _WRONG_CODE) from refused
        return values


class PasskeyForm(_RefusableForm):
    """What a passkey has answered; it is both steps in one."""

    passkey = forms.CharField(max_length=accounts.LONGEST_ANSWER)

    def clean(self) -> dict[str, object]:
        values = self.cleaned_data
        if "passkey" not in values:
            raise ValidationError(_LATE)
        try:
            self.user = accounts.sign_in_with_passkey(
                accounts.parse_passkey_answer(values["passkey"]),
                binding=binding_of(self.request),
                operation=self.operation,
                needs_staff=True,
                method="session",
                device=device_of(self.request),
            )
        except accounts.SignInRefused as refused:
            text = _LATE if refused.code == "late" else _WRONG_PASSKEY
            raise self.refused(refused, text) from refused
        return values


class _SignInView(LoginView):
    """What both steps share: a safe redirect, and 429 when no tries are left.

    The forms are ours, of which the stubs of Django's view know nothing.
    """

    authentication_form: Any

    def form_valid(self, form: Any) -> HttpResponse:
        return self.enter(form.get_user())

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        if form.retry_after:
            response.status_code = 429
            response["Retry-After"] = str(form.retry_after)
        return response

    def get_context_data(self, **kwargs: object) -> Context:
        return super().get_context_data(
            **kwargs, passkey_domain=settings.PASSKEY_DOMAIN
        )

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def enter(self, user: User) -> HttpResponse:
        """Begin the session of a user whose sign-in is complete."""
        self.request.session.pop(_PENDING, None)
        login(self.request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
        response = HttpResponseRedirect(self.get_success_url())
        remember(self.request, response, user)
        return response


class PasswordView(_SignInView):
    """Asks for name and password, then leads to the second factor if there is one."""

    template_name = "admin/login.html"
    authentication_form = PasswordForm

    def form_invalid(self, form: Any) -> HttpResponse:
        if form["username"].value():
            # The name stays in its field; the password is typed anew.
            del form.fields["username"].widget.attrs["autofocus"]
            form.fields["password"].widget.attrs["autofocus"] = True
        return super().form_invalid(form)

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.get_user()
        if not accounts.has_second_factor(user):
            accounts.complete_sign_in(
                user,
                "",
                operation=form.operation,
                method="session",
                device=device_of(self.request),
            )
            return super().form_valid(form)
        accounts.record_first_factor(
            user, "second_factor_required", operation=form.operation
        )
        self.request.session.cycle_key()
        self.request.session[_PENDING] = {
            "user": str(user.pk),
            "hash": user.get_session_auth_hash(),
            "until": int(clock.now().timestamp()) + _PENDING_SECONDS,
        }
        query = urlencode({"next": self.get_success_url()})
        return HttpResponseRedirect(f"{reverse('admin:login_code')}?{query}")


class CodeView(_SignInView):
    """Asks for the code after an accepted password, for five minutes."""

    template_name = "admin/login_code.html"
    authentication_form = CodeForm

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        field = form.fields["code"]
        # Either field takes both; they differ for the keyboard of a phone.
        if self.takes_recovery:
            field.label = gettext("Recovery code")
            # Without an app the passkey comes first.
            field.widget.attrs["autofocus"] = accounts.has_totp(self.pending)
        else:
            field.widget.attrs |= {"inputmode": "numeric", "class": "one-time-code"}
            field.widget.attrs["aria-describedby"] = "code-help"
        return form

    def get_context_data(self, **kwargs: object) -> Context:
        user = self.pending
        context = {
            "person": user.get_short_name() or user.get_username(),
            "has_totp": accounts.has_totp(user),
            "has_passkey": accounts.list_passkeys(user).exists(),
            "takes_recovery": self.takes_recovery,
        }
        return super().get_context_data(**kwargs, **context)

    def dispatch(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        pending = pending_user(request)
        if pending is None:
            request.session.pop(_PENDING, None)
            return HttpResponseRedirect(reverse("admin:login"))
        self.pending = pending
        return super().dispatch(request, *args, **kwargs)

    @property
    def takes_recovery(self) -> bool:
        """Tell whether the page asks for a recovery code: no app, or none at hand."""
        return not accounts.has_totp(self.pending) or "recovery" in self.request.GET


class PasskeyView(_SignInView):
    """Signs in by passkey. Its form is part of the other two pages."""

    template_name = "admin/login.html"
    authentication_form = PasskeyForm

    def get(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:login"))

    def post(
        self, request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponse:
        if passkeys.is_asking(request):
            return passkeys.passkey_response(partial(self._ask, request))
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        # The page has the other form: what the passkey said is an error above it.
        self.extra_context = {
            **(self.extra_context or {}),
            "form": PasswordForm(self.request),
            "passkey_errors": form.non_field_errors(),
        }
        return super().form_invalid(form)

    def _ask(self, request: HttpRequest) -> JsonObject:
        # The question is bound to a session, so there has to be one.
        if not request.session.session_key:
            request.session.create()
        return accounts.ask_for_sign_in(
            binding=binding_of(request),
            operation=operation_of(request),
            device=device_of(request),
        )


def pending_user(request: HttpRequest) -> User | None:
    """Return whose password was right in this session a moment ago, or None."""
    pending = request.session.get(_PENDING)
    patience = timedelta(seconds=_PENDING_SECONDS)
    if not pending or not clock.lasts(pending["until"], patience):
        return None
    return accounts.find_pending_user(pending["user"], pending["hash"])
