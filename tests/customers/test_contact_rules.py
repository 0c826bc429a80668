"""The truth table of the requirement."""

from __future__ import annotations

from typing import Any

import pytest

from customers.contact_rules import ConsentRecord, ContactProfile, may_contact

REACHABLE = frozenset({"email", "sms", "call"})


def said(
    action: str, channel: str | None = "email", *, valid: bool = True
) -> ConsentRecord:
    return ConsentRecord("marketing", channel, action, wording_is_valid=valid)


GIVEN = said("given")
LOYALTY = ConsentRecord("loyalty", "email", "given", wording_is_valid=True)
WITHDRAWN = said("withdrawn")
SOFT: dict[str, Any] = {"is_soft_opt_in": True, "purchases": 1}

# Newest answers first.
CASES: list[tuple[int, dict[str, Any], str, str, bool, str]] = [
    (1, {}, "marketing", "email", False, "none"),
    (2, {"consents": (GIVEN,)}, "marketing", "email", True, "consent"),
    (3, {"consents": (GIVEN,)}, "marketing", "sms", False, "none"),
    (4, {"consents": (said("given", valid=False),)}, "marketing", "email", False,
     "none"),
    (5, {"consents": (WITHDRAWN, GIVEN)}, "marketing", "email", False, "withdrawn"),
    (6, {"consents": (GIVEN, WITHDRAWN)}, "marketing", "email", True, "consent"),
    (7, {"consents": (GIVEN,), "do_not_contact": True}, "marketing", "email", False,
     "do_not_contact"),
    (8, {"consents": (WITHDRAWN,), "do_not_contact": True}, "marketing", "email", False,
     "do_not_contact"),
    (9, {"do_not_contact": True}, "service", "email", True, "service"),
    (10, {"consents": (GIVEN,), "prefers": {"email": False}}, "marketing", "email",
     False, "channel_off"),
    (11, {"consents": (GIVEN,), "prefers": {"email": None}}, "marketing", "email", True,
     "consent"),
    (12, {"prefers": {"sms": True}}, "marketing", "sms", False, "none"),
    (13, {"consents": (GIVEN,), "can_receive_offers": False}, "marketing", "email",
     False, "purpose_off"),
    (14, {"consents": (GIVEN,), "can_receive_loyalty": False}, "loyalty", "email",
     False, "purpose_off"),
    (15, {"consents": (LOYALTY,), "can_receive_offers": False}, "loyalty", "email",
     True, "consent"),
    (16, {"consents": (GIVEN,), "reachable": frozenset({"sms"})}, "marketing", "email",
     False, "no_address"),
    (17, {"consents": (GIVEN,), "is_restricted": True}, "marketing", "email", False,
     "restricted"),
    (18, {"is_restricted": True}, "service", "email", False, "restricted"),
    (19, {"consents": (GIVEN,), "is_erased": True}, "marketing", "email", False,
     "erased"),
    (20, {"consents": (GIVEN,), "is_archived_or_blocked": True}, "marketing", "email",
     False, "archived"),
    (21, SOFT, "marketing", "email", True, "soft_opt_in"),
    (22, SOFT, "marketing", "sms", False, "none"),
    (23, {**SOFT, "consents": (WITHDRAWN,)}, "marketing", "email", False, "withdrawn"),
    (24, {"prefers": {"email": False, "sms": True}}, "service", "email", False,
     "channel_off"),
    (25, {"consents": (said("refused", None),)}, "marketing", "call", False,
     "withdrawn"),
    (26, {"consents": (said("given", "sms"),), "reachable": frozenset({"email"})},
     "marketing", "sms", False, "no_address"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "purpose", "channel", "allowed", "rule"),
    [case[1:] for case in CASES],
    ids=[f"case {case[0]}" for case in CASES],
)
def test_the_first_rule_that_applies_decides(profile, purpose, channel, allowed, rule):
    answer = may_contact(
        ContactProfile(**{"reachable": REACHABLE, **profile}), purpose, channel
    )

    assert (answer.is_allowed, answer.rule) == (allowed, rule)


def test_given_without_channel_covers_e_mail_only():
    profile = ContactProfile(reachable=REACHABLE, consents=(said("given", None),))

    assert may_contact(profile, "marketing", "email").rule == "consent"
    assert may_contact(profile, "marketing", "call").rule == "none"


def test_a_refusal_without_channel_ends_an_older_consent_on_every_channel():
    profile = ContactProfile(
        reachable=REACHABLE, consents=(said("refused", None), said("given", "sms"))
    )

    assert may_contact(profile, "marketing", "sms").rule == "withdrawn"
