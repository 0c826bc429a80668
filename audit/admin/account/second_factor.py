"""One's own second factor: an authenticator app, recovery codes, and passkeys."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import qrcode
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from audit import accounts
from audit.admin import passkeys
from audit.admin.base import LabelsAbove, actor_of, render_page, user_of
from audit.admin.once import repeatable
from audit.admin.step_up import binding_of, require_step_up
from audit.ids import parse_uuid
from audit.json_text import JsonObject

_QR_BORDER = 4
_SCOPE = "account"


class PasswordEntry(LabelsAbove, forms.Form):
    """The password once more. The try counts, so no transaction may be open."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, **options: Any) -> None:
        super().__init__(**options)
        self.user = user_of(request)
        self.actor = actor_of(request)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        accounts.check_current_password(self.user, password, actor=self.actor)
        return password


class RemovalForm(PasswordEntry):
    """Password and a code: a person who found an open browser has neither."""

    code = forms.CharField(
        label=_("Code of the app, or a recovery code"),
        max_length=50,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    def __init__(self, request: HttpRequest, **options: Any) -> None:
        super().__init__(request, **options)
        if not accounts.has_totp(self.user):
            self.fields["code"].label = gettext("A recovery code")

    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        # Without the right password no code is tried, and none is used up.
        if {"password", "code"} <= set(values):
            checked = accounts.check_code(
                self.user, values["code"], takes_recovery=True
            )
            if not checked.is_correct:
                self.add_error("code", _code_error(checked.retry_after))
        return values


class PasskeyForm(PasswordEntry):
    """The password, before the browser makes a passkey, and what it is called."""

    name = forms.CharField(
        label=_("Name, such as the device that keeps it"), max_length=60
    )


class FirstCodeForm(LabelsAbove, forms.Form):
    """The first code of a new authenticator, with the ticket of its enrolment."""

    code = forms.CharField(
        label=_("Code that the app shows"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "one-time-code"}
        ),
    )
    ticket = forms.CharField(max_length=1000, widget=forms.HiddenInput)


@repeatable
@sensitive_post_parameters()
def second_factor_view(request: HttpRequest) -> HttpResponse:
    """Set up, remove, new recovery codes: by the name of the button pressed.

    Nothing secret stands in a page that was merely opened, only in answers to a form.
    """
    if request.method in ("GET", "HEAD"):
        return _second_factor_page(request)
    act = _ACTS.get(request.POST.get("act", ""))
    if request.method != "POST" or act is None:
        raise Http404
    return act(request)


# --- the app and the codes ------------------------------------------------------


