"""Which acts there are on the page of a customer.

Each has a page of its own below the customer's. Apps above register theirs in their
`admin` package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from audit.admin.base import actor_of
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.acts.forms import ActForm
from customers.models import Customer

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


_ARCHIVED = _("This customer is archived. Restore the customer first.")


class Link(NamedTuple):
    """A link in a message."""

    words: str
    url: str


@dataclass(frozen=True)
class Done:
    """What an act has done, in a sentence, and where that can be looked at.

    The message holds no contact data. `level` is one of `django.contrib.messages`.
    """

    message: str
    link: Link | None = None
    level: int = messages.SUCCESS


# Each act has a form of its own, so no type says more of the first.
Run: TypeAlias = Callable[[Any, Customer, Actor, HttpRequest], Done]
IsOffered: TypeAlias = Callable[[services.CustomerState, Actor], bool]


def is_live(state: services.CustomerState, actor: Actor) -> bool:
    """Offer an act for customers who are neither archived nor erased."""
    return state.is_live


def always(state: services.CustomerState, actor: Actor) -> bool:
    """Offer an act for every customer."""
    return True


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that staff do to a customer, and the button that leads to it.

    `permission` is needed in the customer's business. `is_offered` says whether there
    is something to act on now, and `unavailable` is what the page says if not. The
    first acts stand above the page, the others under "More".
    """

    name: str
    label: _StrOrPromise
    icon: str
    permission: str
    is_offered: IsOffered = is_live
    unavailable: _StrOrPromise = _ARCHIVED
    is_first: bool = False
    # A key of the keyboard that opens it.
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class FormAct(Act):
    """An act with a form. `run` calls one service, once, with what was typed.

    What the service refuses as ValidationError is said in the form, which comes back
    filled in. `explanation` says what the act does, `warning` what cannot be undone,
    and `button` what it is called where it is done.
    """

    title: _StrOrPromise
    explanation: _StrOrPromise
    button: _StrOrPromise
    form: type[ActForm]
    run: Run
    warning: _StrOrPromise = ""
    is_dangerous: bool = False


@dataclass(frozen=True, kw_only=True)
class LinkAct(Act):
    """An act whose page is elsewhere."""

    url: Callable[[Customer], str]


@dataclass(frozen=True)
class OfferedAct:
    """An act as a page offers it for one customer."""

    act: Act
    url: str

    @property
    def is_dialog(self) -> bool:
        """Whether its page opens in place, where the browser runs script."""
        return isinstance(self.act, FormAct)


class OfferedActs(NamedTuple):
    """What a page offers for one customer: buttons, and what stands under "More"."""

    first: list[OfferedAct]
    more: list[OfferedAct]


_acts: dict[str, Act] = {}


def register_act(act: Act) -> None:
    """Add an act; its name is part of an address."""
    if act.name in _acts:
        msg = f"There is an act {act.name} already."
        raise ValueError(msg)
    _acts[act.name] = act


def registered_acts() -> list[Act]:
    """Return all acts, in the order in which they were registered."""
    return list(_acts.values())


def find_act(name: str) -> Act | None:
    """Return the act of this name, if there is one."""
    return _acts.get(name)


def act_url(act: Act, customer: Customer) -> str:
    """Return the address of the page of an act."""
    if isinstance(act, LinkAct):
        return act.url(customer)
    return reverse("admin:customers_customer_act", args=[customer.pk, act.name])


def acts_for(customer: Customer, request: HttpRequest) -> OfferedActs:
    """Return the acts that the person may do now.

    One statement, or none for a customer of `services.with_state`.
    """
    actor = actor_of(request)
    allowed = [
        act
        for act in registered_acts()
        if actor.has_perm(act.permission, customer.business_id)
    ]
    if not allowed:
        return OfferedActs([], [])
    state = services.get_customer_state(customer)
    offered = [
        OfferedAct(act, act_url(act, customer))
        for act in allowed
        if act.is_offered(state, actor)
    ]
    return OfferedActs(
        [one for one in offered if one.act.is_first],
        [one for one in offered if not one.act.is_first],
    )
