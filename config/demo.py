"""The demo shop: a page that signs up, pays, answers and is captured in the browser.

Only where made-up data is welcome: with HOLDFAST_DEBUG or HOLDFAST_DEMO.
"""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from audit.tenancy.actors import Actor
from audit.tenancy.scope import tenant_scope
from capture import services as capture
from customers import services as customers

SOURCE = "demo page"
# Nothing may be sent by a form: data of a person would stand in an address.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@require_safe
def shop(request: HttpRequest) -> HttpResponse:
    """Show the demo shop with a key that works from this address."""
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
    # The shop belongs to nobody who could sign in.
    with tenant_scope(None):
        context = _context(request)
    response = render(request, "demo/index.html", context)
    response["Content-Security-Policy"] = POLICY
    return response


def _context(request: HttpRequest) -> dict[str, object]:
    actor = Actor.system("demo page")
    business = customers.list_businesses(actor=actor).first()
    if business is None:
        return {"business": None, "key": ""}
    key = demo_key(business.slug)
    source = capture.get_or_create_source(business, SOURCE, actor=actor)
    capture.ensure_page_key(source, key, actor=actor, origin=_origin(request))
    return {"business": business, "key": key}


def demo_key(slug: str) -> str:
    """Return the text of the demo's publishable key, the same for one installation.

    It stands in the page, so it need not be secret; others just cannot guess it.
    """
    text = f"demo page of {slug}".encode()
    made = hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()
    return f"pk_demo_{made[:32]}"


def _origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}".lower()


urlpatterns = [path("", shop, name="demo")]