def _begin(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form = PasswordEntry(request, data=request.POST)
    if accounts.has_totp(user) or not form.is_valid():
        return _second_factor_page(request, begin_form=form)
    _confirm_first(request, gettext("Set up an authenticator"))
    return _enrolment_page(request, accounts.begin_enrolment(user))


def _replace(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form = RemovalForm(request, data=request.POST, auto_id="replace_%s")
    if not accounts.has_totp(user) or not form.is_valid():
        return _second_factor_page(request, replace_form=form)
    return _enrolment_page(request, accounts.begin_enrolment(user, replaces=True))


def _confirm(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form = FirstCodeForm(request.POST)
    try:
        enrolment = accounts.resume_enrolment(user, request.POST.get("ticket", ""))
    except ValidationError as error:
        messages.error(request, error.message)
        return redirect("admin:account_second_factor")
    if not form.is_valid():
        return _enrolment_page(request, enrolment, form)
    try:
        codes = accounts.enrol(
            user,
            form.cleaned_data["ticket"],
            form.cleaned_data["code"],
            actor=actor_of(request),
        )
    except ValidationError as error:
        form.add_error("code", error)
        return _enrolment_page(request, enrolment, form)
    update_session_auth_hash(request, user)
    return _codes_page(request, codes)


def _codes(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    # Require a current code before issuing new recovery codes.
    form = RemovalForm(request, data=request.POST, auto_id="codes_%s")
    if accounts.has_second_factor(user) and form.is_valid():
        try:
            codes = accounts.make_recovery_codes(user, actor=actor_of(request))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _codes_page(request, codes)
    return _second_factor_page(request, codes_form=form)


def _remove(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form = RemovalForm(request, data=request.POST, auto_id="remove_%s")
    if accounts.has_totp(user) and form.is_valid():
        try:
            accounts.remove_totp(user, actor=actor_of(request))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            update_session_auth_hash(request, user)
            messages.success(request, gettext("Your authenticator was removed."))
            return redirect("admin:account_second_factor")
    return _second_factor_page(request, remove_form=form)


# --- passkeys -------------------------------------------------------------------


def _add_key(request: HttpRequest) -> HttpResponse:
    """Send the options after the password, then enrol the passkey that was made.

    The answer needs no second confirmation: it belongs to a question that was put after
    one, and to the second secrets of that moment.
    """
    if passkeys.is_asking(request):
        return passkeys.passkey_response(partial(_ask_key, request))
    user = user_of(request)
    try:
        codes = accounts.enrol_passkey(
            user,
            passkeys.answer_in(request),
            name=request.POST.get("name", ""),
            binding=binding_of(request),
            actor=actor_of(request),
        )
    except ValidationError as refused:
        return _show_error(request, refused)
    update_session_auth_hash(request, user)
    messages.success(request, gettext("Your passkey was added."))
    if codes:
        return _codes_page(request, codes)
    return redirect("admin:account_second_factor")


def _ask_key(request: HttpRequest) -> JsonObject:
    form = PasskeyForm(request, data=request.POST)
    if not form.is_valid():
        raise ValidationError([e for errors in form.errors.values() for e in errors])
    if _must_confirm(request):
        msg = gettext("Confirm that it is you first: open this page again.")
        raise ValidationError(msg, code="step_up_required")
    user = user_of(request)
    actor = actor_of(request)
    return accounts.begin_passkey(user, binding=binding_of(request), actor=actor)


def _remove_key(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form = PasswordEntry(request, data=request.POST, auto_id="key_remove_%s")
    key = parse_uuid(request.POST.get("key", "")) or UUID(int=0)
    if not form.is_valid():
        return _second_factor_page(request, key_remove_form=form, chosen=key)
    _confirm_first(request, gettext("Remove a passkey"))
    try:
        is_done = accounts.remove_passkey(user, key, actor=actor_of(request))
    except ValidationError as refused:
        return _show_error(request, refused)
    if is_done:
        update_session_auth_hash(request, user)
        messages.success(request, gettext("Your passkey was removed."))
    return redirect("admin:account_second_factor")


def _unlock(request: HttpRequest) -> HttpResponse:
    """Let the page ask for a second secret before a script can ask for a new one."""
    _confirm_first(request, gettext("Add a passkey"))
    return redirect("admin:account_second_factor")


def _confirm_first(request: HttpRequest, what: str) -> None:
    """Require a recent step-up of a person who has a second secret.

    With a session and a password alone an attacker would add one of his own, and
    confirm anything with it. The first one has nothing before it.
    """
    user = user_of(request)
    if accounts.needs_proof_for_secrets(user):
        require_step_up(request, _SCOPE, what=what)


def _must_confirm(request: HttpRequest) -> bool:
    try:
        _confirm_first(request, "")
    except accounts.StepUpRequired:
        return True
    return False


def _show_error(request: HttpRequest, refused: ValidationError) -> HttpResponse:
    messages.error(request, " ".join(refused.messages))
    return redirect("admin:account_second_factor")


_ACTS = {
    "begin": _begin,
    "replace": _replace,
    "confirm": _confirm,
    "remove": _remove,
    "codes": _codes,
    "add_key": _add_key,
    "remove_key": _remove_key,
    "unlock": _unlock,
}


# --- the pages ------------------------------------------------------------------


def _second_factor_page(request: HttpRequest, **forms: object) -> HttpResponse:
    context = {
        "begin_form": PasswordEntry(request),
        "codes_form": RemovalForm(request, auto_id="codes_%s"),
        "remove_form": RemovalForm(request, auto_id="remove_%s"),
        "replace_form": RemovalForm(request, auto_id="replace_%s"),
        "is_locked": _must_confirm(request),
        "key_form": PasskeyForm(request, auto_id="key_%s"),
        "key_remove_form": PasswordEntry(request, auto_id="key_remove_%s"),
        **second_factor_context(request),
        **forms,
    }
    template = "admin/account/second_factor.html"
    return render_page(request, template, gettext("Second factor"), **context)


def _enrolment_page(
    request: HttpRequest,
    enrolment: accounts.Enrolment,
    form: FirstCodeForm | None = None,
) -> HttpResponse:
    form = form or FirstCodeForm(initial={"ticket": enrolment.ticket})
    size, drawing = _picture(enrolment.uri)
    context = {"form": form, "seed": enrolment.seed, "size": size, "drawing": drawing}
    template = "admin/account/enrol.html"
    title = gettext("Set up your second factor")
    return render_page(request, template, title, **context)


def _codes_page(request: HttpRequest, codes: list[str]) -> HttpResponse:
    template = "admin/account/codes.html"
    return render_page(request, template, gettext("Your recovery codes"), codes=codes)


def _code_error(retry_after: int) -> str:
    if retry_after:
        wait = accounts.wait_text(retry_after)
        return gettext("Too many wrong codes. Wait %(wait)s.") % {"wait": wait}
    return gettext("This code is wrong or used up. Type the one that is shown now.")


def _picture(text: str) -> tuple[int, str]:
    """Return the side of a QR code, and the path of an SVG that draws it."""
    code = qrcode.QRCode(border=_QR_BORDER)
    code.add_data(text)
    matrix = code.get_matrix()
    marks = [
        f"M{x} {y}h1v1h-1z"
        for y, line in enumerate(matrix)
        for x, is_dark in enumerate(line)
        if is_dark
    ]
    return len(matrix), "".join(marks)


def second_factor_context(request: HttpRequest) -> dict[str, object]:
    """Return the template context of a person's second factors."""
    user = user_of(request)
    return {
        "has_totp": accounts.has_totp(user),
        "has_second_factor": accounts.has_second_factor(user),
        "is_needed": accounts.needs_second_factor(user),
        "codes_left": accounts.count_recovery_codes(user),
        "passkeys": list(accounts.list_passkeys(user)),
        "passkey_domain": settings.PASSKEY_DOMAIN,
    }
