"""A load that is killed again and again ends as one that nobody touched."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.capture.commands.test_import_legacy import (
    ANA,
    ANSWERS,
    BOARD,
    SCHEMAS,
    TEAM,
    LegacyFile,
)
from tests.databases import ROOT, Database, copied, environment
from tests.long import IS_LONG

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not IS_LONG, reason="takes minutes; HOLDFAST_LONG=1"),
]
KILLS, LINES = 10, 1500
# Without the ids and times that differ from one load to the next.
PICTURE = {
    "customers": "SELECT email_key, external_id, name FROM customers_customer",
    # The id of a captured payment without a number names its capture.
    "bookings": "SELECT CASE WHEN substr(external_id, 1, 16) = 'payment:capture:' "
    "THEN 'payment' "
    "ELSE external_id END, status, total_amount, paid_amount, currency "
    "FROM customers_booking",
    "bookings with history": "SELECT count(*) FROM customers_historicalbooking",
    "figures": "SELECT c.external_id, c.email_key, s.total_orders, s.total_purchases, "
    "s.total_spent, s.total_items_bought, s.login_count "
    "FROM customers_customerstats s JOIN customers_customer c ON c.id = s.customer_id",
    "captures": "SELECT message_id, type, user_ref, email, occurred_at "
    "FROM capture_capture",
    "links": "SELECT k.message_id, c.email_key, l.rule FROM capture_capturelink l "
    "JOIN capture_capture k ON k.id = l.capture_id "
    "LEFT JOIN customers_customer c ON c.id = l.customer_id",
    "payments": "SELECT user_email, final_price, state, verified FROM capture_payment",
    "dashboards": "SELECT user_email, total_pnl, last_seen_at "
    "FROM capture_dashboardsnapshot",
    "quarantine": "SELECT message_id FROM capture_quarantine",
}


@dataclass
class Load:
    """A command that loads a file, as a process on a database of its own."""

    database: Database
    folder: Path
    arguments: list[str]
    counted: str
    kills: int = 0
    done: list[int] = field(default_factory=list)

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *self.arguments],
            cwd=ROOT,
            env=environment(self.database, self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, arguments: list[str] | None = None) -> str:
        """Run a command to its end and return what it says."""
        if arguments:
            self.arguments = arguments
        process = self.start()
        said = process.communicate(timeout=300)[0]
        assert process.returncode == 0, said
        return said

    def count(self) -> int:
        return int(self.database.rows(f"SELECT count(*) FROM {self.counted}")[0][0])

    def be_killed(self, pause: float) -> None:
        """Run until something more is there and then so long; kill it, as with -9."""
        before, process = self.count(), self.start()
        deadline = time.monotonic() + 60
        while process.poll() is None and self.count() <= before:
            assert time.monotonic() < deadline, "It loads nothing."
            time.sleep(0.01)
        time.sleep(pause)
        if process.poll() is None:
            process.kill()
            self.kills += 1
        process.communicate()
        self.done.append(self.count())

    def picture(self) -> dict[str, Any]:
        return {
            name: sorted(map(str, self.database.rows(sql)))
            for name, sql in PICTURE.items()
        }


@pytest.fixture
def business(tmp_path, tmp_path_factory) -> Iterator[Database]:
    """A database with an empty business."""
    with copied(tmp_path_factory, tmp_path) as database:
        script = (
            "import django; django.setup();"
            "from audit.tenancy.actors import Actor; from customers import services;"
            "services.create_business('shop', actor=Actor.system('test'))"
        )
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=environment(database, tmp_path),
            check=True,
        )
        yield database


def purchase_log(folder: Path) -> list[str]:
    path, dice = folder / "log.csv", random.Random(7)
    lines = [
        f"c{dice.randrange(300)},2024-01-{dice.randrange(1, 29):02},"
        f"{dice.randrange(1, 4)},{dice.randrange(100, 300)}.00"
        for _ in range(LINES)
    ]
    # Equal lines: the place among them counts.
    lines += lines[:40]
    path.write_text("\n".join(["customer,date,quantity,amount", *lines]))
    return ["import_purchases", str(path), "--business=shop"]


def legacy_file(folder: Path) -> list[str]:
    file = LegacyFile(folder / "old.db").make(*SCHEMAS)
    numbers = range(1, 61)

    def person(n: int) -> dict[str, Any]:
        return {"user_id": 100 + n % 40, "user_email": f"p{n % 40}@example.org"}

    file.add(
        "customer_data_immutable",
        *(
            ANA
            | {"id": n, "customer_id": 100 + n, "unique_id": f"U{n}"}
            | {"email": f"p{n}@example.org", "payment_amount": 10 + n}
            for n in numbers
        ),
    )
    # Every other one tells of the same payment once more.
    paid = {"payment_status": "completed"}
    file.add(
        "payment_data",
        *(
            TEAM | paid | {"id": n, "transaction_id": f"T{n}", "final_price": 10 + n}
            | {"user_id": 100 + n, "user_email": f"p{n}@example.org"}
            for n in numbers[::2]
        ),
        *(
            TEAM | {"id": 200 + n, "final_price": "ninety"} | person(n)
            for n in numbers[:5]
        ),
    )  # fmt: skip
    file.add("questionnaire_data", *(ANSWERS | {"id": n} | person(n) for n in numbers))
    file.add(
        "dashboard_data",
        *(
            BOARD
            | {"id": n, "total_pnl": n // 7}
            # Not in the order of time.
            | {"created_at": f"2024-06-03 {n * 7 % 24:02}:00:{n % 60:02}"}
            | person(n)
            for n in numbers
        ),
    )
    emails = [person(n)["user_email"] for n in numbers]
    file.add(
        "data_capture_audit",
        *({"capture_type": "payment", "user_email": email} for email in emails),
    )
    return ["import_legacy", str(file.path), "--business=shop"]


@pytest.mark.parametrize(
    ("make", "counted"),
    [(purchase_log, "customers_booking"), (legacy_file, "capture_capture")],
)
def test_killed_and_killed_it_ends_the_same(make, counted, business, tmp_path):
    arguments = make(tmp_path)
    second = business.copy(tmp_path)
    try:
        whole = Load(business, tmp_path, arguments, counted)
        whole.finish()
        broken = Load(second, tmp_path, arguments, counted)
        dice = random.Random()
        for _ in range(KILLS):
            broken.be_killed(dice.uniform(0, 0.3))
        said = broken.finish()

        # It has been killed in the midst of the load, and each run went on.
        assert broken.kills >= KILLS // 2
        assert broken.done == sorted(broken.done)
        assert broken.done[0] < whole.count()
        assert "known" in said
        assert broken.picture() == whole.picture()
        checked = broken.finish(["rebuild_projections", "--check"])
        assert "0 differences." in checked
    finally:
        second.drop()
