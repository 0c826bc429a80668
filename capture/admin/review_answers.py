"""What may be answered to an identity review, and what holds after each answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.admin.base import LabelsAbove
from capture import services
from capture.choices import ReviewDecision, ReviewKind
from capture.models import IdentityReview
from customers.admin.acts.forms import reason_field

if TYPE_CHECKING:
    from customers.models import Customer

_UNDECIDED = gettext_lazy("Choose one of the answers.")


@dataclass(frozen=True)
class Answer:
    """One answer: what it is called, and what is true once it was given."""

    decision: ReviewDecision
    # Whom the messages belong to then; None where the decision says it.
    customer_id: UUID | None
    title: str
    consequence: str

    @property
    def value(self) -> str:
        """How a form names it."""
        return f"{self.decision}:{self.customer_id or ''}"


class DecisionForm(LabelsAbove, forms.Form):
    """Which of the answers is right, and why."""

    required_css_class = "required"

    answer = forms.ChoiceField(
        label=gettext_lazy("Whose are the messages?"),
        widget=forms.RadioSelect,
        error_messages={"required": _UNDECIDED, "invalid_choice": _UNDECIDED},
    )
    reason = reason_field()

    def __init__(self, *args: Any, answers: list[Answer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answers = {answer.value: answer for answer in answers}
        field = cast("forms.ChoiceField", self.fields["answer"])
        field.choices = [(answer.value, answer.title) for answer in answers]

    @property
    def chosen(self) -> Answer:
        """The answer of a valid form."""
        return self.answers[self.cleaned_data["answer"]]

    def refuse(self, error: ValidationError) -> None:
        """Say what the service refused, at the field that it is about."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, errors in error.error_dict.items():
            field = "reason" if name == "reason" else "answer"
            self.add_error(field if name != "__all__" else None, errors)


def question_of(review: IdentityReview) -> str:
    """Return what is not clear about the messages of a review."""
    if review.kind == ReviewKind.CLAIMED_USER_ID:
        return _(
            "Only a web page has said whose this user id is, and a page can say "
            "anything. Now a server has sent the id, without an e-mail."
        )
    if review.kind == ReviewKind.CLAIMED_EMAIL:
        return _(
            "Only a web page has said that this e-mail belongs to the user id, and a "
            "page can say anything."
        )
    if review.kind == ReviewKind.ARCHIVED_CUSTOMER:
        return _(
            "The messages are of a customer who is archived. No second one was made; "
            "the messages wait for your decision."
        )
    if review.email_customer is None:
        return _(
            "The user id belongs to a customer with another e-mail. Nothing of theirs "
            "was changed; the messages wait for your decision."
        )
    return _(
        "The e-mail belongs to one customer, and the user id to another. Nobody was "
        "joined or renamed; the messages wait for your decision."
    )


def answers_of(review: IdentityReview) -> list[Answer]:
    """Return the answers that fit an open review; none for a decided one."""
    answers = []
    for decision in services.list_decisions(review):
        if decision == ReviewDecision.SAME_PERSON:
            answers += [_same(review, one) for one in services.candidates_of(review)]
        elif decision == ReviewDecision.OTHER_PERSON:
            answers.append(_other(review))
        else:
            answers.append(_changed(review))
    return answers


def _same(review: IdentityReview, customer: Customer) -> Answer:
    names = {"customer": _name(customer), "source": review.source.name}
    other = next((c for c in services.candidates_of(review) if c != customer), None)
    title = _("Same person: %(customer)s") % names
    if review.kind == ReviewKind.ARCHIVED_CUSTOMER:
        text = _("%(customer)s is restored, and the messages belong to them.")
    elif review.kind == ReviewKind.CLAIMED_EMAIL:
        text = _(
            "The e-mail becomes that of %(customer)s and finds them from now on, "
            "whoever names it."
        )
    elif review.kind == ReviewKind.CLAIMED_USER_ID:
        text = _(
            "The messages belong to %(customer)s, and in %(source)s the user id means "
            "them from now on."
        )
    elif other is None:
        text = _(
            "The messages belong to %(customer)s, and the e-mail finds them from now "
            "on, as a further one. The e-mail that they have stays."
        )
    elif customer == review.email_customer:
        names["other"] = _name(other)
        text = _(
            "The messages belong to %(customer)s, and in %(source)s the user id means "
            "them from now on. What came before stays with %(other)s."
        )
    else:
        names["other"] = _name(other)
        text = _(
            "The messages belong to %(customer)s, and so do later ones with this "
            "e-mail and user id. %(other)s keeps the e-mail."
        )
    return Answer(ReviewDecision.SAME_PERSON, customer.pk, title, text % names)


def _other(review: IdentityReview) -> Answer:
    by_email, by_id = review.email_customer, review.user_customer
    names = {
        "email": _name(by_email) if by_email else "",
        "id": _name(by_id) if by_id else "",
    }
    if review.kind == ReviewKind.ARCHIVED_CUSTOMER:
        text = _("A new customer is made of the messages; the other stays archived.")
    elif review.kind == ReviewKind.CLAIMED_EMAIL:
        text = _(
            "The e-mail is not that of %(id)s. What pages sent with the user id stays "
            "with them."
        )
    elif review.kind == ReviewKind.CLAIMED_USER_ID:
        text = _(
            "A new customer is made, and the user id means them from now on, for web "
            "pages, too."
        )
    elif by_email is not None:
        text = _(
            "The messages belong to %(email)s, who has the e-mail. The user id goes "
            "on meaning %(id)s."
        )
    else:
        text = _(
            "A new customer is made, with the e-mail. The user id goes on meaning "
            "%(id)s."
        )
    title = _("Other person")
    return Answer(ReviewDecision.OTHER_PERSON, None, title, text % names)


def _changed(review: IdentityReview) -> Answer:
    customer = review.user_customer
    name = _name(customer) if customer else ""
    text = _(
        "The new e-mail becomes that of %(customer)s. The former one is noted as a "
        "former contact and still finds them. The messages belong to %(customer)s."
    )
    return Answer(
        ReviewDecision.CHANGED_EMAIL,
        None,
        _("Change of e-mail"),
        text % {"customer": name},
    )


def _name(customer: Customer) -> str:
    """Return what a sentence calls a customer: never an e-mail for want of a name."""
    name = customer.name or ""
    return name if name and "@" not in name else customer.unique_id
