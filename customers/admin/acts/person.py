"""Acts on the person: consent, preferences, archive, export, reveal, edit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.forms.models import fields_for_model, model_to_dict
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

from audit.admin.untouched import carry_initial
from audit.privacy.masking import REVEAL, SEE_UNMASKED, masked_names
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.acts.forms import (
    CHOOSE,
    ActForm,
    BusinessTimeField,
    choice_field,
    long_text_field,
    reason_field,
)
from customers.admin.acts.money import step_up_for
from customers.admin.acts.registry import (
    Done,
    FormAct,
    Link,
    LinkAct,
    always,
    register_act,
)
from customers.choices import ConsentAction, ConsentChannel, ConsentMethod, Purpose
from customers.models import Customer, Preferences

# --- edit ---------------------------------------------------------------------------

register_act(
    LinkAct(
        name="edit",
        label="Edit",
        icon="pen",
        permission="customers.change_customer",
        is_first=True,
        key="e",
        url=lambda customer: reverse(
            "admin:customers_customer_change", args=[customer.pk]
        ),
    )
)

# --- consent ------------------------------------------------------------------------

_ALL_CHANNELS = "all"
_CHANNEL_WORDS = {
    ConsentChannel.EMAIL: "e-mail",
    ConsentChannel.SMS: "SMS",
    ConsentChannel.CALL: "phone",
}
# Why a message may not go out although somebody said yes.
_BECAUSE = {
    "restricted": "the customer is restricted",
    "archived": "the customer is archived or blocked",
    "do_not_contact": "“do not contact” is set",
    "withdrawn": "a newer answer says no",
    "channel_off": "the preferences say no to this channel",
    "purpose_off": "the preferences say no to it",
    "no_address": "there is no address for it that works",
    "none": "no consent under a valid wording is recorded",
}


class ConsentForm(ActForm):
    purpose = choice_field("About", Purpose.choices)
    channel = choice_field(
        "By",
        [CHOOSE, *ConsentChannel.choices, (_ALL_CHANNELS, "every way")],
    )
    action = choice_field(
        "The answer",
        [
            CHOOSE,
            (ConsentAction.GIVEN, "yes, given"),
            (ConsentAction.WITHDRAWN, "no longer, withdrawn"),
            (ConsentAction.REFUSED, "no, refused"),
        ],
    )
    method = choice_field("How it came", [CHOOSE, *ConsentMethod.choices])
    occurred_at = BusinessTimeField(label="When", required=False)
    wording_version = choice_field(
        "Wording that was agreed to",
        (),
        required=False,
        help_text="A yes counts only under a wording that is valid now.",
    )
    evidence = long_text_field("Proof, in your words", height=3, required=False)

    def prepare(self) -> None:
        business = self.customer.business
        wordings = business.settings.get("consent_wordings", {})
        valid = sorted(name for name in wordings if business.wording_is_valid(name))
        choices = [("", "None"), *((name, name) for name in valid)]
        self.fields["wording_version"].choices = choices  # type: ignore[attr-defined]  # a choice field
        moment: Any = self.fields["occurred_at"]
        moment.zone = business.zone
        # Not filled in: cut to minutes it would be older than an answer just before.
        moment.help_text = f"Empty: now. Time of {business.timezone}."

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        is_given = self.cleaned_data.get("action") == ConsentAction.GIVEN
        if is_given and self.cleaned_data.get("channel") == _ALL_CHANNELS:
            self.add_error("channel", "A yes is for one way. Record each by itself.")
        return cleaned


def _record_consent(
    form: ConsentForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    values: dict[str, Any] = {**form.cleaned_data}
    if values["channel"] == _ALL_CHANNELS:
        values["channel"] = None
    for name in ("wording_version", "evidence"):
        values[name] = values[name] or None
    if values["occurred_at"] is None:
        del values["occurred_at"]
    event = services.record_consent(customer, actor=actor, **values)
    url = reverse("admin:customers_consentevent_change", args=[event.pk])
    channels = [event.channel] if event.channel else ConsentChannel.values
    message = f"Recorded. {what_holds(customer, event.purpose, channels)}"
    return Done(message, Link("Open the answer", url))


def what_holds(customer: Customer, purpose: str, channels: list[str]) -> str:
    """Return what may be sent from now on, and why not."""
    answers = services.contact_answers(customer)
    allowed = [one for one in channels if answers[purpose, one].is_allowed]
    refused = [one for one in channels if one not in allowed]
    title = Purpose(purpose).label.lower()
    sentences = []
    if allowed:
        sentences.append(f"{capfirst(title)} by {_joined(allowed)} is allowed now.")
    if refused:
        rule = answers[purpose, refused[0]].rule
        because = "" if rule == "withdrawn" else f": {_BECAUSE.get(rule, rule)}"
        sentences.append(f"No {title} by {_joined(refused)} from now on{because}.")
    return " ".join(sentences)


def _joined(channels: list[str]) -> str:
    *first, last = [_CHANNEL_WORDS[ConsentChannel(one)] for one in channels]
    return f"{', '.join(first)} or {last}" if first else last


register_act(
    FormAct(
        name="consent",
        label="Consent",
        icon="check",
        permission="customers.add_consentevent",
        title="Record an answer about consent",
        explanation="What the person said about being contacted, when, and how you "
        "know. The newest answer counts.",
        warning="An answer is kept for ever. A wrong one is followed by a right one.",
        button="Record the answer",
        form=ConsentForm,
        run=_record_consent,
    )
)

# --- preferences --------------------------------------------------------------------


class CategoriesField(forms.CharField):
    """A list of texts, written with commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        parts = (part.strip() for part in (super().to_python(value) or "").split(","))
        return list(dict.fromkeys(part for part in parts if part)) or None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return not self.disabled and (initial or None) != self.to_python(data)


