"""A network between client and server that loses answers."""

from __future__ import annotations

import contextlib
import gzip
import random
import socket
import struct
import threading
from types import TracebackType
from typing import Self


class LossyProxy:
    """Passes requests on whole, and drops some connections instead of answering.

    The server has then done its work; the client cannot know, and sends again.
    """

    def __init__(self, server_port: int, *, share: float = 0.3, seed: int = 1) -> None:
        self.server_port, self.share = server_port, share
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.dropped = self.passed = 0
        # Messages of SDKs in requests whose answers were lost.
        self.unanswered = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.is_open = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.is_open = False
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _listen(self) -> None:
        while self.is_open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while request := _read_message(client):
                with socket.create_connection(
                    ("127.0.0.1", self.server_port)
                ) as server:
                    server.sendall(request)
                    answer = _read_message(server)
                if self._is_lost(request):
                    # Reset, so that the client does not take silence for an end.
                    linger = struct.pack("ii", 1, 0)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return
                client.sendall(answer)

    def _is_lost(self, request: bytes) -> bool:
        with self.lock:
            lost = self.random.random() < self.share
            self.dropped += lost
            self.unanswered += lost * _count_messages(request)
            self.passed += not lost
            return lost


def _count_messages(request: bytes) -> int:
    head, _, body = request.partition(b"\r\n\r\n")
    if b"gzip" in head.lower().partition(b"content-encoding:")[2].partition(b"\r")[0]:
        body = gzip.decompress(body)
    return body.count(b'"messageId"')


def _read_message(connection: socket.socket) -> bytes:
    """Return one message of HTTP with its body; nothing at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        more = connection.recv(65_536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body
