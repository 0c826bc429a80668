"""Work on captures that is too long for a request."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from audit.jobs import JobContext, task
from capture import services


# Each is read, checked and projected anew, which takes a hundredth of a second or two.
@task(_("Replay quarantined items"), batch_size=5)
def replay_quarantine(context: JobContext) -> None:
    """Take the quarantined items of a job after all, each as it is."""
    for number, ids in context.batches():
        with context.piece(context.done + len(ids), cursor=number):
            items = services.list_quarantined(actor=context.actor).filter(pk__in=ids)
            taken = services.replay_all(
                items.order_by("pk"), actor=context.actor, reason=context.reason
            )
            # Stored in English; the page of the job translates it.
            counted, left = gettext_noop("taken"), gettext_noop("left in quarantine")
            context.count(**{counted: taken, left: len(ids) - taken})