class PreferencesForm(ActForm):
    """The columns of the preferences, without those that the person sees masked."""

    def prepare(self) -> None:
        hidden = () if self.is_unmasked else masked_names(Preferences)
        names = [n for n in services.PREFERENCES_COLUMNS if n not in hidden]
        self.fields.update(fields_for_model(Preferences, names))
        if "preferred_categories" in self.fields:
            self.fields["preferred_categories"] = CategoriesField(
                label="Preferred categories",
                required=False,
                help_text="With commas between them.",
            )
        self.fields["favorite_products"].widget.attrs.update({"rows": 3})
        self.initial.update(model_to_dict(self.customer.preferences, names))
        carry_initial(self, names)


def _update_preferences(
    form: PreferencesForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    changes = {name: form.cleaned_data[name] for name in form.changed_data}
    if not changes:
        return Done("Nothing was changed.", level=messages.INFO)
    services.update_preferences(customer, actor=actor, **changes)
    message = "The preferences are saved."
    if changes.get("do_not_contact"):
        message += " Nobody sends this customer offers from now on."
    return Done(message)


register_act(
    FormAct(
        name="preferences",
        label="Preferences",
        icon="gear",
        permission="customers.change_preferences",
        title="Preferences",
        explanation="How the person likes to be reached and served. A yes here is no "
        "consent; a no counts at once.",
        button="Save the preferences",
        form=PreferencesForm,
        run=_update_preferences,
    )
)

# --- archive and restore ------------------------------------------------------------


class ReasonForm(ActForm):
    reason = reason_field()


def _archive(
    form: ReasonForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    services.archive_customer(customer, actor=actor, **form.cleaned_data)
    return Done("The customer is archived, and can be restored at any time.")


register_act(
    FormAct(
        name="archive",
        label="Archive",
        icon="out",
        permission=services.ARCHIVE,
        unavailable="This customer is archived already.",
        title="Archive this customer",
        explanation="The customer leaves all lists. Orders, tickets and history stay, "
        "and you can restore the customer at any time.",
        button="Archive",
        form=ReasonForm,
        run=_archive,
        is_dangerous=True,
    )
)


def _restore(
    form: ReasonForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    services.restore_customers([customer.pk], actor=actor, **form.cleaned_data)
    return Done("The customer is back, with everything that was there.")


def _is_archived(state: services.CustomerState, actor: Actor) -> bool:
    return state.customer.is_archived and state.customer.erased_at is None


register_act(
    FormAct(
        name="restore",
        label="Restore",
        icon="undo",
        permission=services.ARCHIVE,
        is_offered=_is_archived,
        unavailable="This customer is not archived.",
        is_first=True,
        title="Restore this customer",
        explanation="The customer is on all lists again, with everything that was "
        "there.",
        button="Restore",
        form=ReasonForm,
        run=_restore,
    )
)

# --- export and reveal --------------------------------------------------------------


def _export(
    form: ReasonForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    link = services.make_person_link(
        customer,
        actor=actor,
        step_up=step_up_for(request, "export"),
        **form.cleaned_data,
    )
    url = reverse("admin:customers_customer_file", args=[customer.pk, link.token])
    message = "The file is ready. Its link works once, for ten minutes."
    return Done(message, Link("Download the file", url))


register_act(
    FormAct(
        name="export",
        label="Export this person",
        icon="down",
        permission="customers.export_customer",
        is_offered=always,
        title="Export everything about this person",
        explanation="One file with all that is stored about this person, in clear. It "
        "is recorded who asked for it, when and why.",
        warning="A file that has left the hub is not taken back.",
        button="Make the file",
        form=ReasonForm,
        run=_export,
    )
)


def _sees_masked(state: services.CustomerState, actor: Actor) -> bool:
    return not actor.has_perm(SEE_UNMASKED, state.customer.business_id)


register_act(
    LinkAct(
        name="reveal",
        label="Reveal contact data",
        icon="eye",
        permission=REVEAL,
        is_offered=_sees_masked,
        url=lambda customer: reverse(
            "admin:customers_customer_reveal", args=[customer.pk]
        ),
    )
)
