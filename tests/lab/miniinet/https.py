# SPDX-License-Identifier: BSD-2-Clause
"""HTTPS policy hosts (RFC 8461 3.3), each on an address of its own."""

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


class PolicyHost:
    """Serves one policy; can be switched off and on."""

    def __init__(
        self, name: str, address: str, identity: Identity, policy: str
    ) -> None:
        self.name = name
        self.address = address
        self.policy = policy
        self.status = 200
        self.content_type = "text/plain"
        self.requests: list[Request] = []
        self._sni: dict[int, str] = {}  # by socket, until its request
        self._identity = identity
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._identity.path)
        context.sni_callback = self._remember_sni
        handler = type("Handler", (_Handler,), {"policy_host": self})
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
    policy_host: PolicyHost

    def do_GET(self) -> None:
        host = self.policy_host
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
