# SPDX-License-Identifier: BSD-2-Clause
"""A sniffer on the namespace's loopback: what crossed to and from port 25.

The proof that nothing left in clear must not rest on what the servers say
they saw: this reads the packets.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

PORT = 25
ETH_P_IP = 0x0800
SOL_PACKET = 263
PACKET_STATISTICS = 6
SO_RCVBUFFORCE = 33
RECEIVE_BYTES = 32 << 20
SETTLE_SECONDS = 0.1

# What a client may say in clear where a message may not cross in clear.
HARMLESS = (b"EHLO ", b"STARTTLS", b"QUIT")
TELLTALE = (b"MAIL FROM", b"RCPT TO", b"DATA\r\n", b"BDAT ", b"AUTH ")


@dataclass
class _Direction:
    """One half of a connection, put together by sequence number."""

    first: int | None = None
    parts: dict[int, bytes] = field(default_factory=dict)

    def add(self, sequence: int, payload: bytes) -> None:
        if self.first is None:
            self.first = sequence
        if payload:
            offset = (sequence - self.first) & 0xFFFFFFFF
            self.parts[offset] = max(
                payload, self.parts.get(offset, b""), key=len
            )

    def stream(self) -> bytes:
        out = bytearray()
        for offset, payload in sorted(self.parts.items()):
            if offset <= len(out):
                out[offset:offset + len(payload)] = payload
        return bytes(out)


@dataclass
class Connection:
    client: tuple[str, int]
    server: str
    opened: float
    _up: _Direction = field(default_factory=_Direction)
    _down: _Direction = field(default_factory=_Direction)

    def client_bytes(self) -> bytes:
        return self._up.stream()

    def server_bytes(self) -> bytes:
        return self._down.stream()

    def clear_lines(self) -> list[bytes]:
        """What the client said before the first TLS record."""
        lines = []
        rest = self.client_bytes()
        while rest and not rest.startswith(b"\x16\x03"):
            line, end, rest = rest.partition(b"\r\n")
            lines.append(line + end)
        return lines

    def violations(self, secrets: list[bytes]) -> list[str]:
        """What crossed in clear that must not have."""
        found = [
            f"sent in clear: {line!r}"
            for line in self.clear_lines()
            if not line.upper().startswith(HARMLESS)
        ]
        sent = self.client_bytes()
        found += [f"sent in clear: {secret!r}"
                  for secret in secrets if secret in sent]
        found += [f"sent in clear: {word!r}"
                  for word in TELLTALE if word in sent.upper()]
        # A reply may quote what a client had sent.
        answered = self.server_bytes()
        found += [f"answered in clear: {secret!r}"
                  for secret in secrets if secret in answered]
        return found


class Wire:
    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self._open: dict[tuple[str, int, str], Connection] = {}
        self._sock: socket.socket | None = None
        self._last = time.monotonic()
        self._lost = 0

    def start(self) -> None:
        sock = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)
        )
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
        sock.bind(("lo", ETH_P_IP))
        self._sock = sock
        threading.Thread(target=self._listen, args=(sock,),
                         daemon=True).start()

    def stop(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def settle(self) -> None:
        """Until all that has crossed so far is accounted for.

        Raises when the kernel dropped a packet: then nothing is proved.
        """
        assert self._sock is not None
        while True:
            ready = select.select([self._sock], [], [], 0)[0]
            if not ready and time.monotonic() - self._last > SETTLE_SECONDS:
                break
            time.sleep(0.02)
        statistics = self._sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._lost += struct.unpack("II", statistics)[1]
        if self._lost:
            raise RuntimeError(f"the sniffer missed {self._lost} packets")

    def to(self, server: str, since: float = 0.0) -> list[Connection]:
        """Connections to port 25 of an address, opened after `since`."""
        self.settle()
        return [c for c in self.connections
                if c.server == server and c.opened >= since]

    def _listen(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                packet, origin = sock.recvfrom(1 << 17)
                # Loopback shows each packet twice: going out, coming in.
                if origin[2] != socket.PACKET_OUTGOING:
                    self._take(packet)

    def _take(self, packet: bytes) -> None:
        if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            return
        head = (packet[0] & 0xF) * 4
        total = struct.unpack_from("!H", packet, 2)[0] or len(packet)
        source, target, sequence = struct.unpack_from("!HHI", packet, head)
        if PORT not in (source, target):
            return
        self._last = time.monotonic()
        flags = packet[head + 13]
        payload = packet[head + (packet[head + 12] >> 4) * 4:total]
        sender = socket.inet_ntoa(packet[12:16])
        receiver = socket.inet_ntoa(packet[16:20])
        upward = target == PORT
        key = (sender, source, receiver) if upward else (
            receiver, target, sender)
        if upward and flags & 0x12 == 0x02:  # SYN without ACK: a new one
            opened = Connection((sender, source), receiver, self._last)
            self._open[key] = opened
            self.connections.append(opened)
        connection = self._open.get(key)
        if connection is None:
            return
        direction = connection._up if upward else connection._down
        direction.add(sequence + (1 if flags & 0x02 else 0), payload)
