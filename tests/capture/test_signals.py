"""Sign-ups and sign-ins of a Django project, sent by its own signals."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.db import connections, transaction
from django.test import Client

from audit.tenancy.actors import Actor
from capture import services, signals
from capture.models import Capture, CaptureLink, Login, Signup, Source
from customers.models import Customer
from tests.factories import UserFactory

FILE = Path(signals.__file__)
PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def host() -> Any:
    """The file as a host has it: copied, under a name of its own."""
    spec = importlib.util.spec_from_file_location("holdfast_capture", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Hub:
    """A hub on the loopback that answers what, and as slowly as, it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.answers: list[int] = []
        self.go = threading.Event()
        self.go.set()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hub.go.wait(10)
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                hub.requests.append((self.path, dict(self.headers), body))
                self.send_response(hub.answers.pop(0) if hub.answers else 200)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        # It looks that often whether it shall stop.
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.go.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.close()


@pytest.fixture
def sender(host, hub) -> Iterator[Any]:
    sender = host.HttpSender(hub.url + "/", "sk_test", pause=0.01, timeout=5)
    yield sender
    hub.go.set()
    sender.close(0)


@pytest.fixture
def connected(host, sender) -> Iterator[Any]:
    disconnect = host.connect(sender)
    yield sender
    disconnect()


@pytest.fixture
def direct(bakery) -> Iterator[None]:
    send = services.direct_sender(business="bakery", source="accounts")
    disconnect = signals.connect(send)
    yield
    disconnect()


@pytest.fixture
def mia(db) -> Any:
    """A user who is no staff, made before anybody listens."""
    return UserFactory(
        username="mia", email="mia@example.org", password=PASSWORD, is_staff=False
    )


def sign_in(user: Any) -> bool:
    return Client().login(username=user.username, password=PASSWORD)


@pytest.fixture
def committed(django_capture_on_commit_callbacks) -> Any:
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_the_file_needs_django_and_nothing_else():
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    names = [
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]

    assert not [
        n for n in names if n.split(".")[0] in ("audit", "capture", "customers")
    ]


def test_a_sign_in_is_sent(mia, connected, hub, committed):
    with committed():
        assert sign_in(mia)

    assert connected.flush(5)
    path, headers, body = hub.requests[0]
    assert path == "/api/v1/tracking/logins"
    assert headers["Authorization"] == "Bearer sk_test"
    assert (body["email"], body["user_id"]) == ("mia@example.org", str(mia.pk))
    assert (body["success"], body["login_method"]) == (True, "password")
    told = datetime.fromisoformat(body["login_time"])
    assert abs((datetime.now(UTC) - told).total_seconds()) < 60
    assert body["sent_at"] >= body["login_time"]
    assert body["message_id"].startswith("django:")
    assert PASSWORD not in json.dumps(hub.requests)


def test_the_device_and_address_are_sent(mia, connected, hub, committed, rf):
    request = rf.post("/login", headers={"User-Agent": "iPhone " * 100})

    with committed():
        signals.user_logged_in.send(type(mia), request=request, user=mia)

    assert connected.flush(5)
    body = hub.requests[0][2]
    assert body["ip_address"] == "127.0.0.1"
    assert len(body["device_info"]) == 255


def test_a_failed_sign_in_names_a_known_user_only(mia, connected, hub, committed):
    with committed():
        assert authenticate(username="mia", password="wrong-secret") is None
        assert authenticate(username="my-password-by-mistake", password="x") is None

    assert connected.flush(5)
    assert len(hub.requests) == 1
    body = hub.requests[0][2]
    assert (body["success"], body["email"]) == (False, "mia@example.org")
    assert body["failure_reason"] == "wrong credentials"
    text = json.dumps(hub.requests)
    assert "wrong-secret" not in text
    assert "mistake" not in text


def test_a_new_user_is_sent_once_it_is_committed(db, connected, hub, committed):
    model: Any = get_user_model()
    with committed():
        user = model.objects.create_user(
            "nil", "nil@example.org", PASSWORD, first_name="Nil", last_name="Vik"
        )
        assert not hub.requests
        user.first_name = "Nils"
        user.save()

    assert connected.flush(5)
    assert [path for path, _, _ in hub.requests] == [
        "/api/customer-data/capture-signup"
    ]
    body = hub.requests[0][2]
    assert (body["email"], body["full_name"]) == ("nil@example.org", "Nil Vik")
    assert datetime.fromisoformat(body["signup_date"]) == user.date_joined
    assert user.password not in json.dumps(body)


@pytest.mark.django_db(transaction=True)
def test_a_user_that_was_rolled_back_is_not_sent(connected, hub):
    model: Any = get_user_model()

    class Stop(Exception):  # noqa: N818
        pass

    def fail() -> None:
        with transaction.atomic():
            model.objects.create_user("nil", "nil@example.org", PASSWORD)
            raise Stop

    with pytest.raises(Stop):
        fail()

    assert connected.flush(1)
    assert hub.requests == []


def test_staff_are_left_out(db, connected, hub, committed):
    model: Any = get_user_model()
    with committed():
        boss = model.objects.create_superuser("boss", "b@example.org", PASSWORD)
        clerk = UserFactory(username="clerk", password=PASSWORD, is_staff=True)
        assert sign_in(boss)
        assert sign_in(clerk)
        assert authenticate(username="boss", password="wrong") is None

    assert connected.flush(1)
    assert hub.requests == []


