"""What a grant is good for, and for how long; and what a forged one is worth."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from audit import accounts, log
from audit.accounts.grants import LIFETIMES, list_grants
from audit.models import Event, Grant, Scope
from tests.factories import GrantFactory, PinCredentialFactory
from tests.factories.audit import person

HERE = accounts.session_binding("a session")
DIGEST = "d" * 64


@pytest.fixture
def ana(db):
    return PinCredentialFactory().user


def require(user, scope="manage_keys", **facts) -> Grant:
    facts = {"binding": HERE, "actor": person(user)} | facts
    return accounts.require_grant(scope=scope, **facts)


def refused(user, scope="manage_keys", **facts) -> bool:
    with pytest.raises(accounts.StepUpRequired) as caught:
        require(user, scope, **facts)
    return caught.value.scope == scope


@pytest.mark.parametrize(
    ("scope", "minutes"),
    [("reveal", 10), ("manage_roles", 5), ("manage_keys", 5),
     ("export", 2), ("erase", 2), ("refund_over_limit", 2)],
)  # fmt: skip
def test_each_scope_lasts_its_minutes_and_use_makes_it_no_longer(ana, scope, minutes):
    grant = GrantFactory(user=ana, scope=scope, digest=DIGEST)

    assert grant.expires_at - grant.created_at == timedelta(minutes=minutes)
    assert require(ana, scope, digest=DIGEST).expires_at == grant.expires_at


def test_the_event_of_an_act_names_its_grant(ana):
    grant, actor = GrantFactory(user=ana), person(ana)
    require(ana, actor=actor)
    log.record("test.done", actor=actor)
    log.record("test.done", actor=person(ana))

    named = Event.objects.filter(action="test.done").values_list("grant_id", flat=True)
    assert set(named) == {grant.pk, None}


def test_lasting_ones_are_used_often_and_single_ones_once(ana):
    GrantFactory(user=ana)
    assert require(ana) == require(ana)

    GrantFactory(user=ana, scope="export", digest=DIGEST)
    assert require(ana, "export", digest=DIGEST).scope == "export"
    assert refused(ana, "export", digest=DIGEST)


def test_a_single_one_is_back_when_its_act_is_rolled_back(ana):
    GrantFactory(user=ana, scope="export", digest=DIGEST)

    def fail() -> None:
        with transaction.atomic():
            require(ana, "export", digest=DIGEST)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert require(ana, "export", digest=DIGEST)


def test_it_is_for_this_person_session_scope_and_act_alone(ana):
    GrantFactory(user=ana, scope="export", digest=DIGEST)
    GrantFactory(user=ana)
    other = PinCredentialFactory().user

    assert refused(other)
    assert refused(ana, binding=accounts.session_binding("another"))
    assert refused(ana, binding=accounts.token_binding(ana.pk))
    assert refused(ana, "manage_roles")
    assert refused(ana, "export", digest="e" * 64)
    assert refused(ana, grant_id=other.pk)
    with pytest.raises(ValueError, match="give its digest"):
        require(ana, "export")


def test_one_can_be_named(ana):
    first, second = GrantFactory(user=ana), GrantFactory(user=ana)

    assert require(ana, grant_id=first.pk) == first
    assert require(ana, grant_id=second.pk) == second


def test_nothing_lasts_longer_than_its_time(clock, ana):
    grant = GrantFactory(user=ana)
    clock(seconds=(grant.expires_at - clock.now).total_seconds())

    assert refused(ana)
    assert list_grants(ana, binding=HERE) == []


def test_a_disabled_account_has_no_grants(ana):
    GrantFactory(user=ana)
    ana.is_active = False
    ana.save()

    assert refused(ana)


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "manage_roles"},
        {"expires_at": timezone.now() + timedelta(days=1)},
        {"binding": accounts.session_binding("another")},
        {"method": "totp"},
        {"digest": "e" * 64},
        {"mac": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_row_altered_by_sql_is_worth_nothing(ana, change):
    grant = GrantFactory(user=ana)
    Grant.objects.filter(pk=grant.pk).update(**change)
    forged = Grant.objects.get()

    assert refused(ana, forged.scope, binding=forged.binding, digest=forged.digest)


def test_a_row_inserted_by_sql_is_worth_nothing(ana):
    genuine = GrantFactory(user=ana, scope="export", digest=DIGEST)
    Grant.objects.bulk_create(
        [
            Grant(
                user=ana,
                scope="manage_roles",
                method="pin",
                binding=HERE,
                expires_at=timezone.now() + timedelta(minutes=5),
                mac=genuine.mac,
            )
        ]
    )

    assert refused(ana, "manage_roles")
    assert len(list_grants(ana, binding=HERE)) == 1


def test_another_key_makes_every_grant_worthless(ana, settings):
    GrantFactory(user=ana)
    settings.HASH_KEY = "another key outside the database, long enough to count"

    assert refused(ana, binding=HERE)


def test_grants_follow_their_session_to_its_new_key(ana):
    for scope in ("reveal", "manage_keys"):
        GrantFactory(user=ana, scope=scope)
    new = accounts.session_binding("the new key")

    accounts.rebind_grants(ana, old=HERE, new=new)

    assert refused(ana)
    assert require(ana, binding=new)
    assert require(ana, "reveal", binding=new)


def test_forged_ones_do_not_follow(ana):
    GrantFactory(user=ana)
    Grant.objects.update(scope="manage_roles")
    new = accounts.session_binding("the new key")

    accounts.rebind_grants(ana, old=HERE, new=new)

    assert refused(ana, "manage_roles", binding=new)


def test_they_can_be_ended_here_and_everywhere(ana):
    GrantFactory(user=ana)
    GrantFactory(user=ana, session="another")
    other = accounts.session_binding("another")

    assert accounts.end_grants(ana, binding=HERE, actor=person(ana)) == 1
    assert refused(ana)
    assert require(ana, binding=other)
    assert accounts.end_grants(ana, actor=person(ana)) == 1
    assert accounts.end_grants(ana, actor=person(ana)) == 0
    assert Event.objects.filter(action="step_up.ended").count() == 2


def test_a_digest_is_of_all_facts_and_keyed(settings):
    digest = accounts.digest_of("export", filter=[["q", ["ana"]]], rows=3)

    assert digest == accounts.digest_of("export", rows=3, filter=[["q", ["ana"]]])
    assert digest != accounts.digest_of("export", rows=4, filter=[["q", ["ana"]]])
    assert digest != accounts.digest_of("erase", rows=3, filter=[["q", ["ana"]]])
    settings.LOOKUP_KEY = "another"
    assert digest != accounts.digest_of("export", rows=3, filter=[["q", ["ana"]]])


def test_every_scope_has_its_time():
    assert set(LIFETIMES) == set(Scope)
