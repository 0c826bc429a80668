"""The admin site: one subclass of Django's, shared by every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from audit import accounts
from audit.fields import without_long
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from django.contrib.auth.views import LoginView

    from audit.admin.base import Context, ScopedAdmin


class LabelledChoices(AutocompleteJsonView):
    """Labels each choice as its page does, since `str()` holds no name.

    Asked by POST alone: what is typed would stand in the address of a GET.
    """

    model_admin: ScopedAdmin

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer as Django does, which reads the parameters of an address."""
        request.GET = request.POST
        return self.get(request)

    def process_request(self, request: HttpRequest) -> Any:
        """Return what the request asks for, with the term as it is searched for."""
        from audit.admin.search_terms import clean_term  # noqa: PLC0415 - pages need the site

        term, *about = super().process_request(request)
        return clean_term(term), *about

    def get_context_data(self, **kwargs: Any) -> Context:
        context = super().get_context_data(**kwargs)
        choices = list(without_long(context["object_list"]))
        query = self.term or None
        self.model_admin.note_access(self.request, "searched", choices, query=query)
        return {**context, "object_list": choices}

    def serialize_result(self, obj: Model, to_field_name: str) -> dict[str, str]:
        label = getattr(self.model_admin, "autocomplete_label", str)
        return {"id": str(getattr(obj, to_field_name)), "text": label(obj)}


