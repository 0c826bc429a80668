"""Mails about accounts: no answer waits for one, and none undoes what was done."""

from __future__ import annotations

import threading
import time
from typing import Any, ClassVar

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils.translation import gettext_lazy, override

from audit import accounts
from audit.accounts import mails
from audit.models import PinCredential, User, UserPreferences
from audit.tenancy.actors import Actor, OperationContext
from tests.factories import AuthenticatorFactory, PinCredentialFactory, UserFactory
from tests.factories.audit import PIN, enrolled, person


class Slow(BaseEmailBackend):
    """A mail server that says nothing until it is let go."""

    is_asked: ClassVar[threading.Event] = threading.Event()
    is_let_go: ClassVar[threading.Event] = threading.Event()

    def send_messages(self, email_messages: Any) -> int:
        self.is_asked.set()
        self.is_let_go.wait(5)
        return len(email_messages)


@pytest.fixture
def slow(settings, monkeypatch):
    settings.EMAIL_BACKEND = f"{__name__}.Slow"
    monkeypatch.setattr(mails, "Timer", threading.Timer)
    monkeypatch.setattr(mails, "_DELAY_SECONDS", 0.1)
    Slow.is_asked.clear()
    Slow.is_let_go.clear()
    yield Slow
    Slow.is_let_go.set()


def lock_confirming(user: User) -> None:
    for _ in range(5):
        with pytest.raises(ValidationError):
            accounts.verify_step_up(
                user, "518364", scope="reveal", binding="x", actor=person(user)
            )


def set_pin(user: User) -> None:
    facts = {"pin": "905318", "code": PIN, "binding": "x"}
    accounts.enrol_pin(
        user, password="four plain words here", actor=person(user), **facts
    )


def lose_pin(user: User) -> None:
    operation = OperationContext(via="admin", route="/test")
    owner = Actor.from_user(UserFactory(is_superuser=True), operation)
    accounts.release_pin(user, actor=owner)


def lose_authenticator(user: User) -> None:
    AuthenticatorFactory(user=user)
    accounts.remove_totp(user, actor=person(user))


def lose_second_factor(user: User) -> None:
    AuthenticatorFactory(user=user)
    accounts.reset_second_factor(user, actor=person(UserFactory()))


ACTS = [
    lock_confirming,
    set_pin,
    lose_pin,
    lose_authenticator,
    lose_second_factor,
    enrolled,
]


@pytest.mark.parametrize("act", ACTS)
def test_no_answer_waits_for_the_mail_server(
    db, slow, act, django_capture_on_commit_callbacks
):
    user = PinCredentialFactory().user
    began = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        act(user)

    assert time.monotonic() - began < 2
    # It is written to all the same.
    assert slow.is_asked.wait(5)


def test_a_command_writes_before_it_ends(
    db, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(mails, "Timer", lambda *_: pytest.fail("ends before it"))
    user = PinCredentialFactory().user
    with django_capture_on_commit_callbacks(execute=True):
        accounts.release_pin(user, actor=Actor.system("test"))

    assert "released" in mail.outbox[-1].subject


@pytest.mark.parametrize("via", ["admin", "command"])
@pytest.mark.django_db(transaction=True)
def test_an_address_that_is_none_undoes_nothing(via):
    """A line break in it would begin another header."""
    user = PinCredentialFactory(user__email="ana@example.org\nBcc: b@example.org").user
    actor = Actor("system", OperationContext(via=via, route="test"), business_ids=None)

    assert accounts.release_pin(user, actor=actor)

    assert not PinCredential.objects.exclude(hash="").exists()
    assert mail.outbox == []


def test_one_bad_address_costs_nobody_else_the_mail(
    db, django_capture_on_commit_callbacks
):
    users = UserFactory(email="a@example.org\nBcc: b@example.org"), UserFactory()
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        mails.send_apart([mails.Mail(user, "Word", "Text") for user in users])

    assert [m.to for m in mail.outbox] == [[users[1].email]]


def test_a_mail_is_in_the_language_of_who_reads_it(
    db, django_capture_on_commit_callbacks
):
    german, other = UserFactory(), UserFactory()
    UserPreferences.objects.create(user=german, language="de")
    # A word of Django's own catalogue.
    word = gettext_lazy("Yes")
    with django_capture_on_commit_callbacks(execute=True), override("fr"):
        mails.send_apart([mails.Mail(user, word, word) for user in (german, other)])

    assert [m.subject for m in mail.outbox] == ["Holdfast: Ja", "Holdfast: Yes"]
    assert [m.body for m in mail.outbox] == ["Ja", "Yes"]
