"""The made-up staff: accounts without a password, and a role in one business."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model

from audit import accounts
from audit.tenancy.actors import Actor, OperationContext
from config.seeding.drafts import REASON, model
from customers import services

if TYPE_CHECKING:
    from audit.models import User
    from customers.models import Business

# The name to sign in with, what the person is called, and the role.
BAKERY_STAFF = [
    ("nora", "Nora", "Haugen", "admin"),
    ("emil", "Emil", "Sandvik", "support"),
    ("runa", "Runa", "Eide", "support"),
    ("pia", "Pia", "Lindqvist", "marketing"),
    ("viggo", "Viggo", "Strand", "auditor"),
]
STUDIO_STAFF = [
    ("lucia", "Lucia", "Marques", "admin"),
    ("rui", "Rui", "Teixeira", "support"),
]


@dataclass(frozen=True)
class Staff:
    """Who works for a business: its admin, and all by name."""

    admin: User
    support: list[User]
    by_name: dict[str, User]


def make_staff(
    business: Business, members: list[tuple[str, str, str, str]], actor: Actor
) -> Staff:
    """Make accounts with a role in a business.

    Nobody can sign in as one of them before the owner has set a password.
    """
    roles: dict[str, list[User]] = {}
    by_name: dict[str, User] = {}
    for username, first, last, role in members:
        user = _account(username, first, last, actor)
        membership = model("Membership")(
            user=user, business=business, role=role, is_default=True
        )
        services.save_record(membership, actor=actor, reason=REASON)
        roles.setdefault(role, []).append(user)
        by_name[username] = user
    return Staff(roles["admin"][0], roles["support"], by_name)


def acting(user: User) -> Actor:
    """Return a member of staff as the one who acts, by this command."""
    return Actor.from_user(user, OperationContext(via="command", route="seed"))


def _account(username: str, first: str, last: str, actor: Actor) -> User:
    """Make an account; under the next free name where a real person has this one."""
    users = accounts.list_users(actor=actor)
    names = (f"{username}{n or ''}" for n in count())
    free = next(name for name in names if not users.filter(username=name).exists())
    user = get_user_model()(
        username=free,
        email=f"{free}@staff.example.org",
        first_name=first,
        last_name=last,
        is_staff=True,
        time_zone="Europe/Oslo",
    )
    user.set_unusable_password()
    return accounts.save_user(user, actor=actor)
