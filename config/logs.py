"""Log lines: one JSON object each, with the id of its request and without values.

What a line says is redacted as it is written, whoever logs it: no e-mail address, key,
card, phone number or password leaves the process. A trace names files and functions;
the text of an error is left out, because databases repeat in it what was sent. Only
errors about the set-up of the hub keep theirs, redacted as a message is.

Messages of our own code are written by us and are known to repeat nothing. Those of
Django, of the server and of libraries are not: of a request they say what came of it
and its route, of anything else the sentence in the code with numbers, and never a text
that was put in.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from http.client import responses
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import AppRegistryNotReady, ImproperlyConfigured
from django.template import TemplateDoesNotExist, TemplateSyntaxError

# The id of the request at work, of this thread or task.
request_id: ContextVar[str] = ContextVar("request_id", default="")

HIDDEN = "[hidden]"
# What a line may carry beside its message; each is a number, an id or a pattern.
_FIELDS = ("method", "route", "status", "duration_ms", "user_id", "key_id")
# They name settings, files and modules, never a row or what somebody sent; and without
# their text an operator cannot tell what to mend.
_SET_UP_ERRORS = (
    AppRegistryNotReady,
    ImportError,
    ImproperlyConfigured,
    TemplateDoesNotExist,
    TemplateSyntaxError,
)
_MAX_MESSAGE = 4000
_MAX_FRAMES = 60
_MAX_CHAIN = 5
_TRACED = ("ERROR", "CRITICAL")

# Loggers whose messages and arguments are ours.
_OURS = frozenset({"audit", "capture", "config", "customers", "holdfast"})
# What the server says of itself, by how it begins. Anything else may be of a caller.
_OF_SERVER = (
    "Starting gunicorn", "Listening at: ", "Using worker: ", "Booting worker ",
    "Worker exiting ", "Worker (pid:", "WORKER TIMEOUT ", "Handling signal: ",
    "Shutting down: ", "Reason: ", "Hang up: ", "Master has been promoted",
    "Parent changed, shutting down", "Autorestarting worker",
    "graceful stop of workers", "No keepalived connections can be handled",
    "Connection in use: ", "Retrying in ", "Quick shutdown requested",
    "Exception in worker process",
)  # fmt: skip
_INVALID = "Invalid request"
# An answer of these is the caller's fault and no error of the server.
_CALLERS_FAULTS = range(400, 500)

# Ids and days are made of digits too, and say nothing of a person.
_UNREDACTED = re.compile(
    r"((?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"(?![0-9a-fA-F])"
    r"|(?<!\d)(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d))"
)
_NAMES = re.compile(
    r"authorization|cookie|passw(?:or)?d|passwd|pwd|secret|pepper|token|credential|"
    r"api[_-]?key|write[_-]?key|capture[_-]?key|hash[_-]?key|session(?:id)?|"
    r"csrf|otp|totp|cvc|cvv|(?<![a-z])m?pin",
    re.IGNORECASE,
)
# Each run of letters is looked at once: a message is a caller's text in part, and none
# may cost more than its length.
_NAMED = re.compile(r"(?<![\w-])([\w-]++)[\"']?\s*+[:=]\s*+(?=[^\r\n])")
_LINE_END = re.compile(r"[\r\n]|\Z")
_WORD = re.compile(r"\S++")
_AT = re.compile("@|%40")
# How a JSON Web Token begins: `{"` in base64.
_TOKEN = "eyJ"  # noqa: S105 - the beginning of all of them
_SCHEME = re.compile(r"\b(bearer|basic|digest)\s+[^\s,;]+", re.IGNORECASE)
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"(?:pk|sk|rk|whsec)_[\w=+/-]+", HIDDEN),
        # Cards and phone numbers: many digits, whatever stands between them.
        (r"\+?\(?\d(?:[\s.\-/()]{0,2}\d){6,}", HIDDEN),
    )
)


def redact(text: str) -> str:
    """Return the text without what may not stand in a log."""
    # Names go first and over the whole: a value may begin with an id.
    parts = _UNREDACTED.split(_hide_named(text))
    return "".join(
        part if number % 2 else _redact_part(part) for number, part in enumerate(parts)
    )


def _hide_named(text: str) -> str:
    """Hide what stands after a telling name, to the end of the line."""
    parts, end = [], 0
    for named in _NAMED.finditer(text):
        if named.start() < end or not _NAMES.search(named.group(1)):
            continue
        parts += [text[end : named.end()], HIDDEN]
        line_end = _LINE_END.search(text, named.end())
        end = line_end.start() if line_end else len(text)
    return "".join([*parts, text[end:]])


def _redact_part(text: str) -> str:
    # First: the word before a credential may be hidden as an address.
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    if _TOKEN in text or _AT.search(text):
        text = _WORD.sub(_hide_word, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _hide_word(word: re.Match[str]) -> str:
    """Hide a token, or an address: also one in a URL, a password in a database's."""
    text = word.group()
    if _AT.search(text, 1, len(text) - 1):
        return HIDDEN
    before, token, rest = text.partition(_TOKEN)
    return before + HIDDEN if token and "." in rest[1:-1] else text


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object in one line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _iso_time(record.created),
            "level": level_of(record).lower(),
            "logger": record.name,
            "message": message_of(record),
        }
        if current := request_id.get():
            line["request_id"] = current
        fields = ((name, getattr(record, name, None)) for name in _FIELDS)
        line |= {name: value for name, value in fields if value not in (None, "")}
        if error := _error_of(record):
            line["exception"] = type(error).__qualname__
            if text := text_of(error):
                line["error"] = text
            if level_of(record) in _TRACED:
                line["trace"] = list(trace_of(error))
        return _writable(json.dumps(line, ensure_ascii=False, default=str))


