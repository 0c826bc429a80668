"""Make a business with work for a job of one kind; print the job and its rows.

Run by the drill of the worker, in its environment: `-m tests.e2e.make_job load 2000`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import django

django.setup()

from django.utils import timezone  # noqa: E402 - the apps must be loaded

from audit.tenancy.actors import Actor, OperationContext  # noqa: E402 - after setup
from capture import services as capture  # noqa: E402 - after setup
from capture.envelope import Envelope, Issue  # noqa: E402 - after setup
from capture.models import Quarantine  # noqa: E402 - after setup
from capture.tasks import replay_quarantine  # noqa: E402 - after setup
from customers import services, tasks  # noqa: E402 - after setup
from customers.models import Business, Customer  # noqa: E402 - after setup
from tests.factories import MembershipFactory  # noqa: E402 - after setup

# The n-th row of the file comes again as far as this later: in another piece.
LATER = 600
# Wide enough that the file of the short form is one for a job.
STREET = "a long street " * 13


def make_customers(business: Business, count: int, actor: Actor) -> list[Customer]:
    rows = [
        Customer(
            business=business,
            name=f"C {n}",
            email=f"c{n}@example.org",
            external_id=f"x-{n}",
            location=STREET,
        )
        for n in range(count)
    ]
    services.bulk_create_customers(rows, [], actor=actor, reason="drill")
    return rows


def archive(business: Business, count: int, actor: Actor) -> Any:
    rows = make_customers(business, count, actor)
    task = tasks.archive_customers.using(ids=[row.pk for row in rows])
    return task.using(actor=actor, business_id=business.pk, reason="drill").enqueue()


# --- a file -----------------------------------------------------------------------


def lines_of(count: int) -> Iterator[str]:
    """Yield the rows of a file; every third is of a customer who is there."""
    yield "reference,external_id,name,email,location"
    for n in range(count):
        first = n - LATER
        yield {
            # Refused: no address, and a reference of nobody in the beginning.
            1: f",,New {n},no address,{STREET}",
            7: f"C-0000-0000,,{n},,{STREET}" if n < 100 else f",,New {n},{n}@e.org,",
            # As it is, and later not; wrong, and later right.
            3: f",x-{n},C {n},c{n}@example.org,{STREET}",
            9: f",x-{n},C {n},no address,{STREET}",
            # Another e-mail: the old one stays findable.
            15: f",x-{n},C {n},other{n}@example.org,{STREET}",
        }.get(
            n % 30,
            f",,New {n},new{n}@example.org,{STREET}"
            if n % 3
            else f",x-{n},Changed {n},c{n}@example.org,{STREET}",
        )
        # Refused, too: whoever stood in the file before.
        if n % 30 in (3, 9) and first >= 0:
            yield f",x-{first},Again {first},c{first}@example.org,{STREET}"
        if n % 30 == 4 and first >= 0:
            yield f",,New {first},new{first}@example.org,{STREET}"


def upload(business: Business, count: int, actor: Actor) -> Any:
    """Keep a file of about so many rows."""
    make_customers(business, count, actor)
    lines = list(lines_of(count))
    kept = services.keep_upload(
        "\n".join(lines).encode(),
        name="people.csv",
        kind="csv",
        table=services.IMPORT_TABLES["customer"],
        business=business,
        actor=actor,
    )
    if not services.is_long(kept):
        raise SystemExit("The file is none for a job.")
    return kept


def preview(business: Business, count: int, actor: Actor) -> Any:
    file = upload(business, count, actor)
    task = tasks.preview_import.using(actor=actor, business_id=business.pk)
    return task.enqueue(file=str(file.pk))


def load(business: Business, count: int, actor: Actor) -> Any:
    file = upload(business, count, actor)
    total = services.preview_import(file, actor=actor)["total"]
    services.confirm_import(file, actor=actor, update_existing=True, reason="drill")
    task = tasks.load_import.using(actor=actor, business_id=business.pk, total=total)
    return task.using(reason=file.reason).enqueue(file=str(file.pk))


# --- the quarantine ---------------------------------------------------------------

# A fault of ours, mended since.
FAULT = Issue("invalid_value", "", "It could not be read.")


def kept(item: Any) -> list[Envelope]:
    return capture.build_native(item, trust="server", received_at=timezone.now())


def told(n: int) -> Envelope:
    """Return what is kept as the n-th: an item or a body, good by now or not."""
    person = {"user_id": f"u-{n % 40}", "email": f"u{n % 40}@example.org"}
    event = {"type": "event", "name": "Looked", "message_id": f"m-{n}", **person}
    payment = {
        "type": "payment",
        "message_id": f"m-{n}",
        "transaction_id": f"T-{n}",
        "plan_name": "Team",
        "final_price": 10 + n,
        "currency": "EUR",
        "payment_status": "completed",
        **person,
    }
    if n % 10 < 4:
        return replace(kept(event)[0], issue=FAULT)
    if n % 10 < 6:
        return replace(kept(payment)[0], issue=FAULT)
    if n % 10 == 6:
        return kept({"type": "event", "name": "Of nobody", "message_id": f"m-{n}"})[0]
    items: list[Any] = [
        event,
        {"type": "payment", "final_price": n, "message_id": f"p-{n}"},
        {**payment, "message_id": f"n-{n}"},
    ]
    texts = {
        7: json.dumps({"captures": items}),
        8: json.dumps([{"type": "event", "message_id": f"m-{n}"}, 5]),
        9: f'{{"captures": [{n}',
    }
    return capture.build_unreadable(texts[n % 10], FAULT, trust="server")


def replay(business: Business, count: int, actor: Actor) -> Any:
    system = Actor.system("drill")
    source = capture.get_or_create_source(business, "shop", actor=system)
    capture.ingest([told(n) for n in range(count)], source=source, actor=system)
    ids = Quarantine.objects.order_by("pk").values_list("pk", flat=True)
    task = replay_quarantine.using(actor=actor, business_id=business.pk, ids=ids)
    return task.using(reason="drill").enqueue()


MAKERS = {"archive": archive, "preview": preview, "load": load, "replay": replay}


def make(kind: str, count: int) -> str:
    business = services.create_business("drill", actor=Actor.system("drill"))
    user = MembershipFactory(business=business, role="admin").user
    operation = OperationContext(via="admin", route="drill")
    return str(MAKERS[kind](business, count, Actor.from_user(user, operation)).id)


if __name__ == "__main__":
    sys.stdout.write(make(sys.argv[1], int(sys.argv[2])) + "\n")
