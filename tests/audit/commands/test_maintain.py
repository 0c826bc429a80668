"""The clean-up of what has served its time, each app its own."""

from __future__ import annotations

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from audit.models import IdempotentResponse, RateLimitBucket
from audit.rest import rate_limits
from audit.rest.idempotency import claim_lease
from capture.models import RefusalCount
from tests.factories.rows import make_row


def test_it_forgets_what_has_served_its_time(db, capsys):
    claim_lease("old", "f")
    IdempotentResponse.objects.update(expires_at=timezone.now() - timedelta(days=1))
    claim_lease("new", "f")
    rate_limits.take_units("stranger:old", rate_limits.Rate(1, 1))
    RateLimitBucket.objects.update(used_at=timezone.now() - timedelta(days=9))
    rate_limits.take_units("stranger:new", rate_limits.Rate(1, 1))

    call_command("maintain")
    assert IdempotentResponse.objects.count() == 2
    call_command("maintain", yes=True)

    assert IdempotentResponse.objects.count() == RateLimitBucket.objects.count() == 1
    assert "stored answers: 1 removed" in capsys.readouterr().out


def test_apps_above_add_what_is_theirs(db, capsys):
    make_row(RefusalCount)
    RefusalCount.objects.update(hour=timezone.now() - timedelta(days=99))

    call_command("maintain", yes=True)

    printed = capsys.readouterr().out
    assert "counts of refusals: 1 removed" in printed
    assert "files to import: 0 removed" in printed
