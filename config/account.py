"""The own account of whoever is signed in: password, second factor, sessions, tokens.

The page is a list of sections; another module adds one with `register_section`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import qrcode
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from audit import services
from audit.actors import Actor
from audit.admin.base import actor_of
from audit.admin.once import repeatable

_QR_BORDER = 4


@dataclass(frozen=True)
class Section:
    """One part of the page: its template, and what that is given for a request."""

    title: str
    template: str
    context: Callable[[HttpRequest], dict[str, Any]]


_sections: list[Section] = []


def register_section(section: Section) -> None:
    """Add a part at the end of the page; each app does so once, while it starts."""
    _sections.append(section)


def account_urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the pages below `/admin/account/`."""
    wrap = site.admin_view
    return [
        path("account/", wrap(account_view), name="account"),
        path(
            "account/second-factor/",
            wrap(second_factor_view),
            name="account_second_factor",
        ),
        path("account/end-sessions/", wrap(end_sessions_view), name="account_end"),
        path(
            "account/end-token/<uuid:pk>/",
            wrap(end_token_view),
            name="account_end_token",
        ),
    ]


# --- the page -------------------------------------------------------------------


@require_safe
def account_view(request: HttpRequest) -> HttpResponse:
    parts = [
        {"title": s.title, "template": s.template, "context": s.context(request)}
        for s in _sections
    ]
    return _page(request, "admin/account/index.html", "Your account", parts=parts)


