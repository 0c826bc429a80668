"""Asking for a PIN, code or passkey before a dangerous act, on any page of the admin.

A page calls `require_step_up()` where the act begins. Without a grant the person gets a
page that asks for the code and carries along what was sent, encrypted; with the right
code the act runs in the same request. The code is checked before the page runs, and so
outside of its transaction, and is removed from the request by then.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial, reduce, wraps
from typing import TYPE_CHECKING, ClassVar, TypedDict

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from audit import accounts, clock
from audit.admin import passkeys
from audit.admin.base import Context, ScopedAdmin, actor_of, render_page, user_of
from audit.admin.once import answer_again, token_of
from audit.crypto import decrypt, encrypt
from audit.json_text import JsonObject, JsonValue
from audit.models import Scope

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from audit.models import Grant, User
    from audit.tenancy.actors import Actor

CODE = "step_up_code"
CARRIED = "step_up_request"
_MINE = {CODE, CARRIED, passkeys.ANSWER, passkeys.ASK, "csrfmiddlewaretoken"}
_PURPOSE = "step-up form"
_MARK = "step_up_mark"
# What the one field for codes takes.
_CODES = {
    "pin": _("PIN"),
    "totp": _("authenticator code"),
    "recovery": _("recovery code"),
}
_LATE = _("This took too long. Begin again; nothing was done.")
# How long the page that asks may stay open, in seconds.
_PATIENCE = 600


class _Act(TypedDict):
    """What is confirmed, and where."""

    scope: str
    digest: str | None
    binding: str
    actor: Actor


@dataclass(frozen=True)
class _PendingAct:
    """What the page asked for: the act, and what was sent to begin it.

    `fields` is None where the page is only to be opened again.
    """

    scope: str
    digest: str | None
    what: str
    fields: list[list[JsonValue]] | None
    until: float
    # Of the form that began: however often this page is sent, it acts once.
    token: str = ""


def binding_of(request: HttpRequest) -> str:
    """Return what grants of this session are bound to."""
    return accounts.session_binding(request.session.session_key or "")


def require_step_up(
    request: HttpRequest,
    scope: str,
    *,
    what: _StrOrPromise,
    digest: str | None = None,
) -> Grant:
    """Return the grant for an act that begins here, which its events will name.

    Raises StepUpRequired without one: `guarded`, which wraps every page of the
    admin, then asks for the code. `what` says what will happen, for people, without a
    personal value.
    """
    try:
        return accounts.require_grant(
            actor=actor_of(request),
            scope=scope,
            binding=binding_of(request),
            digest=digest,
        )
    except accounts.StepUpRequired as needed:
        needed.description = str(what)
        raise


def sent_fields(request: HttpRequest) -> list[list[JsonValue]]:
    """Return the fields of a form that was sent, for a digest: each with its values."""
    if request.method != "POST":
        return []
    return sorted([k, list(v)] for k, v in request.POST.lists() if k not in _MINE)


def guarded(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Return the view with the asking around it; the admin site does so for each."""

    @wraps(view)
    @sensitive_post_parameters(CODE)
    def answer(
        request: HttpRequest, *args: object, **kwargs: object
    ) -> HttpResponseBase:
        if request.method == "POST" and CARRIED in request.POST:
            if passkeys.is_asking(request):
                return passkeys.passkey_response(partial(_ask_passkey, request))
            response = _confirm(request)
            if response is not None:
                return response
        try:
            return view(request, *args, **kwargs)
        except accounts.StepUpRequired as needed:
            return _ask(request, _pending_act(request, needed))

    return answer


class ConfirmedForms(ScopedAdmin):
    """A page whose rows are added and changed after a confirmation."""

    step_up_scope: ClassVar[str]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        if request.method == "POST" and self._may_write(request, object_id):
            words = gettext("Add one of the %(rows)s")
            if object_id:
                words = gettext("Change one of the %(rows)s")
            what = words % {"rows": self.opts.verbose_name_plural}
            require_step_up(request, self.step_up_scope, what=what)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _may_write(self, request: HttpRequest, object_id: str | None) -> bool:
        # Without the permission, or for a foreign row: refused without a question.
        if object_id is None:
            return self.has_add_permission(request)
        instance = self.get_object(request, unquote(object_id))
        return instance is not None and self.has_change_permission(request, instance)


# --- what every page shows ------------------------------------------------------


def state_of(request: HttpRequest) -> accounts.StepUpState | None:
    """Return what the head of a page says: confirmed until, locked, wrong tries."""
    if not request.user.is_authenticated:
        return None
    return accounts.step_up_state(request.user, binding=binding_of(request))


@require_POST
def end_view(request: HttpRequest) -> HttpResponse:
    """End what is confirmed in this session."""
    user, actor = user_of(request), actor_of(request)
    accounts.end_grants(user, binding=binding_of(request), actor=actor)
    messages.success(
        request, gettext("Ended. The next such act asks for your PIN again.")
    )
    return HttpResponseRedirect(reverse("admin:index"))


# --- asking ---------------------------------------------------------------------


def _pending_act(request: HttpRequest, needed: accounts.StepUpRequired) -> _PendingAct:
    """Return what to ask for, with what was sent; files cannot be carried along."""
    fields = None
    if request.method == "POST" and not request.FILES:
        fields = sent_fields(request)
    return _PendingAct(
        scope=str(needed.scope),
        digest=needed.digest,
        what=needed.description,
        fields=fields,
        until=clock.now().timestamp() + _PATIENCE,
        token=token_of(request),
    )


