"""Projections of tracked rows: written in the transaction that writes the row.

Every way of writing a tracked row ends here, after its history: `save()`,
`bulk_create()`, `update()`, `bulk_update()`, and the fast ones of `bulk`. So whoever
writes a row need not know what is computed from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from audit.history.models import TrackedModel


class Projector(Protocol):
    """Writes what is computed from instances of a model; a few statements for all.

    The instances are as they are stored now, and locked if they were there before.
    `columns` are the ones that were written; None stands for all of them.
    """

    def __call__(
        self,
        instances: Sequence[Any],
        /,
        *,
        columns: Collection[str] | None,
        is_new: bool,
    ) -> None: ...


_projectors: defaultdict[type[TrackedModel], list[Projector]] = defaultdict(list)


def register_projector(model: type[TrackedModel], projector: Projector) -> None:
    """Let a projector be called after each write of a model; from `ready()`."""
    _projectors[model].append(projector)


def project(
    instances: Sequence[TrackedModel], *, columns: Collection[str] | None, is_new: bool
) -> None:
    """Call the projectors of the model of these, in the caller's transaction."""
    if instances:
        for projector in _projectors.get(type(instances[0]), ()):
            projector(instances, columns=columns, is_new=is_new)
