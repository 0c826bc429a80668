"""How much and how often: queries, bodies, and rates by person and address."""

from __future__ import annotations

import json
import threading
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client

from audit.rest.throttling import consume_user_budget
from config.limits import MAX_FORM, MAX_PARAMETERS, MAX_QUERY
from tests.conftest import signed_in
from tests.factories import ApiKeyFactory, UserFactory

LIST = "/admin/customers/customer/"
LOGIN = "/admin/login/"


@pytest.fixture
def rates(settings, clock):
    """Three requests at once, and then one a second."""
    settings.STAFF_RATES = dict.fromkeys(("user", "visitor", "login"), (1, 3))


def statuses(client: Client, times: int, path: str = LIST, **extra: object):
    return [client.get(path, **extra).status_code for _ in range(times)]


# --- sizes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("x=" + "a" * MAX_QUERY, "characters"),
        ("&".join(["a=1"] * (MAX_PARAMETERS + 1)), "parameters"),
        ("status=%00", "no text can hold"),
    ],
)
def test_a_query_that_is_too_much_is_refused(alice, query, said):
    page = alice.get(f"{LIST}?{query}")
    document = Client().get(f"/api/v1/captures?{query}")

    assert page.status_code == document.status_code == 400
    assert said in page.content.decode()
    assert said in document.json()["detail"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_who_is_refused_before_signing_in_reads_the_language_of_the_browser(language):
    headers = {"Accept-Language": language}
    query = "x" * (MAX_QUERY + 1)
    page = Client(headers=headers).get(f"{LIST}?{query}")
    document = Client(headers=headers).get(f"/api/v1/captures?{query}").json()

    assert f'<html lang="{language}"' in page.text
    assert page["Content-Language"] == language
    assert document["message"].startswith("The query has more than 6000 characters.")


def test_a_query_just_below_the_limits_passes(alice):
    query = "&".join(["p=1"] * MAX_PARAMETERS)

    assert alice.get(f"{LIST}?{query}").status_code == 200


def test_a_form_that_is_too_large_is_refused_unread(alice):
    response = alice.post(
        f"{LIST}add/", b"a" * (MAX_FORM + 1), content_type="text/plain"
    )

    assert response.status_code == 413
    assert str(MAX_FORM) in response.content.decode()


def test_a_length_that_is_no_number_is_refused(alice):
    response = alice.post(f"{LIST}add/", {}, CONTENT_LENGTH="-1")

    assert response.status_code == 400


def test_a_form_of_too_many_fields_is_refused(alice, settings):
    fields = {f"f{n}": "1" for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}

    assert alice.post(f"{LIST}add/", fields).status_code == 400


def test_the_doors_of_captures_keep_their_own_limits(db):
    key = ApiKeyFactory()
    response = Client().post(
        "/api/data-capture/payment",
        b"x" * (MAX_FORM + 1),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key.prefix}"},
    )

    assert response.status_code == 413
    assert response.json()["limit_bytes"] == 1_000_000


# --- rates ----------------------------------------------------------------------


@pytest.mark.usefixtures("rates")
def test_a_person_is_slowed_down_whatever_the_address(alice):
    addresses = [{"REMOTE_ADDR": f"10.0.0.{n}"} for n in range(4)]

    answers = [alice.get(LIST, **extra) for extra in addresses]

    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3]["Retry-After"]) <= 60
    assert "Wait a moment" in answers[3].content.decode()


@pytest.mark.usefixtures("rates")
def test_one_person_does_not_slow_down_another(alice, charlie):
    assert statuses(alice, 4)[-1] == 429
    assert statuses(charlie, 1) == [200]


@pytest.mark.usefixtures("rates")
def test_rotating_a_header_does_not_help(db):
    client = Client()
    headers = [{"X-Forwarded-For": f"10.0.0.{n}"} for n in range(4)]

    answers = [client.get(LOGIN, headers=h).status_code for h in headers]

    assert answers == [200, 200, 200, 429]


@pytest.mark.usefixtures("rates")
def test_behind_a_proxy_only_its_own_word_counts(db, settings):
    settings.TRUSTED_PROXIES = 1
    client = Client()
    forged = [{"X-Forwarded-For": f"10.9.9.{n}, 10.0.0.1"} for n in range(4)]

    answers = [client.get(LOGIN, headers=h).status_code for h in forged]
    other = client.get(LOGIN, headers={"X-Forwarded-For": "10.0.0.2"})

    assert answers == [200, 200, 200, 429]
    assert other.status_code == 200


def test_tries_to_sign_in_have_a_rate_of_their_own(db, settings, clock):
    settings.STAFF_RATES = settings.STAFF_RATES | {"login": (1, 2)}
    client = Client()
    tries = [client.post(LOGIN, {"username": f"u{n}"}).status_code for n in range(3)]

    assert tries == [200, 200, 429]
    assert client.get(LOGIN).status_code == 200


@pytest.mark.usefixtures("rates")
def test_the_api_answers_with_a_problem_document(owner):
    path = "/api/v1/captures"
    assert statuses(owner, 3, path) == [200, 200, 200]

    response = owner.get(path)

    assert response.status_code == 429
    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"]
    assert response.json()["code"] == "rate_limited"


@pytest.mark.usefixtures("rates")
def test_keys_have_rates_of_their_own(db):
    key = ApiKeyFactory(scopes=["read:captures"])
    headers = {"Authorization": f"Bearer {key.prefix}"}

    assert set(statuses(Client(), 6, "/api/v1/captures", headers=headers)) == {200}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite in memory is one connection."
)
def test_fifty_at_once_never_exceed_the_limit(settings):
    settings.STAFF_RATES = settings.STAFF_RATES | {"user": (1, 10)}
    user = UserFactory()
    start = threading.Barrier(50)
    allowed: list[bool] = []

    def ask() -> None:
        start.wait()
        try:
            allowed.append(consume_user_budget(user.pk).is_allowed)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(allowed) == 50
    # Ten at once, and the one or two that the time itself gives back.
    assert 10 <= sum(allowed) <= 13


def test_signed_in_helper_is_one_bucket_for_all_sessions(bakery, rates):
    user = UserFactory(is_superuser=True)
    first, second = signed_in(user), signed_in(user)

    assert statuses(first, 2) + statuses(second, 2) == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("door", "kind"),
    [
        ("/admin/login/", "application/x-www-form-urlencoded"),
        ("/api/v1/auth/token", "application/json"),
        ("/api/v1/auth/token/", "application/json"),
    ],
)
def test_every_door_that_tries_passwords_has_the_rate_of_it(
    client, clock, settings, door, kind
):
    settings.STAFF_RATES = {**settings.STAFF_RATES, "login": (1, 2)}
    body = {"username": "n", "password": "x"}
    sent = urlencode(body) if "form" in kind else json.dumps(body)

    statuses = [
        client.post(door, sent, content_type=kind).status_code for _ in range(4)
    ]

    assert statuses[2:] == [429, 429]
    assert 429 not in statuses[:2]
