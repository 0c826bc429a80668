"""The default of every endpoint: closed until it says who may enter."""

from __future__ import annotations


class Closed:
    """Refuses everybody; an endpoint without a permission of its own stays shut.

    Imports nothing of `rest_framework.views`, which reads this class while it loads.
    """

    def has_permission(self, *_: object) -> bool:
        return False

    def has_object_permission(self, *_: object) -> bool:
        return False
