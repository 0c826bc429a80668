"""The cookie by which a browser is known; see `audit.accounts.devices`."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import validate_host
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.accounts.alarms import Welcome
from audit.accounts.devices import accept_invitation, remember_device
from audit.accounts.sign_in import account_hash
from audit.models import User

# Half a year in which a browser is known again.
_LIFETIME = timedelta(days=180)


def device_of(request: HttpRequest) -> str:
    """Return the device cookie of a request."""
    return request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Set the device cookie of an account that has just signed in."""
    account = account_hash(user.get_username())
    _put(response, remember_device(device_of(request), account))


def welcome_of(request: HttpRequest) -> Welcome:
    """Return a function that says where the code of a mail makes a browser known."""

    def address(code: str) -> str:
        return _site_origin(request) + reverse("admin:login_known", args=[code])

    return address


def accept_invitation_view(request: HttpRequest, code: str) -> HttpResponse:
    """Set the device cookie after a code of a mail was opened; no sign-in."""
    response = HttpResponseRedirect(reverse("admin:login"))
    cookie = accept_invitation(code, device_of(request))
    if cookie is None:
        text = _(
            "This link is too old, or was opened too often. The next mail has another."
        )
        messages.error(request, text)
    else:
        _put(response, cookie)
        messages.success(request, _("This browser is known now. Sign in as always."))
    return response


def _site_origin(request: HttpRequest) -> str:
    """Return where mails lead: as the settings say, if they name the site.

    An attacker controls the Host header, and so would choose the target.
    """
    for origin in settings.PASSKEY_ORIGINS:
        if validate_host(urlsplit(origin).hostname or "", settings.ALLOWED_HOSTS):
            return str(origin)
    return request.build_absolute_uri("/").rstrip("/")


def _put(response: HttpResponse, cookie: str) -> None:
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        cookie,
        max_age=_LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
