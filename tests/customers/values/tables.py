"""Tables of raw values, and what becomes of each at every entrance.

One file for each type, in columns that tabs separate. `raw` is JSON as it is sent; a
cell of a file, or an input of a form, holds its text. In the other columns stand what
is stored, nothing where nothing was sent, or the code of a refusal after an exclamation
mark. Besides:

- amounts: `strict` is for people, files and the API of staff, `captured` for messages
  of programs, where `~` marks what was rounded to the decimals of the currency, with
  the warning `amount_rounded`, and a refusal is quarantine.
- emails: `key` is by what two addresses are the same.
- names: `captured` is of messages of programs, where `~` marks that unseen signs were
  cut out, or all of it, with the warning `invisible_name`.
- phones: `country` is that of the business.
- moments: on 30 November 2026 at noon (UTC), of what has happened. `strict` takes no
  time without a zone, `in_oslo` is a file or a form of a business there, and
  `captured`, where `n:` marks the warning `naive_timestamp`, takes such a time for UTC;
  there a refusal is the warning `unreadable_timestamp`, and one that is ahead is read,
  and then counts as of its arrival.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

TYPES = (
    "amounts",
    "answers",
    "countries",
    "days",
    "emails",
    "moments",
    "names",
    "phones",
)


def table_of(name: str) -> list[dict[str, str]]:
    """Return the lines of a table, by the names of its columns."""
    return list(_lines(name))


def _lines(name: str) -> Iterator[dict[str, str]]:
    path = Path(__file__).with_name(f"{name}.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
