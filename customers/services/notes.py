"""Notes of staff about a customer."""

from __future__ import annotations

from django.db import transaction

from audit.history.querysets import ScopedQuerySet
from audit.tenancy.actors import Actor
from customers.choices import NoteType
from customers.models import Customer, Note
from customers.selectors.customers import list_visible
from customers.services.constraints import clean_instance
from customers.services.writing import Write


@transaction.atomic
def add_note(
    customer: Customer,
    content: str,
    *,
    actor: Actor,
    note_type: str = NoteType.OTHER,
    is_pinned: bool = False,
) -> Note:
    """Create a note by the actor. Raises ValidationError when it is empty."""
    note = Note(
        business=customer.business,
        customer=customer,
        note_type=note_type,
        content=content.strip() or None,
        is_pinned=is_pinned,
    )
    clean_instance(note)
    save_note(Write(note, actor=actor))
    return note


def save_note(write: Write[Note]) -> None:
    """Write a note; a new one is by the actor."""
    if write.is_new:
        write.instance.created_by_id = (
            write.instance.created_by_id or write.actor.user_id
        )
    write.save()


def list_notes(
    customer: Customer, *, actor: Actor, note_type: str = ""
) -> ScopedQuerySet[Note]:
    """Return the customer's notes, pinned ones first, then the newest."""
    notes = list_visible(Note, actor=actor).filter(customer=customer, archived_at=None)
    if note_type:
        notes = notes.filter(note_type=note_type)
    return notes.select_related("created_by")


def get_notes(customer: Customer, *, actor: Actor, note_type: str = "") -> list[Note]:
    """Return all notes of a customer, in the order of `list_notes`."""
    return list(list_notes(customer, actor=actor, note_type=note_type))


def newest_notes(customer: Customer, *, actor: Actor, limit: int) -> list[Note]:
    """Return the newest notes, whether pinned or not."""
    notes = list_notes(customer, actor=actor).order_by("-created_at", "-id")
    return list(notes[:limit])
