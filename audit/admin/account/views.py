"""The account of whoever is signed in: password, second factor, sessions, tokens.

The page is a list of sections; another module adds one with `register_section`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from audit import accounts
from audit.admin.account.preferences import preferences_context, preferences_view
from audit.admin.account.second_factor import second_factor_context, second_factor_view
from audit.admin.base import LabelsAbove, actor_of, render_page, user_of
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True)
class Section:
    """One part of the page: its template, and what that is given for a request."""

    title: _StrOrPromise
    template: str
    context: Callable[[HttpRequest], dict[str, object]] = lambda _request: {}


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
        path(
            "account/preferences/", wrap(preferences_view), name="account_preferences"
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
    sections = [
        {"title": s.title, "template": s.template, "context": s.context(request)}
        for s in _sections
    ]
    return render_page(
        request, "admin/account/index.html", gettext("Your account"), sections=sections
    )


@require_POST
def end_sessions_view(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    with transaction.atomic():
        accounts.end_sessions(
            user, actor=actor_of(request), reason_code="ended_by_user"
        )
    update_session_auth_hash(request, user)
    messages.success(request, gettext("You are signed out everywhere but here."))
    return redirect("admin:account")


@require_POST
def end_token_view(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = user_of(request)
    family = accounts.list_token_families(user).filter(pk=pk).first()
    if family is None:
        raise Http404
    accounts.revoke_token_family(family, actor=actor_of(request), code="ended_by_user")
    messages.success(request, gettext("The sign-in by token has ended."))
    return redirect("admin:account")


# --- the password ---------------------------------------------------------------


class AccountPasswordForm(LabelsAbove, AdminPasswordChangeForm):
    """Django's form, with counted tries of the old password."""

    def __init__(self, *, actor: Actor, **options: Any) -> None:
        super().__init__(**options)
        self.actor = actor

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        accounts.check_current_password(self.user, password, actor=self.actor)
        return password


class AccountPasswordView(PasswordChangeView):
    """Changes the password: sessions elsewhere end, this one goes on."""

    form_class = AccountPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"actor": actor_of(self.request)}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        password = form.cleaned_data["new_password1"]
        accounts.change_password(form.user, password, actor=actor_of(self.request))
        update_session_auth_hash(self.request, form.user)
        return HttpResponseRedirect(self.get_success_url())


# --- sections -------------------------------------------------------------------


def _pin_context(request: HttpRequest) -> dict[str, object]:
    user = user_of(request)
    return {
        "state": accounts.step_up_state(user, binding=""),
        "released_from": accounts.waiting_release(user),
    }


def _sessions_context(request: HttpRequest) -> dict[str, object]:
    user = user_of(request)
    return {"families": list(accounts.list_token_families(user)[:100])}


register_section(Section(_("Password"), "admin/account/_password.html"))
register_section(
    Section(
        _("Second factor"), "admin/account/_second_factor.html", second_factor_context
    )
)
register_section(Section(_("PIN"), "admin/account/_pin.html", _pin_context))
register_section(
    Section(_("Sessions and tokens"), "admin/account/_sessions.html", _sessions_context)
)
register_section(
    Section(_("Preferences"), "admin/account/_preferences.html", preferences_context)
)
