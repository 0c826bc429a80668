"""A member of staff with a browser: cookies, forms, and the PIN when a page asks."""

from __future__ import annotations

import html
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from http import HTTPStatus
from http.cookiejar import CookieJar
from typing import Any
from uuid import uuid4

_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_INPUT = re.compile(r"<input[^>]*>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
Fields = Iterable[tuple[str, str]]


class Page:
    """What came back: where from, and the text."""

    def __init__(self, url: str, status: int, text: str) -> None:
        self.url, self.status, self.text = url, status, text

    @property
    def words(self) -> str:
        """What the page says, for the message of a fault."""
        main = self.text.partition('id="content"')[2].partition("<svg")[0]
        said = " ".join(re.sub("<[^>]*>", " ", main).split())
        return f"{self.status} {self.url}: {said[:1500]}"

    @property
    def job_status(self) -> str:
        """Return the status of the job whose page this is; empty on any other page."""
        status = re.search(r'data-status="(\w+)"', self.text)
        return status[1] if status else ""

    def hidden(self, name: str) -> str:
        """Return the value of a hidden field; empty without one."""
        return next(
            (i.get("value", "") for i in self._inputs() if i.get("name") == name), ""
        )

    def checkboxes(self) -> list[str]:
        """Return the names of all boxes that can be ticked."""
        boxes = [i for i in self._inputs() if i.get("type") == "checkbox"]
        return [i["name"] for i in boxes if "name" in i]

    def _inputs(self) -> list[dict[str, str]]:
        return [
            {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(tag)}
            for tag in _INPUT.findall(self.text)
        ]


class Browser:
    """Follows redirects and keeps cookies. `base` is the address of the hub."""

    def __init__(self, base: str, *, pin: str = "", timeout: float = 600) -> None:
        self.base, self.pin, self.timeout = base, pin, timeout
        jar = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(jar)
        self._token = ""

    def get(self, path: str) -> Page:
        return self._open(urllib.request.Request(self._address(path)))

    def sign_in(self, username: str, password: str) -> None:
        self.get("/admin/login/")
        page = self.post("/admin/login/", username=username, password=password)
        assert "/login/" not in page.url, page.text[:500]

    def post(self, path: str, fields: Fields = (), **more: str) -> Page:
        """Post a form, and the PIN if the answer asks for it."""
        pairs = [*fields, *more.items(), ("csrfmiddlewaretoken", self._token)]
        page = self._send(path, urllib.parse.urlencode(pairs).encode())
        carried = page.hidden("step_up_request")
        if not carried:
            return page
        return self._send(
            path,
            urllib.parse.urlencode(
                {
                    "step_up_request": carried,
                    "step_up_code": self.pin,
                    "csrfmiddlewaretoken": self._token,
                }
            ).encode(),
        )

    def upload(self, path: str, name: str, content: bytes, **fields: str) -> Page:
        """Post a form with one file in the field `import_file`."""
        mark = uuid4().hex
        fields["csrfmiddlewaretoken"] = self._token
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}'
            for key, value in fields.items()
        ]
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="import_file"; '
            f'filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        body = "\r\n".join([*parts, head]).encode() + content
        body += f"\r\n--{mark}--\r\n".encode()
        return self._send(path, body, f"multipart/form-data; boundary={mark}")

    def wait_for_job(self, page: Page, seconds: float = 900) -> Page:
        """Return the page of a job once it has ended; each look has to be let in."""
        deadline = time.monotonic() + seconds
        while page.job_status in ("ready", "running"):
            assert time.monotonic() < deadline, page.text
            time.sleep(0.5)
            page = self.get(page.url)
            assert page.status == HTTPStatus.OK, page.words
        return page

    def _send(self, path: str, body: bytes, kind: str = "") -> Page:
        kind = kind or "application/x-www-form-urlencoded"
        headers = {"content-type": kind, "referer": self.base}
        address = self._address(path)
        return self._open(urllib.request.Request(address, body, headers))

    def _open(self, request: urllib.request.Request) -> Page:
        answer: Any
        try:
            answer = self._opener.open(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            answer = error
        text = answer.read().decode(errors="replace")
        if token := _CSRF.search(text):
            self._token = token[1]
        return Page(answer.geturl(), answer.status, text)

    def _address(self, path: str) -> str:
        return path if path.startswith("http") else self.base + path
