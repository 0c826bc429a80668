"""A wire between the hub and its database, which can be cut or fall silent."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field


@dataclass
class Wire:
    """Passes bytes on in both directions, for as long as it is whole."""

    host: str
    to_port: int
    port: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.flows = threading.Event()
        self.flows.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def fall_silent(self) -> None:
        """Keep connections open, take new ones, and pass nothing on."""
        self.flows.clear()

    def speak(self) -> None:
        self.flows.set()

    def cut(self) -> None:
        """End all connections; new ones are taken."""
        ended, self._open = self._open, []
        for end in ended:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.speak()
        self.cut()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection((self.host, self.to_port))
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(
                    target=self._pass, args=[source, target], daemon=True
                ).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.flows.wait()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        # Each direction closes its own; shutting down has woken the other.
        source.close()
