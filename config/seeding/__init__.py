"""Made-up data, the same every time: for the demo, its tests, and benches.

`named` has the five whom the documents know, `generated` any number of plain people,
and `hub` a hub in use: some two hundred people with everything that its pages show.
"""

from __future__ import annotations

from config.seeding.drafts import WORDING, today
from config.seeding.generated import make_customers
from config.seeding.hub import fill_hub
from config.seeding.named import (
    BAKERY,
    NAMED,
    RIVAL,
    how_to_add_more,
    make_businesses,
    make_named_customers,
)

__all__ = [
    "BAKERY",
    "NAMED",
    "RIVAL",
    "WORDING",
    "fill_hub",
    "how_to_add_more",
    "make_businesses",
    "make_customers",
    "make_named_customers",
    "today",
]
