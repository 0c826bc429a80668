"""The commands of captures."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from capture import services
from capture.models import ApiKey, Signup, Source
from tests.factories import CaptureFactory, QuarantineFactory


def run(name: str, *args: str, **options: object) -> str:
    out = StringIO()
    call_command(name, *args, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_create_key_prints_a_key_that_works(bakery):
    text = run("create_key", business="bakery", source="web", kind="secret").strip()

    response = Client().post(
        "/api/customer-data/capture-signup",
        {"email": "a@example.org"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {text}"},
    )

    assert text.startswith("sk_")
    assert response.status_code == 200
    key = ApiKey.objects.get()
    assert text.startswith(key.prefix)
    assert text not in str(ApiKey.objects.values())
    assert key.source == Source.objects.get(slug="web")


def test_create_key_for_nobody_says_so(db):
    with pytest.raises(CommandError, match="No business is called 'nobody'"):
        run("create_key", business="nobody", source="web")

    assert not Source.objects.exists()


def test_rebuild_projections_checks_then_repairs(bakery):
    CaptureFactory(
        source__business=bakery, body={"email": "a@example.org", "plan": "p"}
    )
    assert run("rebuild_projections", check=True) == "0 differences.\n"

    Signup.objects.update(plan="x")
    with pytest.raises(CommandError, match="without --check"):
        run("rebuild_projections", check=True)
    assert Signup.objects.get().plan == "x"

    assert "repaired: capture.Signup" in run("rebuild_projections")
    assert run("rebuild_projections", check=True) == "0 differences.\n"
    assert Signup.objects.get().plan == "p"


def test_keys_are_rotated_and_revoked(key, capsys):
    call_command("rotate_key", key.prefix, days=1)
    text = capsys.readouterr().out.strip()
    assert services.find_key(text).replaces == key

    call_command("revoke_key", key.prefix, reason="leaked")
    key.refresh_from_db()
    assert not key.is_valid
    for command, options in (("rotate_key", {}), ("revoke_key", {"reason": "x"})):
        with pytest.raises(CommandError, match="No key begins"):
            call_command(command, "sk_nobody", **options)
    with pytest.raises(CommandError, match="no longer valid"):
        call_command("rotate_key", key.prefix)


def test_quarantine_is_replayed_once_asked(source, capsys):
    QuarantineFactory(source=source)

    call_command("replay_quarantine")
    call_command("replay_quarantine", yes=True)

    assert capsys.readouterr().out.splitlines() == [
        "1 open items. Add --yes to replay them.",
        "0 of 1 items are captures now.",
    ]
