"""TLS in front of a hub, with a certificate that nobody but a test believes."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Https:
    """A door with TLS in front of the hub, as an operator's proxy is."""

    def __init__(self, port: int, folder: Path) -> None:
        self.target = port
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(folder))
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _listen(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            # Greeted apart: who stays silent, or goes, keeps nobody else waiting.
            threading.Thread(target=self._serve, args=[plain], daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with (
            suppress(OSError),
            self.context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection(("127.0.0.1", self.target)) as server,
        ):
            _pass(client, server)


def _pass(client: ssl.SSLSocket, server: socket.socket) -> None:
    """Carry bytes both ways until one side ends.

    In one thread: a connection of OpenSSL is not read and written at once.
    """
    other: dict[socket.socket, socket.socket] = {client: server, server: client}
    while True:
        ready = [client] if client.pending() else select.select([*other], [], [])[0]
        for source in ready:
            piece = source.recv(65_536)
            if not piece:
                return
            other[source].sendall(piece)


def certificate(folder: Path) -> Path:
    """Write a key and its certificate, which nobody but this test believes."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "hub.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