class HoldfastAdminSite(admin.AdminSite):
    """Django's admin under our name."""

    site_header = "Holdfast"
    site_title = "Holdfast"
    index_title = pgettext_lazy("page", "Home")
    # The frame draws its own, by job: audit/admin/navigation.py.
    enable_nav_sidebar = False
    # A hyphen is half of it, and seems to be a value.
    empty_value_display = "–"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        from audit.admin.navigation import grouped  # noqa: PLC0415 - pages need the site

        if app_label is not None:
            return super().get_app_list(request, app_label)
        return grouped(request, self._build_app_dict(request))

    @method_decorator(require_POST)
    def autocomplete_view(self, request: HttpRequest) -> Any:
        return LabelledChoices.as_view(admin_site=self)(request)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        from audit.admin.account.pin import pin_view  # noqa: PLC0415 - pages need the site
        from audit.admin.account.views import account_urls  # noqa: PLC0415 - forms need models
        from audit.admin.keyboard import keys_view  # noqa: PLC0415 - pages need the site
        from audit.admin.monitoring import monitoring_view  # noqa: PLC0415 - pages need the site
        from audit.admin.pulse import pulse_view  # noqa: PLC0415 - pages need the site
        from audit.admin.search import search_view, suggest_view  # noqa: PLC0415 - pages need the site
        from audit.admin.step_up import end_view  # noqa: PLC0415 - pages need the site
        from customers.admin import (  # noqa: PLC0415 - pages need the site
            access_review,
            addresses,
            business_switch,
            data_checks,
        )

        view = self.admin_view
        pages = [
            path("login/code/", self.login_code, name="login_code"),
            path("login/passkey/", self.login_passkey, name="login_passkey"),
            path("login/known/<str:code>/", self.login_known, name="login_known"),
            path("search/", view(search_view), name="search"),
            path("search/suggest/", view(suggest_view), name="search_suggest"),
            path("security/", view(monitoring_view), name="security"),
            path("pulse/", view(pulse_view), name="pulse"),
            path("step-up/end/", view(end_view), name="step_up_end"),
            path("account/pin/", view(pin_view), name="account_pin"),
            path("account/keys/", view(keys_view), name="keys"),
            path("business/", view(business_switch.switch_view), name="business"),
            path(
                "access-review/", view(access_review.review_view), name="access_review"
            ),
            path("data-checks/", view(data_checks.page_view), name="data_checks"),
            path(
                "data-checks/file/", view(data_checks.file_view), name="data_check_file"
            ),
            path("customers", view(addresses.list_view)),
            path("customers/", view(addresses.list_view), name="customers"),
            path(
                "customers/<str:reference>",
                view(addresses.customer_view),
                name="customer",
            ),
        ]
        # Before the pattern that takes everything.
        return [*pages, *account_urls(self), *super().get_urls()]

    # Tries are counted in transactions of their own, so none may be open around them.
    @method_decorator(never_cache)
    @method_decorator(transaction.non_atomic_requests)
    def login(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:
        from audit.admin.account.sign_in import PasswordView  # noqa: PLC0415 - forms need models

        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return self._sign_in_page(PasswordView, request)

    @method_decorator(never_cache)
    @method_decorator(transaction.non_atomic_requests)
    def login_code(self, request: HttpRequest) -> HttpResponse:
        """Ask for the second factor after an accepted password."""
        from audit.admin.account.sign_in import CodeView  # noqa: PLC0415 - forms need models

        return self._sign_in_page(CodeView, request)

    @method_decorator(never_cache)
    @method_decorator(transaction.non_atomic_requests)
    def login_passkey(self, request: HttpRequest) -> HttpResponse:
        """Sign in by passkey."""
        from audit.admin.account.sign_in import PasskeyView  # noqa: PLC0415 - forms need models

        return self._sign_in_page(PasskeyView, request)

    @method_decorator(never_cache)
    @method_decorator(require_safe)
    def login_known(self, request: HttpRequest, code: str) -> HttpResponse:
        """Make a browser known by the code of a mail."""
        from audit.accounts.device_cookie import accept_invitation_view  # noqa: PLC0415 - uses messages

        return accept_invitation_view(request, code)

    # For the limits: each of these costs a hash, and is a guess.
    login.tries_passwords = login_code.tries_passwords = True  # type: ignore[attr-defined]  # a mark of our own
    login_passkey.tries_passwords = True  # type: ignore[attr-defined]  # a mark of our own

    def _sign_in_page(self, view: type[LoginView], request: HttpRequest) -> Any:
        title = gettext("Sign in")
        context = {**self.each_context(request), "title": title, "subtitle": None}
        if REDIRECT_FIELD_NAME not in {*request.GET, *request.POST}:
            context[REDIRECT_FIELD_NAME] = reverse("admin:index")
        request.current_app = self.name
        return view.as_view(extra_context=context)(request)

    def logout(self, request: HttpRequest, extra_context: Context | None = None) -> Any:
        if request.method == "POST":
            accounts.record_sign_out(actor=Actor.from_request(request))
        return super().logout(request, extra_context)

    @method_decorator(transaction.non_atomic_requests)
    def password_change(
        self, request: HttpRequest, extra_context: object = None
    ) -> Any:
        from audit.admin.account.views import AccountPasswordView  # noqa: PLC0415 - forms need models

        url = reverse("admin:password_change_done")
        context = self.each_context(request)
        view = AccountPasswordView.as_view(success_url=url, extra_context=context)
        return view(request)

    # It counts tries, so no transaction may be open around it; see audit.admin.once.
    password_change.is_repeatable = True  # type: ignore[attr-defined]  # a mark of our own

    def admin_view(
        self, view: Callable[..., HttpResponseBase], *args: bool, **kwargs: bool
    ) -> Any:
        """Return the page as people open it: it may ask for a PIN, and acts once."""
        from audit.admin.base import with_actor  # noqa: PLC0415 - pages need the site
        from audit.admin.once import once  # noqa: PLC0415 - pages need the site
        from audit.admin.step_up import guarded  # noqa: PLC0415 - pages need the site
        from customers.admin.timezones import in_zone  # noqa: PLC0415 - pages need the site

        in_one_go = with_actor(in_zone(guarded(once(view))))
        return super().admin_view(in_one_go, *args, **kwargs)

    def each_context(self, request: HttpRequest) -> Context:
        from audit.admin.frame import frame_context  # noqa: PLC0415 - pages need the site
        from customers.admin.business_switch import switch_of  # noqa: PLC0415 - pages need the site

        context = {
            # Without an address of its own the link would lead back to the admin.
            "site_url": settings.SITE_URL or None,
            "business_switch": SimpleLazyObject(partial(switch_of, request)),
            **frame_context(request),
        }
        return {**super().each_context(request), **context}
