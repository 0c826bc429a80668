from __future__ import annotations

import pytest

from audit.accounts import totp

SEED = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds, code):
    assert totp.code_of(SEED, totp.step_at(seconds), digits=8) == code


def test_the_neighbouring_steps_match_and_no_other():
    now = 1_700_000_000
    step = totp.step_at(now)

    found = {
        n: totp.matching_step(SEED, totp.code_of(SEED, step + n), now)
        for n in range(-3, 4)
    }

    assert found == {
        -3: None, -2: None, -1: step - 1, 0: step, 1: step + 1, 2: None, 3: None
    }  # fmt: skip


@pytest.mark.parametrize("code", ["", "12345", "1234567", "½½½½½½", "٣٣٣٣٣٣", "\ud800"])
def test_what_is_no_code_matches_nothing(code):
    text = code.encode(errors="replace").decode()
    assert totp.matching_step(SEED, text, 59) is None


def test_the_address_for_the_app_holds_the_key_and_escapes_the_name():
    uri = totp.enrolment_uri(SEED, "ann&secret=x/y", "Holdfast")

    assert uri == (
        "otpauth://totp/Holdfast%3Aann%26secret%3Dx/y"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Holdfast"
    )
    assert totp.seed_text(SEED).replace(" ", "") in uri
