"""The pipeline: repeats, conflicts, quarantine, neighbours, strictness, dashboards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from audit.models import Event
from audit.tenancy.actors import Actor
from capture import services
from capture.models import (
    Capture,
    CaptureLink,
    DashboardSnapshot,
    Quarantine,
    QuarantineDecision,
    Questionnaire,
    Sighting,
    Signup,
)
from customers.models import Business, Customer
from tests.factories import CaptureFactory, QuarantineFactory

ACTOR = Actor.system("test")
# SQLite takes 999 variables a statement, and so a few more statements for more rows.
LARGER = 30 if connection.vendor == "postgresql" else 4
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def take(source, *bodies, kind="signup", strict=False, **facts):
    facts = {"trust": "server", **facts}
    envelopes = []
    for body in bodies:
        envelopes += services.build_envelopes(body.pop("kind", kind), body, **facts)
    return services.ingest(envelopes, source=source, actor=ACTOR, strict=strict)


def test_a_repeat_is_a_sighting(source):
    body = {"message_id": "m1", "email": "a@b.org"}
    (first,) = take(source, {**body})
    (again,) = take(source, {**body, "sent_at": "2026-11-20T12:00:00Z"}, attempt=2)

    assert (again.status, again.capture_id) == ("duplicate", first.capture_id)
    sighting = Sighting.objects.get()
    assert (sighting.capture_id, sighting.attempt) == (first.capture_id, 2)
    assert Capture.objects.count() == 1


def test_a_conflict_keeps_both(source):
    (first,) = take(source, {"message_id": "m1", "email": "a@b.org"})
    (second,) = take(source, {"message_id": "m1", "email": "other@b.org"})

    assert second.status == "conflict"
    assert (second.code, second.capture_id) == ("message_id_conflict", first.capture_id)
    kept = Quarantine.objects.get()
    assert kept.pk == second.quarantine_id
    assert "other@b.org" in kept.item
    assert not Customer.objects.filter(email="other@b.org").exists()


def test_a_bad_item_costs_no_neighbour(source):
    verdicts = take(
        source,
        {"message_id": "m1", "email": "a@b.org"},
        {"message_id": "m2"},
        {"message_id": "m3", "email": "nobody"},
        {"message_id": "m4", "email": "d@b.org"},
    )

    assert [v.status for v in verdicts] == [
        "accepted",
        "quarantined",
        "quarantined",
        "accepted",
    ]
    assert [v.code for v in verdicts[1:3]] == ["no_identity", "schema_violation"]
    assert all(v.quarantine_id for v in verdicts[1:3])
    assert Capture.objects.count() == 2


def test_the_same_fault_again_is_a_sighting(source):
    first, again = (take(source, {"plan_name": "Pro"})[0] for _ in range(2))

    assert first.quarantine_id == again.quarantine_id
    assert Quarantine.objects.count() == 1
    assert Sighting.objects.get().quarantine_id == first.quarantine_id


def test_a_repaired_item_is_taken_under_its_own_id(source):
    take(source, {"message_id": "m1"})
    (verdict,) = take(source, {"message_id": "m1", "email": "a@b.org"})

    assert verdict.status == "accepted"


def test_strict_takes_all_or_nothing(source):
    good, bad = {"message_id": "m1", "email": "a@b.org"}, {"message_id": "m2"}
    with pytest.raises(services.StrictError) as error:
        take(source, {**good}, bad, strict=True)

    assert [v.code for v in error.value.results] == ["no_identity"]
    assert not Capture.objects.exists()
    assert Quarantine.objects.count() == 1

    take(source, {**good})
    other = {"message_id": "m9", "email": "z@b.org"}
    with pytest.raises(services.StrictError):
        take(source, other, {**good, "email": "other@b.org"}, strict=True)
    assert Capture.objects.count() == 1


def test_the_answer_names_each_item_in_order(source):
    verdicts = take(source, *({"email": f"p{n}@b.org"} for n in range(5)))

    assert [v.position for v in verdicts] == list(range(5))


def test_a_projection_that_fails_keeps_its_capture(source, projection_may_fail):
    def broken(_ids):
        msg = "boom"
        raise RuntimeError(msg)

    from customers.services import stats  # noqa: PLC0415 - to add a provider of ours

    stats.register_stats_provider(broken)
    try:
        verdicts = take(source, {"email": "a@b.org"}, {"email": "b@b.org"})
    finally:
        stats._providers.remove(broken)

    assert [v.status for v in verdicts] == ["accepted"] * 2
    assert all("projection_failed" in v.warnings for v in verdicts)
    assert Capture.objects.count() == 2
    assert not Signup.objects.exists()
    assert Event.objects.filter(action="capture.projection_failed").count() == 2

    for verdict in verdicts:
        pk = verdict.capture_id
        CaptureLink.objects.filter(capture=pk).delete()
        list(services.rebuild(repair=True, actor=ACTOR, capture_id=pk))
    assert Signup.objects.count() == 2
    assert Customer.objects.count() == 2
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


# --- dashboards -------------------------------------------------------------------


def board(source, balance, minute, **more):
    moment = (NOON + timedelta(minutes=minute)).isoformat()
    body = {
        "user_email": "a@b.org",
        "dashboardData": {"account": {"balance": balance}},
        "timestamp": moment,
        **more,
    }
    return take(source, body, kind="dashboard")[0]


def current():
    return DashboardSnapshot.objects.order_by("-last_seen_at").first()


def test_an_unchanged_dashboard_is_seen_and_not_captured(source):
    first = board(source, 100, 0)
    again = board(source, 100, 5, message_id="d2")
    repeat = board(source, 100, 5, message_id="d2")

    assert (again.status, again.capture_id) == ("duplicate", first.capture_id)
    assert "unchanged" in again.warnings
    assert repeat.status == "duplicate"
    assert Capture.objects.count() == 1
    assert Sighting.objects.count() == 2
    assert current().last_seen_at == NOON + timedelta(minutes=5)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 0, 2)])
def test_the_state_seen_last_is_the_current_one(source, order):
    states = [(100, 0), (200, 5), (100, 9)]
    for n in order:
        board(source, *states[n])

    assert current().account_balance == 100
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


def test_dashboards_of_one_batch_are_compared_too(source):
    bodies = [
        {"user_email": "a@b.org", "theme": theme, "message_id": f"d{n}", "timestamp":
            (NOON + timedelta(minutes=n)).isoformat()}
        for n, theme in enumerate(["dark", "dark", "light", "light", "dark"])
    ]  # fmt: skip
    verdicts = take(source, *bodies, kind="dashboard")

    assert [v.status for v in verdicts] == [
        "accepted",
        "duplicate",
        "accepted",
        "duplicate",
        "accepted",
    ]


def test_every_figure_of_a_dashboard_has_its_column(source):
    board(
        source,
        "50410.205",
        0,
        dashboardData={
            "account": {"balance": "50410.2045", "equity": 50380},
            "performance": {"totalPnl": 410.2, "winRate": 55.005, "totalTrades": 20},
        },
        tradingState={
            "initialEquity": 50000,
            "currentEquity": 50410.2,
            "performanceMetrics": {"winningTrades": 11, "profitFactor": 1.31,
                                   "grossProfit": 10**30, "losingTrades": 9.5},
            "riskSettings": {"riskPerTrade": 0.5, "dailyLossLimit": 2.0,
                             "consecutiveLossesLimit": 4},
        },
        theme="light",
    )  # fmt: skip

    row = DashboardSnapshot.objects.values().get()
    assert {name: str(row[name]) for name in (
        "account_balance", "win_rate", "total_trades", "profit_factor", "theme",
        "consecutive_losses_limit", "gross_profit", "losing_trades", "total_pnl",
    )} == {
        "account_balance": "50410.204", "win_rate": "55.00", "total_trades": "20",
        "profit_factor": "1.3100", "theme": "light", "consecutive_losses_limit": "4",
        "gross_profit": "None", "losing_trades": "None", "total_pnl": "410.200",
    }  # fmt: skip


def test_every_answer_of_a_questionnaire_has_its_column(source):
    body = {
        "user_email": "jonas@example.net", "tradesPerDay": "6-10",
        "cryptoAssets": ["SOL/USD"], "forexAssets": [], "hasAccount": "no",
        "accountEquity": 12000, "riskPercentage": 0.75, "riskRewardRatio": "1:3",
        "answers": {"q7": "weekly"}, "trading_goals": "income",
    }  # fmt: skip
    take(source, body, kind="questionnaire")

    row = Questionnaire.objects.get()
    assert (row.trades_per_day, row.crypto_assets, row.forex_assets) == (
        "6-10",
        ["SOL/USD"],
        [],
    )
    assert (row.account_equity, row.answers) == (12000, '{"q7":"weekly"}')
    assert (row.trading_goals, row.risk_reward_ratio) == ("income", "1:3")
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


# --- values -----------------------------------------------------------------------


def profile(source, name, trust, minute, n=[0]):  # noqa: B006 - a counter
    n[0] += 1
    body = {"email": "a@b.org", "full_name": name, "message_id": f"v{n[0]}",
            "timestamp": (NOON + timedelta(minutes=minute)).isoformat()}  # fmt: skip
    take(source, body, kind="profile", trust=trust)


TOLD = [("Browser late", "browser", 9), ("Server early", "server", 1),
        ("Server late", "server", 5), ("Browser early", "browser", 0)]  # fmt: skip


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_the_highest_trust_wins_and_then_the_latest(source, order):
    for n in order:
        profile(source, *TOLD[n])

    assert Customer.objects.get().name == "Server late"
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


def test_what_staff_wrote_gives_way_to_a_later_server_and_never_to_a_page(source):
    from customers.services import save_record  # noqa: PLC0415 - only here

    profile(source, "Ana", "server", 0)
    row = Customer.objects.get()
    row.name = "Ana of the desk"
    save_record(row, actor=ACTOR)

    profile(source, "Ana Page", "browser", 10**4)
    profile(source, "Ana Late", "server", 5)
    assert Customer.objects.get().name == "Ana of the desk"

    body = {"email": "a@b.org", "full_name": "Ana New"}
    take(source, body, kind="profile")
    assert Customer.objects.get().name == "Ana New"


def test_gpc_is_a_no_and_leaves_what_was_not_meant_to_be_told(source):
    kinds = [("page", {}), ("event", {"name": "looked"}), ("dashboard", {})]
    for kind, more in kinds:
        body = {"email": "a@b.org", "secret_thought": "none", **more}
        (verdict,) = take(source, body, kind=kind, trust="browser", gpc=True)
        assert verdict.code == "consent_denied_record"
    assert set(Quarantine.objects.values_list("item", flat=True)) == {None}

    (verdict,) = take(
        source,
        {"email": "a@b.org", "marketing_consent": True},
        trust="browser",
        gpc=True,
    )
    assert verdict.status == "accepted"
    from customers.models import ConsentEvent  # noqa: PLC0415 - only here

    assert ConsentEvent.objects.get().action == "refused"


# --- corrections and replay -------------------------------------------------------


def test_a_correction_stands_beside_what_came(source):
    capture = CaptureFactory(source=source, body={"email": "a@b.org", "plan": "Por"})
    before = Capture.objects.filter(pk=capture.pk).values().get()

    services.correct_capture(capture, {"plan": "Pro"}, actor=ACTOR, reason="typo")

    assert Capture.objects.filter(pk=capture.pk).values().get() == before
    (correction,) = services.corrections_of(capture.pk)
    assert services.correction_note(correction) == {
        "former": {"plan": "Por"},
        "changed": {"plan": "Pro"},
        "reason": "typo",
    }
    assert Signup.objects.get().plan == "Pro"
    assert Signup.objects.get().capture_id == capture.pk
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []

    services.correct_capture(capture, {"plan": "Max"}, actor=ACTOR, reason="again")
    assert Signup.objects.get().plan == "Max"
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


def test_a_corrected_address_moves_the_capture_to_its_person(source):
    capture = CaptureFactory(source=source, body={"email": "wrong@b.org"})
    services.correct_capture(
        capture, {"email": "right@b.org"}, actor=ACTOR, reason="typed wrong"
    )

    right = Customer.objects.get(email="right@b.org")
    assert Signup.objects.get().customer == right
    assert CaptureLink.objects.get(capture=capture).customer == right


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"plan": "Pro"}, " ", "required"),
        ({"plan": "Por"}, "why", "unchanged"),
        ({"email": "nobody"}, "why", "schema_violation"),
    ],
)
def test_a_correction_that_says_nothing_is_refused(source, changes, reason, code):
    capture = CaptureFactory(source=source, body={"email": "a@b.org", "plan": "Por"})

    with pytest.raises(ValidationError) as error:
        services.correct_capture(capture, changes, actor=ACTOR, reason=reason)

    assert error.value.code == code
    assert Capture.objects.count() == 1


def test_a_replay_takes_the_corrected_item_once(source):
    row = QuarantineFactory(source=source)
    assert services.replay_quarantined(row, actor=ACTOR).code == "no_identity"
    assert not QuarantineDecision.objects.exists()

    text = row.item.replace("{", '{"email":"a@b.org",', 1)
    first = services.replay_quarantined(row, actor=ACTOR, text=text, reason="added")
    again = services.replay_quarantined(row, actor=ACTOR, text=text)

    assert first.status == "accepted"
    assert again.capture_id == first.capture_id
    capture = Capture.objects.get()
    assert (capture.replay_of_id, capture.received_at) == (row.pk, row.received_at)
    assert capture.message_id == row.message_id
    assert QuarantineDecision.objects.get().capture_id == capture.pk
    assert not services.list_quarantined(actor=ACTOR).exists()


def test_a_replay_under_a_taken_id_gets_one_of_its_own(source):
    take(source, {"message_id": "m1", "email": "a@b.org"})
    (conflict,) = take(source, {"message_id": "m1", "email": "b@b.org"})
    row = Quarantine.objects.get(pk=conflict.quarantine_id)

    verdict = services.replay_quarantined(row, actor=ACTOR)

    assert verdict.status == "accepted"
    assert Capture.objects.filter(message_id=f"replay:{row.pk}").exists()


def test_a_discarded_item_stays_with_its_reason(source):
    row = QuarantineFactory(source=source)
    with pytest.raises(ValidationError):
        services.discard_quarantined(row, actor=ACTOR, reason=" ")
    services.discard_quarantined(row, actor=ACTOR, reason="a test of ours")

    assert Quarantine.objects.filter(pk=row.pk).exists()
    assert QuarantineDecision.objects.get().reason == "a test of ours"


def test_secrets_are_not_kept_in_quarantine_either(source):
    take(source, {"password": "hunter2", "note": "4111111111111111"})

    assert "hunter2" not in Quarantine.objects.get().item
    assert "4111111111111111" not in Quarantine.objects.get().item


def test_a_batch_with_every_verdict_takes_a_constant_number_of_statements(
    source, assert_flat
):
    rounds = iter(range(10))
    sizes = iter((1, 1, LARGER))

    def send():
        n, size = next(rounds), next(sizes)
        bodies = []
        for i in range(size):
            known = {"message_id": f"k{n}-{i}", "email": f"k{n}-{i}@b.org"}
            bodies += [{**known}, {**known}, {**known, "email": f"x{n}-{i}@b.org"},
                       {"message_id": f"bad{n}-{i}"}]  # fmt: skip
        take(source, *bodies, received_at=NOON)

    assert_flat(call=send, grow=lambda: None)
    assert Business.objects.count() == 1
    assert Quarantine.objects.count() == 2 * (2 + LARGER)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_a_payment_names_who_has_no_better_name(source, order):
    messages = [
        ("payment", {"user_name": "ann77", "transaction_id": "T1"}),
        ("payment", {"transaction_id": "T2"}),
        ("profile", {"full_name": "Ann Berg"}),
    ]
    for n in order:
        kind, body = messages[n]
        moment = (NOON - timedelta(minutes=9 * n)).isoformat()
        body = {"email": "ann@b.org", "timestamp": moment, **body}
        take(source, body, kind=kind)

    assert Customer.objects.get().name == "Ann Berg"
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_name_by_the_way_is_better_than_an_address(source, order):
    for n in order:
        body = [{"user_name": "ann77"}, {}][n]
        take(source, {"email": "ann@b.org", "transaction_id": f"T{n}", **body},
             kind="payment")  # fmt: skip

    assert Customer.objects.get().name == "ann77"
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []
