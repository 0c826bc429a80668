"""Sends sign-ups and sign-ins of a Django project to Holdfast.

This file needs Django and nothing else. In a project of your own, copy it there, for
instance as `holdfast_capture.py`, and add three lines to an `AppConfig.ready`:

    import holdfast_capture
    send = holdfast_capture.HttpSender("https://hub.example.com", settings.HOLDFAST_KEY)
    holdfast_capture.connect(send)

Nothing here raises into the project or waits for the hub: what is sent stands in a
queue, and a thread of its own sends it. Staff are left out, and passwords are never
looked at.
"""

from __future__ import annotations

import atexit
import http.client
import json
import logging
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db import transaction
from django.db.models.signals import post_save
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

# Takes "signup" or "login", and the facts of it.
Send = Callable[[str, dict[str, object]], None]

_PATHS = {
    "signup": "/api/customer-data/capture-signup",
    "login": "/api/v1/tracking/logins",
}
_LONGEST_DEVICE = 255
_SUCCESS = range(200, 300)
_TRY_AGAIN = (408, 425, 429, *range(500, 600))
_LONGEST_PAUSE = 30.0


def is_customer(user: AbstractUser) -> bool:
    """Tell whether a user is a customer, as everybody but staff is."""
    return not (getattr(user, "is_staff", False) or user.is_superuser)


def remote_address(request: HttpRequest) -> str | None:
    """Return the address of a request. Behind a proxy, give `connect` your own."""
    address: str | None = request.META.get("REMOTE_ADDR")
    return address or None


def connect(
    send: Send,
    *,
    is_customer: Callable[[AbstractUser], bool] = is_customer,
    address_of: Callable[[HttpRequest], str | None] = remote_address,
) -> Callable[[], None]:
    """Listen to sign-ups, sign-ins and failed ones; return what ends it.

    `send` is a HttpSender, or, in a process that has Holdfast's own apps,
    `capture.services.direct_sender`. Connect once, in `AppConfig.ready`.
    """
    receivers = _Receivers(send, is_customer, address_of)
    user = get_user_model()
    # Not weakly: there is no other reference to them.
    user_logged_in.connect(receivers.logged_in, weak=False)
    user_login_failed.connect(receivers.login_failed, weak=False)
    post_save.connect(receivers.saved, sender=user, weak=False)

    def disconnect() -> None:
        user_logged_in.disconnect(receivers.logged_in)
        user_login_failed.disconnect(receivers.login_failed)
        post_save.disconnect(receivers.saved, sender=user)

    return disconnect


class _Receivers:
    def __init__(
        self,
        send: Send,
        is_customer: Callable[[AbstractUser], bool],
        address_of: Callable[[HttpRequest], str | None],
    ) -> None:
        self._send = send
        self._is_customer = is_customer
        self._address_of = address_of

    def logged_in(
        self, request: object = None, user: object = None, **_: object
    ) -> None:
        """Send a sign-in."""
        self._quietly(self._login, request, user, success=True)

    def login_failed(
        self, credentials: object = None, request: object = None, **_: object
    ) -> None:
        """Send a failed attempt, if it names a user of the project.

        Any other text is not sent: people type passwords into the wrong field.
        """
        self._quietly(self._failed, credentials or {}, request)

    def saved(self, instance: object, **options: object) -> None:
        """Send the signup of a new user, but not of a fixture."""
        if options.get("created") and not options.get("raw"):
            self._quietly(self._signup, instance, options.get("using"))

    def _failed(
        self, credentials: dict[str, object], request: HttpRequest | None
    ) -> None:
        model = get_user_model()
        name = credentials.get(model.USERNAME_FIELD) or credentials.get("username")
        if not isinstance(name, str) or not name:
            return
        # What Django itself has looked for a moment ago.
        users = model._default_manager.filter(**{model.USERNAME_FIELD: name})
        user = users.first()
        if user is not None:
            self._login(request, user, success=False)

    def _login(
        self, request: HttpRequest | None, user: AbstractUser, *, success: bool
    ) -> None:
        if not self._is_customer(user):
            return
        body: dict[str, object] = {
            **_person(user),
            "success": success,
            "login_time": _now(),
            "login_method": _method(user),
        }
        if not success:
            body["failure_reason"] = "wrong credentials"
        if request is not None:
            agent = request.META.get("HTTP_USER_AGENT", "")
            body["device_info"] = agent[:_LONGEST_DEVICE]
            body["ip_address"] = self._address_of(request)
        self._after_commit("login", body)

    def _signup(self, user: AbstractUser, using: str | None) -> None:
        if not self._is_customer(user):
            return
        joined = getattr(user, "date_joined", None)
        body: dict[str, object] = {
            **_person(user),
            "full_name": user.get_full_name() or None,
            "signup_date": joined.isoformat() if joined else _now(),
        }
        self._after_commit("signup", body, using)

    def _after_commit(
        self, kind: str, body: dict[str, object], using: str | None = None
    ) -> None:
        # The same id however often it is sent: the hub keeps it once.
        body["message_id"] = f"django:{uuid.uuid4()}"
        event = {name: value for name, value in body.items() if value not in (None, "")}
        transaction.on_commit(
            lambda: self._quietly(self._send, kind, event), using=using
        )

    def _quietly(
        self, work: Callable[..., None], *args: object, **kwargs: object
    ) -> None:
        try:
            work(*args, **kwargs)
        except Exception:
            logger.exception("An event could not be captured.")


