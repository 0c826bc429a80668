"""The pages of captures: what they show, what can be done there, and by whom."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.html import escape

from audit.jobs.tasks import BATCH_SIZE
from audit.models import Event, Job
from audit.tenancy.actors import Actor
from capture import services
from capture.admin.base import draw_payload
from capture.models import (
    ApiKey,
    Capture,
    Quarantine,
    QuarantineDecision,
    Questionnaire,
    Signup,
    WebhookEndpoint,
)
from tests.conftest import confirm
from tests.factories import CaptureFactory, QuarantineFactory, WebhookEndpointFactory
from tests.factories.capture import ARRIVED
from tests.jobs import run_jobs

ACTOR = Actor.system("test")


def url(model, name, row):
    return reverse(f"admin:capture_{model}_{name}", args=[row.pk])


def test_a_capture_shows_what_it_says_and_what_was_corrected(alice, bob, source):
    capture = CaptureFactory(source=source, body={"email": "a@b.org", "plan": "Por"})
    services.correct_capture(capture, {"plan": "Pro"}, actor=ACTOR, reason="typo")

    page = alice.get(url("capture", "change", capture)).content.decode()
    assert "Por → Pro, because: typo" in page
    assert "{\n  &quot;email&quot;: &quot;a@b.org&quot;,\n" in page

    shown = bob.get(url("capture", "change", capture)).text
    assert "&quot;email&quot;" not in shown
    assert "a@b.org" not in shown
    assert "a…@b….org" in shown


def test_numbers_of_a_payload_are_drawn_as_they_came():
    drawn = draw_payload('{"total":1.10,"id":9007199254740993.0,"big":1e400,"none":[]}')

    assert drawn == (
        "<pre>{\n  &quot;total&quot;: 1.10,\n  &quot;id&quot;: 9007199254740993.0,\n"
        "  &quot;big&quot;: 1e400,\n  &quot;none&quot;: []\n}</pre>"
    )


def test_a_text_that_is_no_json_or_very_long_is_drawn_as_it_came():
    for text in ("<b>{", "[1", "1 2", "[" * 30 + "]" * 30, "[" + "0," * 40_000 + "0]"):
        assert draw_payload(text) == f"<pre>{escape(text)}</pre>"


def test_a_correction_from_the_page(alice, bob, charlie, source):
    capture = CaptureFactory(source=source, body={"email": "a@b.org", "plan": "Por"})
    page = url("capture", "correct", capture)
    form = {"key": "plan", "value": "Pro", "reason": "typed wrong"}

    assert bob.post(page, form).status_code == 403
    assert charlie.post(page, form).status_code == 404
    assert "Write why" in alice.post(page, {**form, "reason": " "}).text
    assert Signup.objects.get().plan == "Por"

    shown = alice.get(page).text
    assert '<option value="plan">plan: Por</option>' in shown
    refused = alice.post(page, {**form, "key": "plam"}).text
    assert "Choose the value that is wrong" in refused
    assert "typed wrong" in refused

    assert alice.post(page, form).status_code == 302
    assert Signup.objects.get().plan == "Pro"
    assert Event.objects.get(action="capture.corrected").actor_id == alice.user.pk


def test_an_item_is_repaired_and_replayed(alice, bob, charlie, source):
    row = QuarantineFactory(source=source)
    page = url("quarantine", "replay", row)
    good = row.item.replace("{", '{"email":"a@b.org",', 1)

    assert bob.post(page, {"item": good}).status_code == 403
    assert charlie.post(page, {"item": good}).status_code == 404
    assert "Send user_email" in alice.post(page, {"item": row.item}).text
    assert (
        "This is not JSON. Correct the text."
        in alice.post(page, {"item": "not json"}).text
    )
    assert not Capture.objects.exists()

    assert alice.post(page, {"item": good, "reason": "added"}).status_code == 302
    assert Capture.objects.get().replay_of_id == row.pk
    assert Quarantine.objects.get().item == row.item


def test_an_item_is_discarded_with_a_reason(alice, source):
    row = QuarantineFactory(source=source)
    page = url("quarantine", "discard", row)

    assert "errornote" in alice.post(page, {"reason": ""}).text
    assert alice.post(page, {"reason": "spam"}).status_code == 302
    assert QuarantineDecision.objects.get().decided_by_id == alice.user.pk


def test_many_items_are_replayed_after_a_fix(alice, source):
    rows = [QuarantineFactory(source=source) for _ in range(3)]
    data = {"action": "replay_all", "_selected_action": [str(r.pk) for r in rows]}
    response = alice.post(
        reverse("admin:capture_quarantine_changelist"), data, follow=True
    )

    assert "0 of 3 items are captures now." in response.text


def test_keys_are_rotated_and_revoked(alice, bob, key):
    rotate, revoke = url("apikey", "rotate", key), url("apikey", "revoke", key)
    assert bob.post(rotate).status_code == 403

    confirm(alice, "manage_keys")
    response = alice.post(rotate, follow=True)
    new = ApiKey.objects.exclude(pk=key.pk).get()
    assert f"The new key {new.prefix}" in response.text
    key.refresh_from_db()
    assert key.is_valid
    assert key.expires_at is not None

    assert "errornote" not in alice.post(revoke, {"reason": "leaked"}).text
    key.refresh_from_db()
    assert not key.is_valid


def test_a_secret_of_a_webhook_is_written_and_never_shown(alice, source):
    confirm(alice, "manage_keys")
    add = reverse("admin:capture_webhookendpoint_add")
    form = {"source": source.pk, "provider": "stripe", "name": "Stripe",
            "livemode": "unknown", "is_active": "on",
            "new_secret": "whsec_abc"}  # fmt: skip
    assert alice.post(add, form).status_code == 302

    place = WebhookEndpoint.objects.get()
    assert services.secrets_of(place) == ["whsec_abc"]
    page = alice.get(url("webhookendpoint", "change", place)).text
    assert "whsec_abc" not in page
    assert f"/api/v1/webhooks/stripe/{place.pk}" in page
    history = alice.get(url("webhookendpoint", "history", place)).text
    assert place.sealed_secrets not in history


def test_an_endpoint_of_ours_makes_its_own_secret(alice, source):
    confirm(alice, "manage_keys")
    add = reverse("admin:capture_webhookendpoint_add")
    form = {"source": source.pk, "provider": "standard", "name": "Shop",
            "livemode": "unknown", "is_active": "on"}  # fmt: skip
    response = alice.post(add, form, follow=True)

    (secret,) = services.secrets_of(WebhookEndpoint.objects.get())
    assert secret in response.text


def test_old_secrets_are_retired(alice, source):
    confirm(alice, "manage_keys")
    place = WebhookEndpointFactory(source=source)
    for secret in ("whsec_1", "whsec_2"):
        services.add_secret(place, secret, actor=ACTOR)

    assert alice.post(url("webhookendpoint", "retire", place)).status_code == 302
    place.refresh_from_db()
    assert services.secrets_of(place) == ["whsec_2"]


@pytest.fixture
def answers(post, settings, tmp_path):
    import base64  # noqa: PLC0415 - only here

    settings.MEDIA_ROOT = tmp_path
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n<script>").decode()
    body = {"user_email": "a@b.org", "accountScreenshot": picture}
    assert post("/api/data-capture/questionnaire", body).status_code == 200
    return Questionnaire.objects.get()


def test_a_screenshot_is_downloaded_and_never_rendered(answers, alice, charlie):
    page = url("questionnaire", "screenshot", answers)
    response = alice.get(page)

    assert b"".join(response.streaming_content).startswith(b"\x89PNG")
    assert response["Content-Disposition"].startswith("attachment")
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert charlie.get(page).status_code == 404
    assert Event.objects.get(action="file.downloaded").actor_id == alice.user.pk


def test_the_source_counts_what_it_refused(alice, post, source):
    post("/api/v1/captures", b"not json")

    page = alice.get(url("source", "change", source)).text
    assert "invalid_json" in page
    assert "never" in page


def test_many_items_are_replayed_by_a_job(alice, source):
    """What is still wrong stays; an id that other content has gets a new one."""
    page = reverse("admin:capture_quarantine_changelist")
    rows = [QuarantineFactory(source=source) for _ in range(BATCH_SIZE)]
    told = {"message_id": "twice", "email": "a@b.org", "final_price": 1}
    for price in (1, 2):
        found = services.build_envelopes(
            "payment",
            {**told, "final_price": price},
            trust="server",
            received_at=ARRIVED,
        )
        services.ingest(found, source=source, actor=ACTOR)
    data = {
        "action": "replay_all",
        "_selected_action": str(rows[0].pk),
        "select_across": "1",
    }
    assert (
        "replay <strong>101</strong> quarantined items" in alice.post(page, data).text
    )
    alice.post(page, data | {"reason": "mended"}, follow=True)
    run_jobs()

    job = Job.objects.get()
    assert job.status == "successful"
    assert job.report == {"taken": 1, "left in quarantine": BATCH_SIZE}
    decision = QuarantineDecision.objects.get()
    assert (decision.operation_id, decision.reason) == (job.pk, "mended")
    assert Capture.objects.count() == 2
