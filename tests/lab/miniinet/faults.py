# SPDX-License-Identifier: BSD-2-Clause
"""A DNS forwarder in front of NSD that breaks chosen answers.

Zones below the TLD are delegated to it.  It hands every question to NSD and
passes the answer on as it is, unless a fault is set for exactly that name
and type: then only this answer is broken, as a failing or forging server
would break it.  It also keeps a list of what was asked.
"""

from __future__ import annotations

import enum
import socket
import socketserver
import struct
import threading
import time
from dataclasses import dataclass, replace
from typing import BinaryIO

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .zones import ZoneKey

UPSTREAM_SECONDS = 3.0
DAY = 86400
FORGED_TLSA = "3 1 1 " + "ef" * 32
FORGED_TTL = 300


class Fault(enum.Enum):
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    DROP = "no answer at all"
    ALTERED = "altered signature"  # bogus
    EXPIRED = "expired signature"  # bogus
    EARLY = "signature of the future"  # bogus
    SIGNER = "signature by the key of another zone"  # bogus
    UNSIGNED = "signature removed"  # bogus
    FORGED = "other records, unsigned, with the AD bit"  # bogus
    WILDCARD = "what a wildcard says, in place of the name's own"  # bogus
    NXDOMAIN = "no such name, without a proof"  # bogus
    AD = "the AD bit set, and nothing else"  # no failure at all
    NO_PROOF = "denial without its NSEC proof"  # bogus
    TRUNCATED = "cut short, the whole only by TCP"  # no failure at all


# From when to when such a signature is valid, in days from now.
VALID = {
    Fault.EXPIRED: (-40, -10),
    Fault.EARLY: (10, 40),
    Fault.SIGNER: (-1, 30),
}
SIGNER_ZONE = "dane.example"


@dataclass(frozen=True)
class Question:
    name: str  # without the last dot
    rdtype: str
    tcp: bool = False


class FaultyServer:
    def __init__(
        self, address: str, upstream: str, keys: dict[str, ZoneKey]
    ) -> None:
        self.address = address
        self.upstream = upstream
        self.keys = keys
        self.asked: list[Question] = []
        self._faults: dict[Question, Fault] = {}
        self._lock = threading.Lock()
        self._servers: list[socketserver.BaseServer] = []

    def start(self) -> None:
        place = (self.address, 53)
        servers: list[_UdpServer | _TcpServer] = [
            _UdpServer(place, _Udp), _TcpServer(place, _Tcp)]
        for server in servers:
            server.faulty = self
            threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.1},
                daemon=True,
            ).start()
            self._servers.append(server)

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    # ---- what tests set and read ----

    def set(self, name: str, rdtype: str, fault: Fault) -> None:
        with self._lock:
            self._faults[Question(name, rdtype)] = fault

    def clear(self, name: str, rdtype: str) -> None:
        with self._lock:
            self._faults.pop(Question(name, rdtype), None)

    def was_asked(self, name: str, rdtype: str, tcp: bool = False) -> bool:
        with self._lock:
            return Question(name, rdtype, tcp) in self.asked

    # ---- the work ----

    def answer(self, wire: bytes, tcp: bool) -> bytes | None:
        """What goes back for one question; None: nothing does."""
        try:
            query = dns.message.from_wire(wire)
            name = query.question[0].name
            rdtype = query.question[0].rdtype
        except (dns.exception.DNSException, IndexError):
            return None
        question = Question(
            name.to_text(omit_final_dot=True).lower(),
            dns.rdatatype.to_text(rdtype),
        )
        with self._lock:
            self.asked.append(replace(question, tcp=tcp))
            fault = self._faults.get(question)
        if fault is Fault.DROP:
            return None
        if fault in (Fault.SERVFAIL, Fault.REFUSED):
            reply = dns.message.make_response(query)
            reply.set_rcode(dns.rcode.from_text(fault.name))
            return reply.to_wire()
        if fault is Fault.NXDOMAIN:
            reply = dns.message.make_response(query)
            reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.flags |= dns.flags.AA
            return reply.to_wire()
        if fault is Fault.FORGED:
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.AA | dns.flags.AD
            reply.answer.append(dns.rrset.from_text(
                name, FORGED_TTL, dns.rdataclass.IN, rdtype, FORGED_TLSA))
            return reply.to_wire()
        if fault is Fault.WILDCARD:
            return self._replay(query, tcp)
        if fault is Fault.TRUNCATED:
            if tcp:
                return _ask(self.upstream, wire, tcp)
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.TC | dns.flags.AA
            return reply.to_wire()
        honest = _ask(self.upstream, wire, tcp)
        if fault is None or honest is None:
            return honest
        reply = dns.message.from_wire(honest)
        self._damage(reply, fault)
        return reply.to_wire()

    def _replay(self, query: dns.message.Message, tcp: bool) -> bytes | None:
        """What the wildcard beside the name has, under its name."""
        name = query.question[0].name
        other = dns.name.Name((b"x",) + name.labels[1:])
        asked = dns.message.make_query(
            other, query.question[0].rdtype, want_dnssec=True)
        honest = _ask(self.upstream, asked.to_wire(), tcp)
        if honest is None:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        for rrset in dns.message.from_wire(honest).answer:
            reply.answer.append(
                dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset)))
        return reply.to_wire()

    def _damage(self, reply: dns.message.Message, fault: Fault) -> None:
        if fault is Fault.AD:
            reply.flags |= dns.flags.AD
            return
        if fault is Fault.NO_PROOF:
            reply.authority = [
                rrset for rrset in reply.authority
                if dns.rdatatype.NSEC not in (rrset.rdtype, rrset.covers)
            ]
            return
        for section in (reply.answer, reply.authority):
            for rrset in list(section):
                if rrset.rdtype == dns.rdatatype.RRSIG:
                    section.remove(rrset)
                    if fault is not Fault.UNSIGNED:
                        section.append(self._bad_rrsig(section, rrset, fault))

    def _bad_rrsig(
        self,
        section: list[dns.rrset.RRset],
        rrset: dns.rrset.RRset,
        fault: Fault,
    ) -> dns.rrset.RRset:
        good = rrset[0]
        if fault is Fault.ALTERED:
            flipped = bytes([good.signature[0] ^ 1]) + good.signature[1:]
            bad = good.replace(signature=flipped)
        else:
            signer = SIGNER_ZONE if fault is Fault.SIGNER else (
                good.signer.to_text(omit_final_dot=True))
            covered = next(
                r for r in section
                if r.name == rrset.name and r.rdtype == rrset.covers
            )
            # Further off than any tolerance for clocks a validator has.
            first, last = VALID[fault]
            now = time.time()
            bad = self.keys[signer].sign(
                covered.name, covered, now + first * DAY, now + last * DAY)
        return dns.rrset.from_rdata(rrset.name, rrset.ttl, bad)


def _ask(address: str, wire: bytes, tcp: bool) -> bytes | None:
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.settimeout(UPSTREAM_SECONDS)
        try:
            sock.connect((address, 53))
            if not tcp:
                sock.send(wire)
                return sock.recv(65535)
            sock.sendall(struct.pack("!H", len(wire)) + wire)
            with sock.makefile("rb") as stream:
                return _read_framed(stream)
        except OSError:
            return None


def _read_framed(stream: BinaryIO) -> bytes | None:
    head = stream.read(2)
    if len(head) != 2:
        return None
    return stream.read(struct.unpack("!H", head)[0])


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    faulty: FaultyServer


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    faulty: FaultyServer


class _Udp(socketserver.BaseRequestHandler):
    server: _UdpServer

    def handle(self) -> None:
        wire, sock = self.request
        reply = self.server.faulty.answer(wire, tcp=False)
        if reply is not None:
            sock.sendto(reply, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    server: _TcpServer

    def handle(self) -> None:
        while (wire := _read_framed(self.rfile)) is not None:
            reply = self.server.faulty.answer(wire, tcp=True)
            if reply is None:
                return
            self.wfile.write(struct.pack("!H", len(reply)) + reply)