@sensitive_variables("code")
def _confirm(request: HttpRequest) -> HttpResponseBase | None:
    """Check the code of a step-up page; None when the act may begin."""
    code = request.POST.get(CODE, "").strip()
    answer_of_key = passkeys.answer_in(request)
    pending = _unsealed(request, request.POST.get(CARRIED, ""))
    # From here on nothing that runs, logs or fails can see the code.
    request.POST = _post(pending.fields if pending and pending.fields else [])  # type: ignore[assignment]  # the stubs know only Django's own
    if pending is None:
        messages.error(request, _LATE)
        return HttpResponseRedirect(request.get_full_path())
    if (answer := answer_again(request, pending.token)) is not None:
        return answer
    request.form_token = pending.token  # type: ignore[attr-defined]  # for `token_of`
    user, act = user_of(request), _act(request, pending)
    try:
        if answer_of_key:
            accounts.verify_passkey_step_up(user, answer_of_key, **act)
        else:
            accounts.verify_step_up(user, code, **act)
    except ValidationError as refused:
        return _ask(request, pending, " ".join(refused.messages))
    renew_session(request, user)
    return (
        HttpResponseRedirect(request.get_full_path())
        if pending.fields is None
        else None
    )


def _ask_passkey(request: HttpRequest) -> JsonObject:
    """Return what the browser needs to ask for a passkey, for the act of the page."""
    pending = _unsealed(request, request.POST.get(CARRIED, ""))
    if pending is None:
        raise ValidationError(_LATE, code="late")
    return accounts.ask_for_passkey(user_of(request), **_act(request, pending))


def _act(request: HttpRequest, pending: _PendingAct) -> _Act:
    """Return what is confirmed, and where."""
    return {
        "scope": pending.scope,
        "digest": pending.digest,
        "binding": binding_of(request),
        "actor": actor_of(request),
    }


def renew_session(request: HttpRequest, user: User) -> None:
    """Give the session a new key, which the live grants follow."""
    old = binding_of(request)
    request.session.cycle_key()
    accounts.rebind_grants(user, old=old, new=binding_of(request))


def _ask(request: HttpRequest, pending: _PendingAct, error: str = "") -> HttpResponse:
    user = user_of(request)
    state = accounts.step_up_state(user, binding=binding_of(request))
    methods = accounts.step_up_methods(user, pending.scope)
    context = {
        "what": pending.what,
        "carried": _sealed(request, pending),
        "code_name": CODE,
        "carried_name": CARRIED,
        "is_repeated": pending.fields is None and request.method == "POST",
        "methods": methods,
        "codes": _either(str(_CODES[m]) for m in methods if m in _CODES),
        "passkey_domain": settings.PASSKEY_DOMAIN,
        "needs_authenticator": accounts.needs_authenticator(pending.scope),
        "state": state,
        "minutes": accounts.LIFETIMES[Scope(pending.scope)] // timedelta(minutes=1),
        "is_single_use": pending.scope in accounts.SINGLE_USE,
        "released_from": None if methods else accounts.waiting_release(user),
        "may_try": bool(methods) and not (state.locked_until or state.is_disabled),
        "error": error,
        "back": urlencode({"next": request.get_full_path()}),
        "is_popup": "_popup" in dict(pending.fields or []),
    }
    template, title = "admin/step_up.html", gettext("Confirm it is you")
    response = render_page(request, template, title, **context)
    # Also where the page itself may be kept, like that of the password.
    response["Cache-Control"] = "no-store"
    return response


def _either(words: Iterable[str]) -> str:
    """Return words between which somebody chooses; empty for none."""

    def joined(one: str, other: str) -> str:
        return gettext("%(one)s or %(other)s") % {"one": one, "other": other}

    ways = list(words)
    return reduce(joined, ways) if ways else ""


def _sealed(request: HttpRequest, pending: _PendingAct) -> str:
    """Return what the page carries: it can be neither read nor altered outside.

    What was sent may hold a password or a secret. Bound to the session, also under the
    new key that another tab's confirmation gives it, and to the page.
    """
    data = json.dumps(pending.__dict__).encode()
    return encrypt(data, purpose=_PURPOSE, owner=_page_of(request))


def _unsealed(request: HttpRequest, text: str) -> _PendingAct | None:
    """Return what a page carried; None for what is forged, of elsewhere or too old."""
    try:
        data = decrypt(text, purpose=_PURPOSE, owner=_page_of(request))
    except (ValueError, InvalidTag):
        return None
    pending = _PendingAct(**json.loads(data))
    return pending if clock.lasts(pending.until, timedelta(seconds=_PATIENCE)) else None


def _page_of(request: HttpRequest) -> bytes:
    """Return the session and the page that a form belongs to."""
    mark = request.session.setdefault(_MARK, secrets.token_hex())
    return f"{mark} {request.user.pk} {request.get_full_path()}".encode()


def _post(fields: list[list[JsonValue]]) -> QueryDict:
    """Return fields as a form brings them."""
    post = QueryDict(mutable=True)
    for name, values in fields:
        post.setlist(name, values)
    post._mutable = False
    return post
