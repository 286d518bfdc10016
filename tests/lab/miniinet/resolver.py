# SPDX-License-Identifier: BSD-2-Clause
"""A validating resolver for programs that have none of their own.

libunbound answers, as in the gateway; this hands its answers to whoever asks
by UDP or TCP, with AD where they are signed and SERVFAIL where they are
bogus.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import socketserver
import struct
import threading
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

UDP_BYTES = 1232
SIGNATURES = (dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3)


class _Result(ctypes.Structure):
    """struct ub_result of unbound.h."""

    _fields_ = [
        ("qname", ctypes.c_char_p),
        ("qtype", ctypes.c_int),
        ("qclass", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("len", ctypes.c_void_p),
        ("canonname", ctypes.c_char_p),
        ("rcode", ctypes.c_int),
        ("answer_packet", ctypes.c_void_p),
        ("answer_len", ctypes.c_int),
        ("havedata", ctypes.c_int),
        ("nxdomain", ctypes.c_int),
        ("secure", ctypes.c_int),
        ("bogus", ctypes.c_int),
        ("why_bogus", ctypes.c_char_p),
        ("was_ratelimited", ctypes.c_int),
        ("ttl", ctypes.c_int),
    ]


class _Unbound:
    def __init__(self, trust_anchor: Path, root_hints: Path) -> None:
        name = ctypes.util.find_library("unbound")
        if name is None:
            raise OSError("libunbound is missing: apt-get install libunbound8")
        self._lib = ctypes.CDLL(name)
        self._lib.ub_ctx_create.restype = ctypes.c_void_p
        self._ctx = ctypes.c_void_p(self._lib.ub_ctx_create())
        for option, value in (("root-hints:", str(root_hints)),
                              ("do-not-query-localhost:", "no")):
            self._must(self._lib.ub_ctx_set_option(
                self._ctx, option.encode(), value.encode()))
        self._must(self._lib.ub_ctx_add_ta_file(
            self._ctx, str(trust_anchor).encode()))

    @staticmethod
    def _must(error: int) -> None:
        if error != 0:
            raise OSError(f"libunbound: error {error}")

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        result = ctypes.POINTER(_Result)()
        reply = dns.message.make_response(query, recursion_available=True)
        error = self._lib.ub_resolve(
            self._ctx, question.name.to_text().encode(), int(question.rdtype),
            int(question.rdclass), ctypes.byref(result))
        if error != 0:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply
        try:
            self._copy(result.contents, reply)
        finally:
            self._lib.ub_resolve_free(result)
        return reply

    @staticmethod
    def _copy(result: _Result, reply: dns.message.Message) -> None:
        if result.bogus or not result.answer_packet:
            reply.set_rcode(dns.rcode.SERVFAIL if result.bogus
                            else result.rcode)
            return
        whole = dns.message.from_wire(
            ctypes.string_at(result.answer_packet, result.answer_len))
        reply.set_rcode(whole.rcode())
        if result.secure:
            reply.flags |= dns.flags.AD
        reply.answer = [rrset for rrset in whole.answer
                        if rrset.rdtype not in SIGNATURES]


class Resolver:
    """It listens on an address; a context manager."""

    def __init__(
        self, address: str, trust_anchor: Path, root_hints: Path
    ) -> None:
        self.address = address
        self._unbound = _Unbound(trust_anchor, root_hints)
        self._servers: list[socketserver.BaseServer] = []

    def __enter__(self) -> Resolver:
        for kind, handler in ((socketserver.ThreadingUDPServer, _Udp),
                              (socketserver.ThreadingTCPServer, _Tcp)):
            kind.daemon_threads = True
            kind.allow_reuse_address = True
            server: Any = kind((self.address, 53), handler)
            server.resolver = self
            self._servers.append(server)
            threading.Thread(target=server.serve_forever,
                             daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers = []

    def reply(self, wire: bytes, limit: int) -> bytes | None:
        """None: that was no question."""
        try:
            query = dns.message.from_wire(wire)
            reply = self._unbound.answer(query)
        except (dns.exception.DNSException, IndexError):
            return None
        packed = reply.to_wire(max_size=65535)
        if len(packed) > limit:
            reply.answer = []
            reply.flags |= dns.flags.TC
            packed = reply.to_wire()
        return packed


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, sock = self.request
        reply = self.server.resolver.reply(wire, UDP_BYTES)
        if reply is not None:
            sock.sendto(reply, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while len(head := self.rfile.read(2)) == 2:
            wire = self.rfile.read(struct.unpack("!H", head)[0])
            reply = self.server.resolver.reply(wire, 65535)
            if reply is None:
                return
            self.wfile.write(struct.pack("!H", len(reply)) + reply)