class TextFormatter(logging.Formatter):
    """Writes a record for people; while debugging, with the text of errors."""

    def __init__(self, *, show_errors: bool = False) -> None:
        super().__init__()
        self.show_errors = show_errors

    def format(self, record: logging.LogRecord) -> str:
        fields = [str(getattr(record, name, None) or "") for name in _FIELDS]
        head = (
            f"{_iso_time(record.created)} {level_of(record):<7} {record.name}",
            message_of(record),
            *fields,
            request_id.get(),
        )
        lines = [" ".join(part for part in head if part)]
        error = _error_of(record)
        if error and self.show_errors:
            lines.append(redact(self.formatException(record.exc_info)))  # type: ignore[arg-type]  # there is an error
        elif error:
            lines += ["Traceback (without values):", *trace_of(error)]
        return _writable("\n".join(lines))


def _writable(text: str) -> str:
    # Half a character can be written into no stream.
    return text.encode(errors="backslashreplace").decode()


def level_of(record: logging.LogRecord) -> str:
    """Return the name of the level; a refused request is no error of the server."""
    status = getattr(record, "status_code", None)
    if record.levelno >= logging.ERROR and status in _CALLERS_FAULTS:
        return logging.getLevelName(logging.WARNING)
    return record.levelname


def message_of(record: logging.LogRecord) -> str:
    """Return what a line may say of a record, redacted."""
    family = record.name.partition(".")[0]
    if family in _OURS:
        text = _formatted(record)
    elif hasattr(record, "request") or hasattr(record, "status_code"):
        text = _of_request(record)
    elif family == "gunicorn":
        return _of_server(record)
    else:
        text = _of_others(record)
    return redact(text[:_MAX_MESSAGE])


def _formatted(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # Wrong arguments; logging would print them to say so.
        return f"{record.msg} (its arguments do not fit)"


def _of_request(record: logging.LogRecord) -> str:
    """Return what Django says of a request: how it was answered, and its route.

    Its own words hold the path, the method, the host and names of parameters.
    """
    status = getattr(record, "status_code", None)
    phrase = responses.get(status, "Request") if isinstance(status, int) else "Request"
    return f"{phrase}: {_route_of(getattr(record, 'request', None))}"


def _of_server(record: logging.LogRecord) -> str:
    text = _formatted(record)
    if text.startswith(_OF_SERVER):
        return text
    if text.startswith(_INVALID):
        return f"{_INVALID}: not HTTP as the RFCs write it."
    return _place(record)


def _of_others(record: logging.LogRecord) -> str:
    """Return the sentence that stands in the code of a library, with numbers only."""
    if not record.args or not isinstance(record.msg, str):
        # It may be put together of anything.
        return _place(record)
    args: Any = record.args
    if isinstance(args, dict):
        args = {name: _number_or_class(value) for name, value in args.items()}
    else:
        args = tuple(map(_number_or_class, args))
    return _formatted(logging.makeLogRecord({**record.__dict__, "args": args}))


def _number_or_class(value: object) -> object:
    if isinstance(value, bool | int | float | UUID) or value is None:
        return value
    return HIDDEN if isinstance(value, str | bytes) else type(value).__name__


def _place(record: logging.LogRecord) -> str:
    """Return where in the code a line comes from, in the place of what it says."""
    return f"see {record.module}.py, line {record.lineno}"


def text_of(error: BaseException) -> str:
    """Return the redacted text of an error about the set-up, else nothing."""
    if not isinstance(error, _SET_UP_ERRORS):
        return ""
    return redact(" ".join(str(error).split())[:_MAX_MESSAGE])


def trace_of(error: BaseException) -> Iterator[str]:
    """Yield class and frames of an error and of what caused it, and no value."""
    seen: BaseException | None = error
    for _ in range(_MAX_CHAIN):
        if seen is None:
            return
        yield ": ".join(filter(None, (type(seen).__qualname__, text_of(seen))))
        yield from _frames(seen.__traceback__)
        hidden = seen.__suppress_context__
        seen = seen.__cause__ or (None if hidden else seen.__context__)


def _frames(trace: TracebackType | None) -> list[str]:
    frames = [
        f"  {frame.f_code.co_filename}:{line} {frame.f_code.co_qualname}"
        for frame, line in walk_tb(trace)
    ]
    return frames[-_MAX_FRAMES:]


def _error_of(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


def _route_of(request: object) -> str:
    operation = getattr(request, "operation", None)
    return str(getattr(operation, "route", "unknown"))


def write_everything() -> None:
    """Let warnings of Python and errors of threads be lines like all others.

    By default they go to standard error as they are, with values. Nor does a line that
    cannot be written print what it would have said.
    """
    logging.raiseExceptions = False
    warnings.showwarning = _log_warning
    threading.excepthook = _log_thread


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    *_: object,
    **__: object,
) -> None:
    name = category.__name__
    _warnings.warning("%s in %s, line %d", name, filename, lineno)


def _log_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:
        _threads.error("a thread has ended", exc_info=args.exc_value)


_warnings: Final = logging.getLogger("config.warnings")
_threads: Final = logging.getLogger("config.threads")


def _iso_time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
