"""What was paid before payments were recorded survives the way back and forth."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.databases import ROOT, copied
from tests.e2e.live import Hub

_SELL = """
import django
django.setup()
from decimal import Decimal
from audit.tenancy.actors import Actor
from customers import services
actor = Actor.system("test")
shop = services.create_business("shop", actor=actor)
ana = services.create_customer(shop, actor=actor, name="Ana")
sale = services.update_purchase_history(ana, actor=actor, total_amount=Decimal(50))
print(sale.paid_amount, sale.confirmed_amount, sale.payments.count())
"""
_LOOK = """
import django
django.setup()
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking
actor = Actor.system("test")
[sale] = Booking.objects.all()
broken = [one.rule for one in services.list_broken_rules(actor=actor)]
print(sale.paid_amount, sale.confirmed_amount, sale.payments.count(), broken)
services.reverse_earlier_payment(sale, actor=actor, reason="typed wrong")
[sale] = Booking.objects.all()
broken = [one.rule for one in services.list_broken_rules(actor=actor)]
print(sale.paid_amount, sale.confirmed_amount, sale.payments.count(), broken)
"""


@pytest.fixture
def hub(tmp_path_factory, tmp_path):
    with copied(tmp_path_factory, tmp_path) as database:
        yield Hub(database, tmp_path)


def run(hub: Hub, script: str) -> list[str]:
    done: Any = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=hub.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout).splitlines()


def test_an_amount_from_before_stays_and_is_nobodys_entry(hub):
    assert run(hub, _SELL) == ["50.000 0.000 1"]

    for target in (["customers", "0012"], []):
        done = hub.manage("migrate", "--verbosity=0", *target)
        assert done.returncode == 0, done.stderr

    assert run(hub, _LOOK) == ["50.000 None 0 []", "0.000 0.000 2 []"]
