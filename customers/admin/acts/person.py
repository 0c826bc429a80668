"""Acts on the person: consent, preferences, archive, export, reveal, edit."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.forms.models import fields_for_model, model_to_dict
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit.admin.form_fields import LinesField
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
from customers.admin.contact_words import what_holds
from customers.choices import ConsentAction, ConsentChannel, ConsentMethod, Purpose
from customers.models import Customer, Preferences

# --- edit ---------------------------------------------------------------------------

register_act(
    LinkAct(
        name="edit",
        label=_("Edit"),
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


class ConsentForm(ActForm):
    purpose = choice_field(pgettext_lazy("consent", "About"), Purpose.choices)
    channel = choice_field(
        pgettext_lazy("channel", "By"),
        [CHOOSE, *ConsentChannel.choices, (_ALL_CHANNELS, _("every way"))],
    )
    action = choice_field(
        _("The answer"),
        [
            CHOOSE,
            (ConsentAction.GIVEN, _("yes, given")),
            (ConsentAction.WITHDRAWN, _("no longer, withdrawn")),
            (ConsentAction.REFUSED, _("no, refused")),
        ],
    )
    method = choice_field(_("How it came"), [CHOOSE, *ConsentMethod.choices])
    occurred_at = BusinessTimeField(label=_("When"), required=False)
    wording_version = choice_field(
        _("Wording that was agreed to"),
        (),
        required=False,
        help_text=_("A yes counts only under a wording that is valid now."),
    )
    evidence = long_text_field(_("Proof, in your words"), height=3, required=False)

    def prepare(self) -> None:
        business = self.customer.business
        valid = business.valid_wordings
        choices = [("", pgettext("wording", "None")), *((name, name) for name in valid)]
        self.fields["wording_version"].choices = choices  # type: ignore[attr-defined]  # a choice field
        moment: Any = self.fields["occurred_at"]
        moment.use_zone(business.zone)
        # Not filled in: cut to minutes it would be older than an answer just before.
        moment.help_text = gettext("Empty: now. Time of %(zone)s.") % {
            "zone": business.timezone
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        is_given = self.cleaned_data.get("action") == ConsentAction.GIVEN
        if is_given and self.cleaned_data.get("channel") == _ALL_CHANNELS:
            text = gettext("A yes is for one way. Record each by itself.")
            self.add_error("channel", text)
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
    message = gettext("Recorded.")
    message = f"{message} {what_holds(customer, event.purpose, channels)}"
    return Done(message, Link(gettext("Open the answer"), url))


register_act(
    FormAct(
        name="consent",
        label=_("Consent"),
        icon="check",
        permission="customers.add_consentevent",
        title=_("Record an answer about consent"),
        explanation=_(
            "What the person said about being contacted, when, and how you "
            "know. The newest answer counts."
        ),
        warning=_(
            "An answer is kept for ever. A wrong one is followed by a right one."
        ),
        button=_("Record the answer"),
        form=ConsentForm,
        run=_record_consent,
    )
)

# --- preferences --------------------------------------------------------------------


def categories_field() -> LinesField:
    """Return the input of the categories that a person prefers: one on each line."""
    return LinesField(
        label=_("Preferred categories"),
        required=False,
        is_nullable=True,
        help_text=_("One on each line."),
    )


class PreferencesForm(ActForm):
    """The columns of the preferences, without those that the person sees masked."""

    def prepare(self) -> None:
        hidden = () if self.is_unmasked else masked_names(Preferences)
        names = [n for n in services.PREFERENCES_COLUMNS if n not in hidden]
        self.fields.update(fields_for_model(Preferences, names))
        if "preferred_categories" in self.fields:
            self.fields["preferred_categories"] = categories_field()
        self.fields["favorite_products"].widget.attrs.update({"rows": 3})
        self.initial.update(model_to_dict(self.customer.preferences, names))
        carry_initial(self, names)


def _update_preferences(
    form: PreferencesForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    changes = {name: form.cleaned_data[name] for name in form.changed_data}
    if not changes:
        return Done(gettext("Nothing was changed."), level=messages.INFO)
    services.update_preferences(customer, actor=actor, **changes)
    message = gettext("The preferences are saved.")
    return Done(" ".join([message, *preferences_hold(customer, changes)]))


def preferences_hold(customer: Customer, changed: Collection[str]) -> list[str]:
    """Return what may be sent after these preferences were changed."""
    ways = {f"prefer_{channel}": channel for channel in ConsentChannel.values}
    channels = [ways[name] for name in ways if name in changed]
    if {"do_not_contact", "can_receive_offers"} & set(changed):
        channels = ConsentChannel.values
    sentences = []
    if channels:
        sentences.append(what_holds(customer, Purpose.MARKETING, channels))
    if "can_receive_loyalty" in changed:
        sentences.append(what_holds(customer, Purpose.LOYALTY))
    return sentences


register_act(
    FormAct(
        name="preferences",
        label=pgettext_lazy("customer", "Preferences"),
        icon="gear",
        permission="customers.change_preferences",
        title=pgettext_lazy("customer", "Preferences"),
        explanation=_(
            "How the person likes to be reached and served. A yes here is no "
            "consent; a no counts at once."
        ),
        button=_("Save the preferences"),
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
    return Done(gettext("The customer is archived, and can be restored at any time."))


register_act(
    FormAct(
        name="archive",
        label=_("Archive"),
        icon="out",
        permission=services.ARCHIVE,
        unavailable=_("This customer is archived already."),
        title=_("Archive this customer"),
        explanation=_(
            "The customer leaves all lists. Orders, tickets and history stay, "
            "and you can restore the customer at any time."
        ),
        button=_("Archive"),
        form=ReasonForm,
        run=_archive,
        is_dangerous=True,
    )
)


def _restore(
    form: ReasonForm, customer: Customer, actor: Actor, request: HttpRequest
) -> Done:
    services.restore_customers([customer.pk], actor=actor, **form.cleaned_data)
    return Done(gettext("The customer is back, with everything that was there."))


def _is_archived(state: services.CustomerState, actor: Actor) -> bool:
    return state.customer.is_archived and state.customer.erased_at is None


register_act(
    FormAct(
        name="restore",
        label=_("Restore"),
        icon="undo",
        permission=services.ARCHIVE,
        is_offered=_is_archived,
        unavailable=_("This customer is not archived."),
        is_first=True,
        title=_("Restore this customer"),
        explanation=_(
            "The customer is on all lists again, with everything that was there."
        ),
        button=_("Restore"),
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
    message = gettext("The file is ready. Its link works once, for ten minutes.")
    return Done(message, Link(gettext("Download the file"), url))


register_act(
    FormAct(
        name="export",
        label=_("Export this person"),
        icon="down",
        permission="customers.export_customer",
        is_offered=always,
        title=_("Export everything about this person"),
        explanation=_(
            "One file with all that is stored about this person, in clear. It "
            "is recorded who asked for it, when and why."
        ),
        warning=_("A file that has left the hub is not taken back."),
        button=_("Make the file"),
        form=ReasonForm,
        run=_export,
    )
)


def _sees_masked(state: services.CustomerState, actor: Actor) -> bool:
    return not actor.has_perm(SEE_UNMASKED, state.customer.business_id)


register_act(
    LinkAct(
        name="reveal",
        label=_("Reveal contact data"),
        icon="eye",
        permission=REVEAL,
        is_offered=_sees_masked,
        url=lambda customer: reverse(
            "admin:customers_customer_reveal", args=[customer.pk]
        ),
    )
)
