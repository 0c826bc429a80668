"""Acts of service: a note, a ticket, flags, verifying."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.tenancy.actors import Actor
from customers import services
from customers.admin.acts.forms import (
    CHOOSE,
    ActForm,
    choice_field,
    long_text_field,
    reason_field,
    text_field,
)
from customers.admin.acts.registry import Done, FormAct, Link, register_act
from customers.choices import (
    FLAG_RESTRICTED,
    FLAG_VERIFIED,
    AuthorKind,
    Channel,
    NoteType,
    TicketPriority,
)
from customers.models import Customer

# --- note ---------------------------------------------------------------------------


class NoteForm(ActForm):
    focus = "content"

    content = long_text_field(_("Note"))
    note_type = choice_field(_("Type"), NoteType.choices, initial=NoteType.OTHER)
    is_pinned = forms.BooleanField(label=_("Pin it above the others"), required=False)


def _add_note(
    form: NoteForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    note = services.add_note(customer, actor=actor, **form.cleaned_data)
    link = Link(
        gettext("Open it"), reverse("admin:customers_note_change", args=[note.pk])
    )
    return Done(gettext("The note is saved."), link)


register_act(
    FormAct(
        name="note",
        label=_("Note"),
        icon="note",
        permission="customers.add_note",
        is_first=True,
        key="n",
        title=_("Add a note"),
        explanation=_(
            "A note for your colleagues, with your name. The person may ask to read it."
        ),
        button=_("Save the note"),
        form=NoteForm,
        run=_add_note,
    )
)

# --- ticket -------------------------------------------------------------------------


class TicketForm(ActForm):
    subject = text_field(_("Subject"), max_length=255)
    body = long_text_field(_("First message"))
    author_kind = choice_field(
        _("Written as"),
        (
            (AuthorKind.CUSTOMER, _("The customer's words")),
            (AuthorKind.STAFF, _("An internal note")),
        ),
        help_text=_("The customer's words cannot be changed afterwards."),
    )
    priority = choice_field(
        _("Priority"), TicketPriority.choices, initial=TicketPriority.NORMAL
    )
    channel = choice_field(_("Came by"), Channel.choices, initial=Channel.PHONE)
    assignee = choice_field(_("Assigned to"), (), required=False)

    def prepare(self) -> None:
        colleagues = services.list_colleagues(
            actor=self.actor,
            business_id=self.customer.business_id,
            permission="customers.change_ticket",
        )
        names = [(str(one.pk), one.get_full_name() or str(one)) for one in colleagues]
        self.fields["assignee"].choices = [("", gettext("Nobody yet")), *names]  # type: ignore[attr-defined]  # a choice field


def _open_ticket(
    form: TicketForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    values: dict[str, Any] = dict(form.cleaned_data)
    assignee = values.pop("assignee")
    values["assignee_id"] = UUID(assignee) if assignee else None
    ticket = services.open_ticket(customer, actor=actor, **values)
    url = reverse("admin:customers_ticket_change", args=[ticket.pk])
    message = gettext("Ticket %(ticket)s is open.") % {"ticket": ticket}
    return Done(message, Link(gettext("Open it"), url))


register_act(
    FormAct(
        name="ticket",
        label=_("Ticket"),
        icon="chat",
        permission="customers.add_ticket",
        is_first=True,
        title=_("Open a ticket"),
        explanation=_(
            "A request of the customer, with a number. Nothing is sent to the customer."
        ),
        button=_("Open the ticket"),
        form=TicketForm,
        run=_open_ticket,
    )
)

# --- flags --------------------------------------------------------------------------

_ANOTHER = "other"
_FLAG_WORDS = {
    FLAG_RESTRICTED: _("restricted: nobody contacts this person"),
    FLAG_VERIFIED: _("verified: somebody has checked who this is"),
}


class FlagForm(ActForm):
    code = choice_field(_("Flag"), ())
    other = text_field(
        _("Another flag"),
        max_length=50,
        required=False,
        help_text=_("A word or two; only if you chose “another one”."),
    )
    reason = reason_field()

    def prepare(self) -> None:
        used = services.list_flag_codes(self.customer, actor=self.actor)
        # Who verifies does so by an act of its own.
        codes = sorted({FLAG_RESTRICTED, *used} - {FLAG_VERIFIED})
        self.fields["code"].choices = [  # type: ignore[attr-defined]  # a choice field
            CHOOSE,
            *((code, _FLAG_WORDS.get(code, code)) for code in codes),
            (_ANOTHER, gettext("another one")),
        ]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("code") == _ANOTHER:
            self._use_other_code()
        elif self.cleaned_data.get("other"):
            text = gettext("Choose “another one”, or leave its word empty.")
            self.add_error("code", text)
        return cleaned

    def _use_other_code(self) -> None:
        code = slugify(self.cleaned_data.get("other") or "")
        if not code:
            text = gettext("Write the flag in letters or digits.")
            self.add_error("other", text)
        elif code == FLAG_VERIFIED:
            self.add_error("other", gettext("Verifying is an act of its own."))
        self.cleaned_data["code"] = code


def _add_flag(
    form: FlagForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    code, reason = form.cleaned_data["code"], form.cleaned_data["reason"]
    flag = services.add_flag(customer, code, actor=actor, reason=reason)
    message = gettext("Flagged as %(flag)s.") % {"flag": flag}
    if flag.code == FLAG_RESTRICTED:
        message += " " + gettext("Nobody may contact this customer from now on.")
    return Done(message)


register_act(
    FormAct(
        name="flag",
        label=_("Flag"),
        icon="flag",
        permission="customers.add_flag",
        is_first=True,
        title=_("Add a flag"),
        explanation=_(
            "A mark that everybody sees beside the name, until somebody takes it off."
        ),
        button=_("Add the flag"),
        form=FlagForm,
        run=_add_flag,
    )
)


def may_verify(customer: Customer, actor: Actor) -> bool:
    """Tell whether the actor may verify a customer, and take it back."""
    return actor.has_perm(services.VERIFY, customer.business_id)


def _has_removable(state: services.CustomerState, actor: Actor) -> bool:
    is_mine = state.is_verified and may_verify(state.customer, actor)
    return state.is_live and (state.is_flagged or is_mine)


class UnflagForm(ActForm):
    code = choice_field(_("Flag"), ())
    reason = reason_field()

    def prepare(self) -> None:
        flags = services.list_flags(self.customer, actor=self.actor)
        codes = [
            flag.code
            for flag in flags
            if flag.code != FLAG_VERIFIED or may_verify(self.customer, self.actor)
        ]
        choices = [(code, _FLAG_WORDS.get(code, code)) for code in codes]
        first = [] if len(codes) == 1 else [CHOOSE]
        self.fields["code"].choices = [*first, *choices]  # type: ignore[attr-defined]  # a choice field


def _remove_flag(
    form: UnflagForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    code, reason = form.cleaned_data["code"], form.cleaned_data["reason"]
    flag = services.remove_flag(customer, code, actor=actor, reason=reason)
    message = gettext("No longer flagged as %(flag)s. The history keeps the flag.")
    return Done(message % {"flag": flag})


register_act(
    FormAct(
        name="unflag",
        label=_("Take a flag off"),
        icon="flag",
        permission="customers.change_flag",
        is_offered=_has_removable,
        unavailable=_("There is no flag to take off."),
        title=_("Take a flag off"),
        explanation=_("The mark goes; the history keeps who set it, and why."),
        button=_("Take it off"),
        form=UnflagForm,
        run=_remove_flag,
    )
)

# --- verify -------------------------------------------------------------------------


class VerifyForm(ActForm):
    reason = reason_field(_("How you checked it"))


def _verify(
    form: VerifyForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    reason = form.cleaned_data["reason"]
    services.add_flag(customer, FLAG_VERIFIED, actor=actor, reason=reason)
    return Done(gettext("The customer is verified, by you."))


register_act(
    FormAct(
        name="verify",
        label=_("Verify"),
        icon="seal",
        permission=services.VERIFY,
        is_offered=lambda state, _actor: state.is_live and not state.is_verified,
        unavailable=_("This customer is verified already."),
        title=_("Verify this customer"),
        explanation=_(
            "You say that you have checked who this is. Your name and the day "
            "stand beside it. To take it back, take the flag “verified” off."
        ),
        button=_("Verify"),
        form=VerifyForm,
        run=_verify,
    )
)
