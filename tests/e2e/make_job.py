"""Make a business with customers and a job that archives them; print its id.

Run by the drill of the worker, in its environment: `-m tests.e2e.make_job 2000`.
"""

from __future__ import annotations

import sys

import django

django.setup()

from audit.actors import Actor  # noqa: E402 - the apps must be loaded
from customers import services  # noqa: E402 - after setup
from customers.models import Customer  # noqa: E402 - after setup
from customers.tasks import archive_customers  # noqa: E402 - after setup

actor = Actor.system("worker drill")
business = services.create_business("drill", actor=actor)
rows = [
    Customer(business=business, name=f"C {n}", email=f"c{n}@example.org")
    for n in range(int(sys.argv[1]))
]
services.create_many(rows, [], actor=actor, reason="drill")
job = archive_customers.using(
    actor=actor, business_id=business.pk, reason="drill", rows=[row.pk for row in rows]
).enqueue()
sys.stdout.write(f"{job.id}\n")
