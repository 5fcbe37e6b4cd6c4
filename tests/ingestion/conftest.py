"""A partner of the test's own: a real HTTP server whose every answer, or silence, is scripted."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from soleflip_pipelines.settings import Settings, load_settings

LOOPBACK = IPv4Address("127.0.0.1")


@dataclass
class Call:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]
    at: float


@dataclass
class Reply:
    """An answer; `fault` is "reset", "short" (ends too early), "drip" or "drip-headers".

    Those that end too early do so after `cut` bytes, or half way.
    """

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    fault: str | None = None
    cut: int | None = None

    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Partner:
    """The server: its address, what it was asked, and the function that answers."""

    reply = Reply

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer: Callable[[Call], Reply] = lambda _: Reply(404, {"message": "not scripted"})
        handler = type("Handler", (_Handler,), {"partner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def speak_tls(self, certificate: Path) -> str:
        """Speak TLS from now on; returns the address under which it does."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        return self.url.replace("http:", "https:")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def script(self, *replies: Reply) -> None:
        """Answer with these one after the other, and with the last one ever after."""
        left = list(replies)
        self.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]


class _Handler(BaseHTTPRequestHandler):
    partner: Partner
    protocol_version = "HTTP/1.1"
    # Head and body are two writes: the second would wait for the first's acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length", 0))
        call = Call(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            {name.lower(): value for name, value in self.headers.items()},
            dict(parse_qsl(self.rfile.read(length).decode())),
            time.monotonic(),
        )
        self.partner.calls.append(call)
        self._send(self.partner.answer(call))

    do_POST = do_GET

    def _send(self, reply: Reply) -> None:
        body = reply.bytes()
        if reply.fault == "drip-headers":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 10_000)
            return
        self.send_response_only(reply.status)
        usual = {"Date": self.date_time_string(), "Content-Type": "application/json"}
        for name, value in {**usual, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if reply.fault is None:
            self.wfile.write(body)
            return
        self.close_connection = True
        if reply.fault == "drip":
            self._drip(body)
            return
        self.wfile.write(body[: len(body) // 2 if reply.cut is None else reply.cut])
        if reply.fault == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _drip(self, data: bytes) -> None:
        """Byte after byte until the other side has had enough."""
        self.close_connection = True
        with suppress(OSError):
            for place in range(len(data)):
                time.sleep(0.1)
                self.wfile.write(data[place : place + 1])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output quiet."""


@pytest.fixture
def partner() -> Iterator[Partner]:
    server = Partner()
    yield server
    server.close()


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for 127.0.0.1 that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + certificate.public_bytes(pem))
    return file


@pytest.fixture
def partner_settings(settings: Settings, partner: Partner) -> Settings:
    """Settings of the test's database under which the scripted server is every partner."""
    assert settings.database_url is not None
    return load_settings(
        {
            "SOLEFLIP_HOME": str(settings.home),
            "SOLEFLIP_DATABASE_URL": settings.database_url.get_secret_value(),
            "SOLEFLIP_AS_OF": "2026-06-30",
            "STOCKX_API_URL": f"{partner.url}/v2",
            "STOCKX_AUTH_URL": f"{partner.url}/auth",
            "STOCKX_API_KEY": "CANARY-api-key",
            "STOCKX_CLIENT_ID": "client",
            "STOCKX_CLIENT_SECRET": "CANARY-client-secret",
            "STOCKX_REFRESH_TOKEN": "CANARY-refresh-token",
            "STOCKX_MIN_INTERVAL_S": "0",
            "AWIN_BASE_URL": f"{partner.url}/awin",
            "AWIN_API_KEY": "CANARY-awin-key",
            "ECB_BASE_URL": f"{partner.url}/ecb",
        }
    )
