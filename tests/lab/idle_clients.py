# SPDX-License-Identifier: BSD-2-Clause
"""Many connections of one process, which outnumber what a test may open.

    idle_clients.py HOST PORT COUNT plain|tls|loris

Prints how many were greeted, by code, then holds them until its standard
input ends; `loris` sends a byte on each every nine seconds, and prints when
the last of them was closed by the server.
"""

from __future__ import annotations

import collections
import resource
import select
import socket
import ssl
import sys
import time

LORIS_SECONDS = 9.0
PATIENCE_SECONDS = 120.0


def connect(host: str, port: int, tls: bool) -> tuple[socket.socket, str]:
    sock = socket.create_connection((host, port), timeout=60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    code = sock.recv(512)[:3].decode()
    if not tls:
        return sock, code
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    sock.sendall(b"EHLO client.example\r\n")
    sock.recv(1024)
    sock.sendall(b"STARTTLS\r\n")
    sock.recv(512)
    wrapped = context.wrap_socket(sock)
    wrapped.sendall(b"EHLO client.example\r\n")
    wrapped.recv(1024)
    return wrapped, code


def drip(socks: list[socket.socket]) -> float:
    """A byte each, again and again; seconds until all were cut."""
    start = time.monotonic()
    alive = set(socks)
    while alive and time.monotonic() < start + PATIENCE_SECONDS:
        for sock in list(alive):
            try:
                sock.send(b"N")
            except OSError:
                alive.discard(sock)
        poll = select.poll()
        by_fd = {sock.fileno(): sock for sock in alive}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        until = time.monotonic() + LORIS_SECONDS
        while alive and (left := until - time.monotonic()) > 0:
            for fd, _event in poll.poll(left * 1000):
                poll.unregister(fd)
                alive.discard(by_fd[fd])
    return time.monotonic() - start


def main() -> None:
    host, port, count, kind = sys.argv[1:]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    socks, codes = [], collections.Counter()
    for _ in range(int(count)):
        sock, code = connect(host, int(port), kind == "tls")
        codes[code] += 1
        socks.append(sock)
    print(" ".join(f"{code}:{n}" for code, n in sorted(codes.items())),
          flush=True)
    if kind == "loris":
        print(f"{drip(socks):.1f}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
