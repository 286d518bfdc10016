# SPDX-License-Identifier: BSD-2-Clause
"""HTTPS hosts, each on an address of its own: of policies (RFC 8461 3.3), and
of those who take TLS reports (RFC 8460 5.4)."""

from __future__ import annotations

import http.server
import ssl
import threading
from dataclasses import dataclass

from .pki import Identity

PATH = "/.well-known/mta-sts.txt"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    host: str
    sni: str


@dataclass(frozen=True)
class Post:
    path: str
    host: str
    media: str
    encoding: str
    body: bytes


class _Host:
    """Can be switched off and on."""

    handler: type[http.server.BaseHTTPRequestHandler]

    def __init__(self, name: str, address: str, identity: Identity) -> None:
        self.name = name
        self.address = address
        self.status = 200
        self._sni: dict[int, str] = {}  # by socket, until its request
        self._identity = identity
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._identity.path)
        context.sni_callback = self._remember_sni
        handler = type("Handler", (self.handler,), {"owner": self})
        server = _Server((self.address, 443), handler)
        server.tls = context
        threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.1},
            daemon=True,
        ).start()
        self._server = server

    def stop(self) -> None:
        """From now on connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _remember_sni(
        self, sock: ssl.SSLObject, name: str | None, _ctx: ssl.SSLContext
    ) -> None:
        self._sni[id(sock)] = name or ""

    def take_sni(self, sock: object) -> str:
        return self._sni.pop(id(sock), "")


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext

    def finish_request(self, request, client_address) -> None:
        request.settimeout(10)
        try:
            with self.tls.wrap_socket(request, server_side=True) as sock:
                super().finish_request(sock, client_address)
        except OSError:
            pass  # a client that does not like our certificate


class _Handler(http.server.BaseHTTPRequestHandler):
    owner: PolicyHost

    def do_GET(self) -> None:
        host = self.owner
        host.requests.append(Request(
            self.command, self.path, self.headers.get("Host", ""),
            host.take_sni(self.connection),
        ))
        status = host.status if self.path == PATH else 404
        body = host.policy.encode() if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Type", host.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        """Requests are kept in a list instead."""


class PolicyHost(_Host):
    """Serves one policy."""

    handler = _Handler

    def __init__(
        self, name: str, address: str, identity: Identity, policy: str
    ) -> None:
        super().__init__(name, address, identity)
        self.policy = policy
        self.content_type = "text/plain"
        self.requests: list[Request] = []


class _Taker(http.server.BaseHTTPRequestHandler):
    owner: ReportHost

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.owner.posts.append(Post(
            self.path, self.headers.get("Host", ""),
            self.headers.get("Content-Type", ""),
            self.headers.get("Content-Encoding", ""),
            self.rfile.read(length),
        ))
        self.send_response(self.owner.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args) -> None:
        """Posts are kept in a list instead."""


class ReportHost(_Host):
    """Takes what is posted to it."""

    handler = _Taker

    def __init__(self, name: str, address: str, identity: Identity) -> None:
        super().__init__(name, address, identity)
        self.posts: list[Post] = []
