"""A form of the admin that is sent twice acts once.

Each page carries a token of its own in its forms: Django masks the CSRF token anew for
each page, so `csrfmiddlewaretoken` is there already, in every form that may be sent at
all, and is different on every page. The token is claimed, the act done and its answer
kept in one transaction, as with the `Idempotency-Key` of the API. A second post of it
waits for the first and leads to the same place. A form that is refused, or only asks
for more, gives its token free.

A post without such a token (a program that sends the CSRF token of its cookie) acts
each time, as it always did.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.csrf import CSRF_TOKEN_LENGTH
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.html import escape
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeData, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from audit.admin.search_terms import is_list_search
from audit.crypto import hmac_hex
from audit.json_text import JsonObject
from audit.rest import idempotency

_View = TypeVar("_View", bound=Callable[..., object])
_Response = TypeVar("_Response", bound=HttpResponseBase)

FIELD = "csrfmiddlewaretoken"
_ALREADY = _("This form was already sent; nothing was done twice.")
_CHANGED = _(
    "This form was already sent once, with other entries. Nothing was done this time; "
    "here is a new form."
)
_POPUP = "popup_response_data"
# The action of import-export, which asks for more.
_READING_ACTIONS = {"export_admin_action"}


def repeatable(view: _View) -> _View:
    """Mark a view, or an action of a list, that runs outside of one transaction.

    What it does may be repeated, or is held by something else, such as a code that
    works once, or by `act_once` around the part of it that writes.
    """
    view.is_repeatable = True  # type: ignore[attr-defined]  # a mark of our own
    return view


def once(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Return a view that acts once for each page; the admin site does so for all."""
    name = getattr(view, "__name__", "")
    if getattr(view, "is_repeatable", False):
        return view

    @wraps(view)
    def answer(
        request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        if name == "changelist_view" and is_list_search(request):
            # It takes no token away from the actions of its page, nor is it repeated.
            return view(request, *args, **kwargs)
        if _is_repeatable(view, request.POST.get("action", "")):
            # Of one that calls `act_once` itself, further down.
            first = answer_again(request, token_of(request))
            return view(request, *args, **kwargs) if first is None else first
        return act_once(request, partial(view, request, *args, **kwargs))

    return answer


def act_once(
    request: HttpRequest, act: Callable[[], _Response]
) -> _Response | HttpResponse:
    """Act and return the answer, or the first answer to a form that is sent again.

    One transaction holds both, and on SQLite others wait for it: a view that reads
    much before it writes is `repeatable`, and calls this for the rest.
    """
    token = token_of(request)
    if not token:
        return act()
    name, stored = _claim_name(request, token), None
    try:
        with transaction.atomic():
            first = idempotency.claim_answer(name, _fingerprint(request))
            if first is None:
                response = act()
                stored = _stored_answer(request, response)
                if stored is None:
                    idempotency.forget_answer(name)
                else:
                    idempotency.keep_answer(name, stored)
                return response
    except idempotency.KeyReused:
        messages.warning(request, _CHANGED)
        return HttpResponseRedirect(request.get_full_path())
    except Exception:  # Whatever it is; raised again below.
        if stored is not None:
            # What had to follow the commit has failed, so the answer is not true.
            _queued(request).clear()
            idempotency.forget_answer(name)
        raise
    return _repeated(request, first)


def token_of(request: HttpRequest) -> str:
    """Return the token of the page that this form was sent from, or nothing."""
    if request.method != "POST":
        return ""
    # Of a form that was carried through the page that asks for a code.
    token = getattr(request, "form_token", None) or request.POST.get(FIELD, "")
    # The bare token of the cookie is the same for all pages.
    return token if len(token) == CSRF_TOKEN_LENGTH else ""


def answer_again(request: HttpRequest, token: str) -> HttpResponse | None:
    """Return the answer to a form that was sent already, None if it was not."""
    if not token:
        return None
    first = idempotency.find_answer(_claim_name(request, token))
    return None if first is None else _repeated(request, first)


def _claim_name(request: HttpRequest, token: str) -> str:
    return hmac_hex("form", str(request.user.pk), request.path, token)


@sensitive_variables("fields")
def _fingerprint(request: HttpRequest) -> str:
    fields = sorted((k, v) for k, v in request.POST.lists() if k != FIELD)
    sent: Any = request.FILES  # the stubs have lists among its values
    files = sorted((k, f.name, f.size) for k, f in sent.items())
    return hmac_hex("form said", request.get_full_path(), repr(fields), repr(files))


def _stored_answer(request: HttpRequest, response: object) -> JsonObject | None:
    """Return the answer to give again; None where nothing was done."""
    if isinstance(response, HttpResponseRedirect):
        # They may hold what is shown once, and whoever pressed twice sees only the
        # second answer. An answer is kept encrypted.
        sent = [
            [m.level, str(m.message), isinstance(m.message, SafeData)]
            for m in _queued(request)
        ]
        return {"location": response.url, "messages": sent}
    data = getattr(response, "context_data", None) or {}
    return {_POPUP: data[_POPUP]} if _POPUP in data else None


def _queued(request: HttpRequest) -> list[Any]:
    """Return the messages that wait for the next page."""
    storage: Any = messages.get_messages(request)
    queued: list[Any] = storage._queued_messages  # not in the stubs
    return queued


def _repeated(request: HttpRequest, answer: JsonObject) -> HttpResponse:
    """Return an answer that was kept, and say that nothing was done twice."""
    if _POPUP in answer:
        template = "admin/popup_response.html"
        return SimpleTemplateResponse(template, {_POPUP: answer[_POPUP]})
    for level, text, is_safe in answer["messages"]:
        # What was safe when it was said: it comes from our own box.
        message = mark_safe(text) if is_safe else escape(text)  # noqa: S308 - safe when it was said, and read from our own encrypted answer
        messages.add_message(request, level, message)
    messages.info(request, _ALREADY)
    location = answer["location"]
    # The first answer led there; it is looked at as what a request brings would be.
    if not url_has_allowed_host_and_scheme(location, {request.get_host()}):
        location = reverse("admin:index")
    return HttpResponseRedirect(location)


def _is_repeatable(view: Callable[..., object], action: str) -> bool:
    """Tell whether an action of a list is one that may be repeated."""
    act = getattr(getattr(view, "__self__", None), action, None) if action else None
    return action in _READING_ACTIONS or getattr(act, "is_repeatable", False)