def _person(user: AbstractUser) -> dict[str, object]:
    email = getattr(user, user.get_email_field_name(), None)
    return {"user_id": str(user.pk), "email": email}


def _method(user: object) -> str:
    path = str(getattr(user, "backend", None) or "")
    backend = import_string(path) if path else ModelBackend
    return "password" if issubclass(backend, ModelBackend) else backend.__name__


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()  # noqa: UP017 - hosts have older ones


class HttpSender:
    """Sends to a hub from a thread of its own, through a queue that cannot grow.

    What the hub cannot take now is tried again for `patience` seconds. What does not
    fit into the queue is dropped, counted in `dropped` and logged. The key is a secret
    one (`sk_…`) and is sent to this hub alone: redirects are not followed.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 5.0,
        size: int = 1000,
        patience: float = 600.0,
        pause: float = 1.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            msg = f"{url!r} is no address of a hub. Write https://hub.example.com."
            raise ValueError(msg)
        self._parts = parts
        self._key = key
        self._timeout = timeout
        self._size = size
        self._patience = patience
        self._pause = pause
        self.dropped = 0
        self._reset()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            # A server that forks leaves the thread behind, and maybe a held lock.
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._queue: queue.Queue[tuple[str, dict[str, object]]] = queue.Queue(
            self._size
        )
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def __call__(self, kind: str, body: dict[str, object]) -> None:
        """Put an event into the queue and return at once."""
        try:
            self._queue.put_nowait((_PATHS[kind], body))
        except queue.Full:
            self.dropped += 1
            logger.warning("The queue is full; %d events were dropped.", self.dropped)
            return
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(
                    target=self._work, name="holdfast-capture", daemon=True
                )
                self._thread.start()

    def flush(self, seconds: float = 2.0) -> bool:
        """Wait until everything is sent or given up; tell whether it is."""
        end = time.monotonic() + seconds
        while self._queue.unfinished_tasks and time.monotonic() < end:
            time.sleep(0.01)
        return not self._queue.unfinished_tasks

    def close(self, seconds: float = 2.0) -> None:
        """Send what waits, for at most this long, and end the thread."""
        if self._thread is not None:
            self.flush(seconds)
        self._stop.set()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                path, body = self._queue.get(timeout=0.1)
            except queue.Empty:
                continue
            try:
                self._deliver(path, body)
            except Exception:
                logger.exception("An event could not be sent.")
            finally:
                self._queue.task_done()

    def _deliver(self, path: str, body: dict[str, object]) -> None:
        end = time.monotonic() + self._patience
        pause = self._pause
        while True:
            status, wait = self._post(path, body)
            if status in _SUCCESS:
                return
            pause_now = wait if wait is not None else pause
            is_late = time.monotonic() + pause_now > end
            if status not in (None, *_TRY_AGAIN) or is_late:
                logger.warning("The hub did not take an event: %s.", status or "away")
                return
            if self._stop.wait(pause_now):
                return
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _post(
        self, path: str, body: dict[str, object]
    ) -> tuple[int | None, float | None]:
        """Send once; return the status, None for no answer, and how long to wait."""
        parts = self._parts
        is_safe = parts.scheme == "https"
        kind = http.client.HTTPSConnection if is_safe else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self._timeout)
        # By this the hub corrects our clock.
        data = json.dumps({**body, "sent_at": _now()}).encode()
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
        }
        try:
            connection.request("POST", parts.path.rstrip("/") + path, data, headers)
            response = connection.getresponse()
            response.read(65536)
        except (OSError, http.client.HTTPException):
            return None, None
        finally:
            connection.close()
        after = response.headers.get("Retry-After", "")
        return response.status, float(after) if after.isdigit() else None