def test_a_hub_that_is_down_costs_the_host_nothing(host, mia, committed, caplog):
    sender = host.HttpSender(
        "http://127.0.0.1:9", "sk_test", pause=0.01, patience=0.1, timeout=1
    )
    disconnect = host.connect(sender)
    try:
        with committed():
            assert sign_in(mia)
        assert sender.flush(10)
    finally:
        disconnect()
        sender.close(0)

    assert "The hub did not take an event: away" in caplog.text
    assert "mia" not in caplog.text


def test_a_slow_hub_does_not_slow_the_host(mia, connected, hub, committed):
    hub.go.clear()

    with committed():
        assert sign_in(mia)
        assert sign_in(mia)

    assert hub.requests == []
    assert not connected.flush(0.05)
    hub.go.set()
    assert connected.flush(10)
    assert len(hub.requests) == 2


def test_a_full_queue_drops_and_says_so(host, hub, caplog):
    sender = host.HttpSender(hub.url, "sk_test", size=2)
    hub.go.clear()
    started = time.monotonic()
    for _ in range(50):
        sender("login", {"email": "a@example.org"})

    assert time.monotonic() - started < 5
    assert 47 <= sender.dropped <= 48
    assert "events were dropped" in caplog.text
    hub.go.set()
    assert sender.flush(10)
    sender.close()
    assert len(hub.requests) == 50 - sender.dropped


def test_what_the_hub_cannot_take_now_is_sent_again(sender, hub):
    hub.answers = [503, 429, 200]

    sender("login", {"email": "a@example.org", "message_id": "m-1"})

    assert sender.flush(10)
    assert [body["message_id"] for _, _, body in hub.requests] == ["m-1"] * 3


@pytest.mark.parametrize("status", [301, 307, 400, 401, 422])
def test_what_the_hub_refuses_is_not_sent_again(sender, hub, status, caplog):
    hub.answers = [status]

    sender("login", {"email": "a@example.org"})

    assert sender.flush(10)
    assert len(hub.requests) == 1
    assert str(status) in caplog.text
    assert "a@example.org" not in caplog.text
    assert "sk_test" not in caplog.text


def test_a_receiver_that_fails_costs_the_host_nothing(mia, host, committed, caplog):
    def broken(*_: Any) -> None:
        raise RuntimeError

    disconnect = host.connect(broken, address_of=broken)
    try:
        with committed():
            assert sign_in(mia)
            get_user_model()._default_manager.create(username="nil")
    finally:
        disconnect()

    assert "could not be captured" in caplog.text


@pytest.mark.parametrize("url", ["hub.example.com", "ftp://hub", "file:///etc", ""])
def test_an_address_that_is_none_is_said_at_once(host, url):
    with pytest.raises(ValueError, match=r"Write https://hub\.example\.com"):
        host.HttpSender(url, "sk_test")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system cannot fork.")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_worker_sends_too(host, hub, sender):
    sender("login", {"email": "parent@example.org"})
    assert sender.flush(10)

    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        sender("login", {"email": "child@example.org"})
        os._exit(0 if sender.flush(10) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    emails = [body["email"] for _, _, body in hub.requests]
    assert emails == ["parent@example.org", "child@example.org"]


def test_nothing_listens_unless_it_is_asked_to(bakery, mia, committed):
    with committed():
        assert sign_in(mia)

    assert not Capture.objects.exists()


def test_it_stops_when_told_to(host, mia, sender, hub, committed):
    host.connect(sender)()

    with committed():
        assert sign_in(mia)

    assert sender.flush(1)
    assert hub.requests == []


def test_beside_holdfast_nothing_is_sent(direct, bakery, committed):
    """In a process with Holdfast's own apps the pipeline is called directly."""
    model: Any = get_user_model()
    with committed():
        user = model.objects.create_user("nil", "nil@example.org", PASSWORD)
    with committed():
        assert sign_in(user)
        assert authenticate(username="nil", password="wrong") is None

    customer = Customer.objects.get(business=bakery)
    assert (customer.email, customer.external_id) == ("nil@example.org", str(user.pk))
    assert Signup.objects.get().signup_date == user.date_joined
    assert sorted(Login.objects.values_list("success", flat=True)) == [False, True]
    assert set(CaptureLink.objects.values_list("customer", flat=True)) == {customer.pk}
    assert Source.objects.get().slug == "accounts"
    assert PASSWORD not in str(Capture.objects.values())


def test_beside_holdfast_a_failure_costs_the_login_nothing(mia, committed, caplog):
    send = services.direct_sender(business="nobody", source="accounts")
    disconnect = signals.connect(send)
    try:
        with committed():
            assert sign_in(mia)
    finally:
        disconnect()

    assert "could not be captured" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_real_hub_takes_what_is_sent(bakery, host, live_server, monkeypatch):
    actor = Actor.system("test")
    source = services.get_or_create_source(bakery, "host", actor=actor)
    _, key = services.create_key(source, actor=actor, kind="secret")
    sender = host.HttpSender(live_server.url, key)
    # On SQLite the server has the connection of this thread: not both at once.
    is_idle, post = threading.Event(), sender._post
    monkeypatch.setattr(sender, "_post", lambda *a: is_idle.wait(20) and post(*a))
    disconnect = host.connect(sender)
    try:
        model: Any = get_user_model()
        user = model.objects.create_user("nil", "nil@example.org", PASSWORD)
        is_idle.set()
        assert sender.flush(20)
        is_idle.clear()
        assert sign_in(user)
        is_idle.set()
        assert sender.flush(20)
    finally:
        is_idle.set()
        disconnect()
        sender.close(0)
        connections.close_all()

    assert Signup.objects.get().email == "nil@example.org"
    assert Login.objects.get().success
    assert Capture.objects.filter(trust="server").count() == 2
