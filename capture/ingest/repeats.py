"""Compare a message with the stored capture that has the same id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self
from uuid import UUID

from django.db.models.functions import Length

from capture.adapters import without_automatic
from capture.choices import Trust
from capture.envelope import Envelope
from capture.models import Capture
from capture.parsing import fingerprint, payload_text, read_payload

# Client libraries hardly add more. A stored message that is longer than the new one by
# more than this differs, and is not read to find that out.
_AUTOMATIC = 16_384


class MessageKey(NamedTuple):
    """By what messages of one source are the same: those of pages have ids apart."""

    is_page: bool
    message_id: str

    @classmethod
    def of(cls, trust: str, message_id: str) -> Self:
        """Return the key of a message."""
        return cls(trust == Trust.BROWSER, message_id)


def find_repeats(pairs: Sequence[tuple[UUID | None, Envelope]]) -> list[bool]:
    """Return for each pair whether message and stored capture have the same content.

    The fields that its client adds by itself do not count, such as the time of a call
    or the version of a library; so an application that sends its own message id twice
    repeats itself. The contents are compared, whatever the fingerprints of stored rows
    were made of. Two statements, or none where there is nothing to compare.
    """
    ids = {pk for pk, _ in pairs if pk is not None}
    if not ids:
        return [False] * len(pairs)
    captures = Capture.objects.filter(pk__in=ids, payload__isnull=False)
    sizes = captures.annotate(size=Length("payload")).values_list(
        "pk", "adapter", "size"
    )
    stored = {pk: (adapter, size) for pk, adapter, size in sizes}
    positions: dict[UUID, list[int]] = {}
    for n, (pk, envelope) in enumerate(pairs):
        if pk not in stored or stored[pk][0] != envelope.adapter:
            continue
        if stored[pk][1] <= len(payload_text(envelope.body)) + _AUTOMATIC:
            positions.setdefault(pk, []).append(n)
    same = [False] * len(pairs)
    if positions:
        payloads = Capture.objects.filter(pk__in=positions).values_list("pk", "payload")
        # One at a time: together they may be larger than the request.
        for pk, payload in payloads.iterator(chunk_size=20):
            for n in positions[pk]:
                envelope = pairs[n][1]
                before = without_automatic(envelope.adapter, read_payload(payload))
                now = without_automatic(envelope.adapter, envelope.body)
                same[n] = fingerprint(before) == fingerprint(now)
    return same
