"""Log lines: JSON, with the id of the request, and without what nobody may read."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import warnings
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError
from django.template import TemplateDoesNotExist
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from config.logs import (
    JsonFormatter,
    TextFormatter,
    redact,
    request_id,
    write_everything,
)
from tests.factories import ApiKeyFactory

CARDS = ("4111111111111111", "4111 1111 1111 1111", "3782-822463-10005")
KEY = st.from_regex(r"(pk|sk)_(test|live|demo)_[A-Za-z0-9]{16,40}", fullmatch=True)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SECRET = st.one_of(st.emails(), KEY, st.sampled_from(CARDS))


class Log:
    """A logger whose lines are kept, formatted as they would be written."""

    def __init__(self, formatter: logging.Formatter, name: str = "config.test") -> None:
        self.out = io.StringIO()
        handler = logging.StreamHandler(self.out)
        handler.setFormatter(formatter)
        self.logger = logging.Logger(name, logging.DEBUG)
        self.logger.addHandler(handler)

    @property
    def text(self) -> str:
        return self.out.getvalue()

    @property
    def line(self) -> dict[str, Any]:
        [line] = self.text.splitlines()
        return json.loads(line)


@pytest.fixture
def log() -> Log:
    return Log(JsonFormatter())


def fail(text: str) -> None:
    raise IntegrityError(f"Key (email)=({text}) already exists.")


@given(SECRET, WORDS, WORDS)
@pytest.mark.parametrize("formatter", [JsonFormatter, TextFormatter])
@pytest.mark.parametrize("name", ["config.test", "django.request", "library"])
def test_no_secret_comes_out_of_any_call(name, formatter, secret, before, after):
    log = Log(formatter(), name)
    mixed = f"{before} {secret} {after}"

    log.logger.info(mixed.replace("%", "%%"))
    log.logger.info("%s", mixed)
    log.logger.info("%(x)s", {"x": {"y": [mixed]}})
    log.logger.info("%d", mixed)
    log.logger.info("a", mixed)  # noqa: PLE1205 - that is the mistake
    try:
        fail(mixed)
    except IntegrityError:
        log.logger.exception("%s", secret)

    assert secret not in log.text
    assert json.dumps(secret)[1:-1] not in log.text
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in log.text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abc.def", "abc"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNl"),
        ("sent bearer 0a1b2c3d", "0a1b"),
        ("Cookie: sessionid=0a1b; csrftoken=x9", "x9"),
        ("{'password': 'hush hush'}", "hush"),
        ("password=hush", "hush"),
        ("MPIN: 80 80", "80"),
        ("pin=8080", "8080"),
        ("totp = 482913", "482913"),
        ('{"to":"kim@example.com","auth":"Bearer 6f1kQz81mTok"}', "6f1kQz"),
        ("retry(kim@example.com):Bearer 6f1kQz81mTok", "6f1kQz"),
        ("https://svc:pw@hook/x,Basic dXNlcjpwYXNz", "dXNl"),
        ("callback=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2ln"),
        ("api_key=abcdef", "abcdef"),
        ("refresh_token=abcdef", "abcdef"),
        (f"got {TOKEN}", "eyJ"),
        ("whsec_0a1b2c3d", "0a1b"),
        ("postgresql://user:hush@host:5432/name", "hush"),
        ("/stats/ann%40example.org/", "ann"),
        ("+47 22 00 01 77", "22 00"),
        ("(022) 000-0177", "0177"),
        ("call 22000177", "2200"),
        ("from 192.168.100.200", "192"),
    ],
)
def test_what_is_hidden(text, hidden):
    assert hidden not in redact(f"before {text}")
    assert redact(f"before {text}").startswith("before ")


@pytest.mark.parametrize(
    "text",
    [
        "capture failed: 01912345-1234-7123-8123-123456789012",
        "on 2026-11-21 all was well",
        "shipping of 120 items, mapping done in 1500 ms",
        "customers.0001_initial applied",
        "guard differs on audit_event: trigger missing",
    ],
)
def test_what_stays(text):
    assert redact(text) == text


def test_a_line_says_what_and_of_which_request(log):
    token = request_id.set("01912345-1234-7123-8123-123456789012")
    try:
        log.logger.warning("took %s ms", 12, extra={"route": "/x", "status": 200})
    finally:
        request_id.reset(token)

    line = log.line
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "warning",
        "logger": "config.test",
        "message": "took 12 ms",
        "request_id": "01912345-1234-7123-8123-123456789012",
        "route": "/x",
        "status": 200,
    }


def test_an_error_is_its_class_and_where_it_happened(log):
    try:
        fail("ann@example.org")
    except IntegrityError:
        log.logger.exception("could not")

    assert log.line["exception"] == "IntegrityError"
    assert log.line["trace"][0] == "IntegrityError"
    assert re.search(r"test_logs\.py:\d+ fail$", log.line["trace"][-1])
    assert "example.org" not in log.text
    assert "email" not in log.text


@pytest.mark.parametrize("formatter", [JsonFormatter, TextFormatter])
def test_an_error_about_the_set_up_says_what_to_mend(formatter):
    log = Log(formatter())
    try:
        try:
            fail("ann@example.org")
        except IntegrityError as cause:
            msg = "X is not set; smtp://ann:hush@example.org. Set it in .env."
            raise ImproperlyConfigured(msg) from cause
    except ImproperlyConfigured:
        log.logger.exception("could not")

    assert "ImproperlyConfigured: X is not set; [hidden] Set it in .env." in log.text
    assert "hush" not in log.text
    # What the database said below it is still not written.
    assert "IntegrityError" in log.text
    assert "already exists" not in log.text


def test_the_text_of_an_error_has_a_field_of_its_own(log):
    try:
        raise TemplateDoesNotExist("admin/nothing.html")
    except TemplateDoesNotExist:
        log.logger.exception("could not")

    assert log.line["exception"] == "TemplateDoesNotExist"
    assert log.line["error"] == "admin/nothing.html"


def test_a_message_over_lines_stays_one_line(log):
    log.logger.info("one\ntwo\r\nlevel=critical")

    assert log.line["message"] == "one\ntwo\r\nlevel=critical"


def test_a_debugging_reader_sees_the_error_redacted():
    log = Log(TextFormatter(show_errors=True))
    try:
        fail("ann@example.org")
    except IntegrityError:
        log.logger.exception("could not")

    assert "already exists" in log.text
    assert "ann@" not in log.text


# --- what others say ------------------------------------------------------------

MARK = "mArKeRz"
OTHERS = ("django", "django.security.csrf", "import_export.resources", "psycopg", "xyz")


@pytest.mark.parametrize("formatter", [JsonFormatter, TextFormatter])
@pytest.mark.parametrize("name", [*OTHERS, "gunicorn.error", "gunicorn.access"])
def test_no_text_of_a_caller_comes_out_of_a_library(name, formatter):
    log = Log(formatter(), name)

    log.logger.warning("Invalid request from ip=192.0.2.1: " + MARK)  # noqa: G003 - as others do
    log.logger.warning(MARK)
    log.logger.warning(ValueError(MARK))
    log.logger.warning("%s", MARK)
    log.logger.warning("Got %r and %s", {MARK: MARK}, ValueError(MARK))
    log.logger.warning("%(a)s", {"a": MARK})
    log.logger.warning("%d", MARK)
    log.logger.error(MARK, extra={"status_code": 400, "request": None})
    try:
        fail(MARK)
    except IntegrityError as error:
        log.logger.exception(error)

    assert MARK not in log.text
    assert "192.0" not in log.text
    assert log.text.count(f"{name} ") + log.text.count(f'"{name}"') == 9


@pytest.mark.parametrize(
    ("message", "args", "said"),
    [
        ("Took %d ms in %s rounds", (12, 3), "Took 12 ms in 3 rounds"),
        ("ignored in %s: %s", ("x", OSError("y")), "ignored in [hidden]: OSError"),
        ("no arguments", (), "see test_logs.py, line "),
    ],
)  # fmt: skip
def test_what_a_library_still_says(message, args, said):
    log = Log(JsonFormatter(), "library")

    log.logger.warning(message, *args)

    assert log.line["message"].startswith(said)


@pytest.mark.parametrize(
    "message",
    [
        "Starting gunicorn 27.0.1",
        "Listening at: http://127.0.0.1:8000 (1234)",
        "Worker (pid:1234) was sent SIGKILL! Perhaps out of memory?",
        "WORKER TIMEOUT (pid:1234)",
    ],
)
def test_what_the_server_says_of_itself_stays(message):
    log = Log(JsonFormatter(), "gunicorn.error")

    log.logger.info(message)

    assert log.line["message"] == message


def test_a_refused_request_is_a_warning_without_a_trace():
    log = Log(JsonFormatter(), "django.security.DisallowedHost")
    try:
        fail(MARK)
    except IntegrityError as error:
        facts = {"status_code": 400, "request": None}
        log.logger.error(str(error), exc_info=error, extra=facts)

    line = log.line
    assert (line["level"], line["message"]) == ("warning", "Bad Request: unknown")
    assert line["exception"] == "IntegrityError"
    assert "trace" not in line


def test_half_a_character_is_written(log):
    log.logger.info("a \ud800 b")

    assert log.line["message"] == "a \ud800 b"
    assert log.text.encode()


def test_a_warning_of_python_is_a_line_without_its_text(lines):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        write_everything()
        warnings.warn(MARK, RuntimeWarning, stacklevel=1)

    [line] = read(lines, "config.warnings")
    assert re.fullmatch(r"RuntimeWarning in .*test_logs\.py, line \d+", line["message"])
    assert MARK not in lines.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_fails_is_a_line_without_its_text(lines, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    write_everything()
    thread = threading.Thread(target=fail, args=[MARK])
    thread.start()
    thread.join()

    [line] = read(lines, "config.threads")
    assert line["exception"] == "IntegrityError"
    assert MARK not in lines.text


# --- around requests ------------------------------------------------------------


@pytest.fixture
def lines(monkeypatch) -> Log:
    """What the handler of the settings would write, from the root down."""
    log = Log(JsonFormatter())
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.INFO)
    root.addHandler(log.logger.handlers[0])
    yield log
    root.removeHandler(log.logger.handlers[0])


def read(log: Log, logger: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.text.splitlines()]
    return [line for line in lines if line["logger"] == logger]


def test_each_request_leaves_one_line_without_its_address(lines, alice, bakery):
    response = alice.get("/admin/customers/customer/", {"q": "ann@example.org"})

    [line] = read(lines, "holdfast.access")
    assert line["request_id"] == response["X-Request-Id"]
    assert line["route"] == "/admin/customers/customer/"
    assert (line["method"], line["status"]) == ("GET", 302)
    assert line["user_id"] == str(alice.user.pk)
    assert line["duration_ms"] > 0
    assert "ann" not in lines.text


def test_a_path_is_logged_as_its_pattern(lines, db):
    Client().get("/api/data-capture/stats/ann@example.org/")
    Client().get("/nothing/ann@example.org/")

    first, second = read(lines, "holdfast.access")
    assert "(?P<user_email>[^/]+)" in first["route"]
    assert second["route"] == "unknown"
    # Django's own line about what is missing says no more.
    said = [line["message"] for line in read(lines, "django.request")]
    assert said == [f"Unauthorized: {first['route']}", "Not Found: unknown"]
    assert "ann" not in lines.text


def test_the_line_of_a_capture_names_its_key(lines, db):
    key = ApiKeyFactory()

    Client().post(
        "/api/v1/captures",
        {"type": "signup", "email": "ann@example.org"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key.prefix}"},
    )

    [line] = read(lines, "holdfast.access")
    assert line["key_id"] == str(key.pk)
    assert key.prefix not in lines.text
    assert "ann" not in lines.text


def test_every_logger_writes_through_the_redacting_formatter():
    configured = settings.LOGGING

    assert all(not one.get("handlers") for one in configured["loggers"].values())
    assert configured["root"]["handlers"] == ["console"]
    for name in ("json", "text"):
        factory = configured["formatters"][name]["()"]
        assert factory.startswith("config.logs.")
    # No handler that mails errors, and none of Django's own.
    for name in ("", "django", "django.request", "django.security", "django.server"):
        kinds = {type(h).__name__ for h in logging.getLogger(name).handlers}
        assert "AdminEmailHandler" not in kinds
        assert "django" not in name or not logging.getLogger(name).handlers


def test_statements_are_never_logged():
    assert not logging.getLogger("django.db.backends").isEnabledFor(logging.DEBUG)


# --- rubbish in every part of a request -----------------------------------------

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ADDRESS = "203.0.113.77"
PARTS: dict[str, dict[str, Any]] = {
    "path": {"path": f"/{MARK}/"},
    "path of a page": {"path": f"/admin/customers/customer/{MARK}/change/"},
    "path that is no text": {"path": f"/admin/%ff{MARK}é\x00/"},
    "path of the api": {"path": f"/api/v1/customers/{MARK}"},
    "name of a parameter": {"path": f"/admin/customers/customer/?{MARK}__gt=1"},
    "value of a parameter": {"path": f"/admin/customers/customer/?q={MARK}&p={MARK}"},
    "order of the api": {"path": f"/api/v1/customers?ordering={MARK}&{MARK}=1"},
    "a date": {"path": f"/admin/customers/booking/?created_at__gte={MARK}"},
    "host": {"headers": {"host": f"{MARK}.example"}},
    "host with rubbish": {"headers": {"host": f"{MARK}_\"<>"}},
    "forwarded host": {"headers": {"x-forwarded-host": MARK}},
    "cookies": {"headers": {"cookie": f"sessionid={MARK}; csrftoken={MARK}; {MARK}=1"}},
    "origin of a form": {
        "method": "POST", "body": f"a={MARK}", "type": FORM,
        "path": "/admin/login/", "headers": {"origin": f"https://{MARK}.example"},
    },
    "referer of a form": {
        "method": "POST", "body": f"a={MARK}", "type": FORM, "secure": True,
        "path": "/admin/login/", "headers": {"referer": f"https://{MARK}.example/"},
    },
    "agent and languages": {
        "headers": dict.fromkeys(
            ("user-agent", "accept-language", "accept", "x-request-id", "range",
             "if-none-match", "x-forwarded-for", "authorization", "idempotency-key"),
            MARK,
        )
    },
    "method": {"method": MARK.upper()[:10], "path": "/api/v1/customers"},
    "method of a page": {"method": MARK.upper()[:10], "path": "/admin/"},
    "kind of a body": {"method": "POST", "body": MARK, "type": MARK},
    "charset": {"method": "POST", "body": MARK, "type": f"{JSON}; charset={MARK}"},
    "broken json": {"method": "POST", "body": '{"' + MARK, "type": JSON},
    "names in json": {"method": "POST", "body": json.dumps({MARK: MARK}), "type": JSON},
    "a form": {
        "method": "POST", "body": f"{MARK}={MARK}&action={MARK}", "type": FORM,
        "path": "/admin/customers/customer/",
    },
    "a form of a page": {
        "method": "POST", "body": f"name={MARK}&business={MARK}", "type": FORM,
        "path": "/admin/customers/customer/add/",
    },
    "a broken form of the API": {
        "method": "POST", "type": JSON, "path": "/api/v1/customers",
        "body": json.dumps({"name": MARK, "email": MARK, "business": MARK}),
    },
    "boundary": {"method": "POST", "body": "", "type": f"multipart/form-data; {MARK}"},
    "names of files": {
        "method": "POST", "type": "multipart/form-data; boundary=b",
        "path": "/admin/customers/customer/import/",
        "body": f'--b\r\nContent-Disposition: form-data; name="{MARK}"; filename='
        f'"../{MARK}"\r\nContent-Type: {MARK}\r\n\r\n{MARK}\r\n--b--\r\n',
    },
    "a key": {
        "method": "POST", "path": "/api/v1/captures", "type": JSON, "body": "{}",
        "headers": {"authorization": f"Bearer sk_{MARK}", "x-capture-key": MARK},
    },
    "a token": {
        "path": "/api/v1/customers", "headers": {"authorization": f"Bearer {MARK}"}
    },
    "a capture by name": {
        "method": "POST", "path": f"/api/data-capture/{MARK}/", "type": JSON,
        "body": MARK,
    },
    "length": {"method": "POST", "type": JSON, "headers": {"content-length": MARK}},
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("who", ["admin", "stranger"])
def test_no_part_of_a_request_comes_into_a_line(lines, alice, part, who):
    asked = {"method": "GET", "path": "/admin/", "body": "", "type": "", **part}
    browser = alice if who == "admin" else Client()
    checking = Client(enforce_csrf_checks=True, raise_request_exception=False)
    checking.cookies = browser.cookies
    headers = asked.get("headers", {})
    if "cookie" in headers:
        checking.cookies.clear()

    path, _, query = asked["path"].partition("?")
    for client in (browser, checking):
        client.raise_request_exception = False
        response = client.generic(
            asked["method"],
            path,
            asked["body"],
            content_type=asked["type"] or "text/plain",
            secure=asked.get("secure", False),
            headers=headers,
            QUERY_STRING=query,
            REMOTE_ADDR=ADDRESS,
        )
        assert response.status_code < 500

    assert read(lines, "holdfast.access")
    assert MARK.lower() not in lines.text.lower()
    assert ADDRESS not in lines.text
    for line in lines.text.splitlines():
        json.loads(line)