@require_POST
def end_sessions_view(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    with transaction.atomic():
        services.end_sessions(
            user, actor=actor_of(request), reason_code="ended_by_user"
        )
    update_session_auth_hash(request, user)
    messages.success(request, "You are signed out everywhere but here.")
    return redirect("admin:account")


@require_POST
def end_token_view(request: HttpRequest, pk: UUID) -> HttpResponse:
    user: Any = request.user
    family = services.list_token_families(user).filter(pk=pk).first()
    if family is None:
        raise Http404
    services.revoke_token_family(family, actor=actor_of(request), code="ended_by_user")
    messages.success(request, "The sign-in by token has ended.")
    return redirect("admin:account")


# --- the second factor ----------------------------------------------------------


class PasswordEntry(forms.Form):
    """The own password once more. The try counts, so no transaction may be open."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user: Any = request.user
        self.actor = actor_of(request)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        services.check_own_password(self.user, password, actor=self.actor)
        return password


class RemovalForm(PasswordEntry):
    """Password and a code: whoever found an open browser has neither."""

    code = forms.CharField(
        label="Code of the app, or a recovery code",
        max_length=50,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        # Without the right password no code is tried, and none is used up.
        if {"password", "code"} <= set(values):
            checked = services.check_code(
                self.user, values["code"], takes_recovery=True
            )
            if not checked.is_right:
                self.add_error("code", _code_error(checked.retry_after))
        return values


class FirstCodeForm(forms.Form):
    """The first code of a new authenticator, with the ticket of its enrolment."""

    code = forms.CharField(
        label="Code that the app shows",
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
    acts = {"begin": _begin, "confirm": _confirm, "remove": _remove, "codes": _codes}
    act = acts.get(request.POST.get("act", ""))
    if request.method != "POST" or act is None:
        raise Http404
    return act(request)


def _begin(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = PasswordEntry(request, request.POST)
    if services.has_totp(user) or not form.is_valid():
        return _second_factor_page(request, begin_form=form)
    enrolment = services.begin_enrolment(user)
    return _enrolment_page(
        request, enrolment, FirstCodeForm(initial={"ticket": enrolment.ticket})
    )


def _confirm(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = FirstCodeForm(request.POST)
    try:
        enrolment = services.resume_enrolment(user, request.POST.get("ticket", ""))
    except ValidationError as error:
        messages.error(request, error.message)
        return redirect("admin:account_second_factor")
    if not form.is_valid():
        return _enrolment_page(request, enrolment, form)
    try:
        codes = services.enrol(
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
    user: Any = request.user
    # Codes stand for the app: whoever makes them shows that it is at hand.
    form = RemovalForm(request, request.POST)
    if not services.has_totp(user) or not form.is_valid():
        return _second_factor_page(request, codes_form=form)
    return _codes_page(
        request, services.make_recovery_codes(user, actor=actor_of(request))
    )


def _remove(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = RemovalForm(request, request.POST)
    if not services.has_totp(user) or not form.is_valid():
        return _second_factor_page(request, remove_form=form)
    services.remove_totp(user, actor=actor_of(request), reason_code="removed")
    update_session_auth_hash(request, user)
    messages.success(request, "Your second factor was removed.")
    return redirect("admin:account_second_factor")


def _second_factor_page(request: HttpRequest, **forms_shown: Any) -> HttpResponse:
    context = {
        "begin_form": PasswordEntry(request),
        "codes_form": RemovalForm(request, auto_id="codes_%s"),
        "remove_form": RemovalForm(request, auto_id="remove_%s"),
        **_second_factor_facts(request),
        **forms_shown,
    }
    template = "admin/account/second_factor.html"
    return _page(request, template, "Second factor", **context)


def _enrolment_page(
    request: HttpRequest, enrolment: services.Enrolment, form: FirstCodeForm
) -> HttpResponse:
    size, drawing = _picture(enrolment.uri)
    context = {"form": form, "seed": enrolment.seed, "size": size, "drawing": drawing}
    template = "admin/account/enrol.html"
    return _page(request, template, "Set up your second factor", **context)


def _codes_page(request: HttpRequest, codes: list[str]) -> HttpResponse:
    template = "admin/account/codes.html"
    return _page(request, template, "Your recovery codes", codes=codes)


def _code_error(retry_after: int) -> str:
    if retry_after:
        return f"Too many wrong codes. Wait {services.wait_text(retry_after)}."
    return "This code is wrong or used up. Type the one that is shown now."


def _picture(text: str) -> tuple[int, str]:
    """Return the side of a QR code, and the path of an SVG that draws it."""
    code = qrcode.QRCode(border=_QR_BORDER)
    code.add_data(text)
    rows = code.get_matrix()
    marks = [
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, is_dark in enumerate(row)
        if is_dark
    ]
    return len(rows), "".join(marks)


# --- the own password -----------------------------------------------------------


class OwnPasswordForm(AdminPasswordChangeForm):
    """Django's form, with counted tries of the old password."""

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        services.check_own_password(self.user, password, actor=self.actor)
        return password


class OwnPasswordView(PasswordChangeView):
    """Changes the own password: sessions elsewhere end, this one goes on."""

    form_class: Any = OwnPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"actor": actor_of(self.request)}

    def form_valid(self, form: Any) -> HttpResponse:
        password = form.cleaned_data["new_password1"]
        services.change_password(form.user, password, actor=actor_of(self.request))
        update_session_auth_hash(self.request, form.user)
        return HttpResponseRedirect(self.get_success_url())


# --- sections -------------------------------------------------------------------


def _no_facts(_request: HttpRequest) -> dict[str, Any]:
    return {}


def _second_factor_facts(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    return {
        "has_totp": services.has_totp(user),
        "is_needed": services.needs_totp(user),
        "codes_left": services.count_recovery_codes(user),
    }


def _pin_facts(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    return {"state": services.step_up_state(user, binding="")}


def _sessions_facts(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    return {"families": list(services.list_token_families(user)[:100])}


register_section(Section("Password", "admin/account/_password.html", _no_facts))
register_section(
    Section("Second factor", "admin/account/_second_factor.html", _second_factor_facts)
)
register_section(Section("PIN", "admin/account/_pin.html", _pin_facts))
register_section(
    Section("Sessions and tokens", "admin/account/_sessions.html", _sessions_facts)
)


def _page(
    request: HttpRequest, template: str, title: str, **context: Any
) -> HttpResponse:
    context |= {**admin.site.each_context(request), "title": title}
    response = TemplateResponse(request, template, context)
    response["Cache-Control"] = "no-store"
    return response
