# SPDX-License-Identifier: BSD-2-Clause
"""Servers that vanish, links that fail, routes that lead back."""

from __future__ import annotations

import secrets
import smtplib
import socket
import threading
import time
from email import message_from_bytes
from pathlib import Path
from typing import Callable, Iterator

import pytest
from miniinet import link
from miniinet.catalogue import (
    BAD_HOSTS, CUTS, NAT_ADDRESSES, OWN_ADDRESS, REFUSING_NETWORK,
    RESET_NETWORK, SILENT_NETWORK)
from miniinet.gateway import SENDER, Gateway, Mail
from miniinet.link import Link
from miniinet.pki import CertSpec
from miniinet.smtp import Behaviour, MailServer
from miniinet.world import World

CONNECT_SECONDS = 1
DEADLINE = "3s"  # for each step of a session
ATTEMPT_SECONDS = 6  # and for what follows when one is missed
FAR_HOST = "mx.far.example"
BULK = 40_000
HOPS = 30
SENDER_HOST = "mx.sender.example"


@pytest.fixture(scope="module")
def options() -> dict:
    return {
        "smtp": {
            "connect-timeout": f"{CONNECT_SECONDS}s",
            "greeting-timeout": DEADLINE,
            "command-timeout": DEADLINE,
            "data-timeout": DEADLINE,
            "block-timeout": DEADLINE,
            "dot-timeout": DEADLINE,
        },
        "queue": {"first-retry": "5s", "max-retry": "5s"},
    }


def submit_bulk(gateway: Gateway, domain: str) -> Mail:
    """A message larger than any buffer on the way that a test fills."""
    canary = f"canary-{secrets.token_hex(8)}"
    recipient = f"bob@{domain}"
    since = time.monotonic()
    records = gateway.evidence()
    with smtplib.SMTP(*gateway.listen, timeout=30) as client:
        client.sendmail(SENDER, [recipient],
                        f"Subject: {canary}\r\n\r\n{canary}\r\n" +
                        ("x" * 62 + "\r\n") * (BULK // 64))
    queued = [row["id"] for row in gateway.queue()
              if row["recipient"] == recipient]
    return Mail(recipient, canary, queued[-1] if queued else "",
                records[-1]["number"] if records else 0, since)


def outcomes(gateway: Gateway, domain: str) -> list[str]:
    return [r["outcome"] for r in gateway.evidence("--domain", domain)]


# ---- C21 ----


def test_c21_a_server_that_drops_is_tried_again_and_told_true(
    gateway: Gateway, world: World
) -> None:
    mails = {word: gateway.submit(f"cut-{word}.example") for word in CUTS}
    for word, mail in mails.items():
        assert gateway.result(mail).queued is not None, word
        world.servers[f"mx.cut-{word}.example"].behaviour = Behaviour()
    for word, mail in mails.items():
        result = gateway.wait_delivered(mail)
        taken = word.startswith("end")
        told = outcomes(gateway, mail.domain)
        assert len(result.arrived) == 1 + taken, word
        assert told.count("delivered") == 1, (word, told)
        if word != "354-rst":  # the content may have left, or not
            assert told.count("unknown") == taken, (word, told)
    reports = [m for m in world.servers[SENDER_HOST].messages
               if b"@cut-" in m.content]
    assert not reports


# ---- C23 ----


@pytest.fixture
def bad_networks(world: World) -> Iterator[None]:
    if reason := link.why_not():
        pytest.skip(reason)
    verdicts = {SILENT_NETWORK: "drop",
                REFUSING_NETWORK: "reject with icmp type host-unreachable",
                RESET_NETWORK: "reject with tcp reset"}
    with link.filters("lab_bad") as rule:
        for network, verdict in verdicts.items():
            rule("output", f"ip daddr {network}.0/24 tcp dport 25 {verdict}")
        yield


def test_c23_of_twenty_hosts_each_is_tried_in_order_and_in_time(
    gateway: Gateway, world: World, bad_networks: None
) -> None:
    began = time.monotonic()
    result = gateway.send("many.example")
    assert [host for host, _ in result.arrived] == ["last.many.example"]
    assert result.queued is None
    tried = [r["host"] for r in result.records]
    assert tried == [f"bad{i}.many.example" for i in range(BAD_HOSTS)] + [
        "last.many.example"]
    # Only those that are silent cost their time.
    assert time.monotonic() - began < (BAD_HOSTS + 1) * CONNECT_SECONDS


# ---- C26 ----


@pytest.fixture
def far(world: World) -> Iterator[Link]:
    if reason := link.why_not():
        pytest.skip(reason)
    server = MailServer(FAR_HOST, link.FAR,
                        world.pki.issue(CertSpec(), FAR_HOST))
    with Link(server) as wire:
        world.servers[FAR_HOST] = server
        yield wire
        del world.servers[FAR_HOST]


def copies_told(gateway: Gateway, mail: Mail, since: int) -> int:
    """How many copies may be there: the one, and those of unknown fate."""
    return 1 + sum(r["outcome"] == "unknown"
                   for r in gateway.evidence("--domain", mail.domain)
                   if r["number"] > since)


def far_delivered(gateway: Gateway, mail: Mail) -> None:
    result = gateway.wait_delivered(mail)
    assert 1 <= len(result.arrived) <= copies_told(gateway, mail, mail.before)
    for _, message in result.arrived:
        assert message.content.count(b"x" * 62 + b"\r\n") in (0, BULK // 64)


def test_c26_a_link_that_loses_a_third_of_all_packets(
    gateway: Gateway, far: Link
) -> None:
    usual = gateway.options["smtp"]
    # A lost SYN is sent again after 1, 3 and 7 seconds.
    gateway.reload({"smtp": {"connect-timeout": "10s",
                             "command-timeout": "20s",
                             "handshake-timeout": "20s",
                             "dot-timeout": "20s"}})
    try:
        far.lose(30)
        far_delivered(gateway, gateway.submit("far.example"))
    finally:
        gateway.reload({"smtp": usual})


def test_c26_a_slow_and_narrow_link(gateway: Gateway, far: Link) -> None:
    far.slow(256)
    far.narrow(600)
    far_delivered(gateway, submit_bulk(gateway, "far.example"))


def dead_within(gateway: Gateway, mail: Mail) -> None:
    """The attempt ends by itself, and other mail is not kept waiting."""
    began = time.monotonic()
    gateway.send("may.example").delivered(
        "mx.may.example", required="may", reached="encrypted")
    assert time.monotonic() - began < ATTEMPT_SECONDS / 2
    result = gateway.result(mail)
    assert result.queued is not None
    assert time.monotonic() - began < ATTEMPT_SECONDS


def test_c26_a_black_hole_in_mid_content_ends_at_the_deadline(
    gateway: Gateway, far: Link
) -> None:
    far.cut_after(BULK // 2000)
    mail = submit_bulk(gateway, "far.example")
    dead_within(gateway, mail)
    far.heal()
    far_delivered(gateway, mail)


def test_c26_a_half_open_connection_ends_at_the_deadline(
    gateway: Gateway, far: Link
) -> None:
    far.server.behaviour = Behaviour(delay=1)
    mail = gateway.submit("far.example")
    deadline = time.monotonic() + 10
    while not far.server.sessions and time.monotonic() < deadline:
        time.sleep(0.02)
    far.cut()  # connected, and the greeting is on its way
    dead_within(gateway, mail)
    far.server.behaviour = Behaviour()
    far.heal()
    far_delivered(gateway, mail)


# ---- B3.11 ----


def listening(*addresses: str) -> list[dict]:
    return [{"address": address, "allow": ["127.0.0.0/8"], "tls": "off"}
            for address in addresses]


def test_b3_11_smtp_29_an_mx_with_our_address_is_not_dialled(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "own") as gateway:
        host, port = gateway.listen
        gateway.stop()
        gateway.options["listen"] = listening(f"{host}:{port}",
                                              f"{OWN_ADDRESS}:25")
        gateway.write_config()
        gateway.start()
        assert gateway.explain("own.example")["status"] == "5.4.6"
        mail = gateway.submit("own.example")
        gateway.wait_for_report(mail)
        assert gateway.queue() == []
        assert not list(world.wire.to(OWN_ADDRESS, mail.since))
        assert world.servers["worse.own.example"].sessions == []


class Forwarder:
    """Passes connections on, as address translation does."""

    def __init__(self, address: str, to: tuple[str, int]) -> None:
        self.to = to
        self.listener = socket.create_server((address, 25))
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.to)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=(source, sink),
                                 daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def until(look: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_b3_11_two_gateways_that_face_each_other_end_at_the_hop_limit(
    world: World, binary: Path
) -> None:
    """Neither can know that an address is its own or the other's."""
    limit = {"intake": {"received-limit": HOPS}}
    with (Gateway(world, binary, "facing-a", limit) as a,
          Gateway(world, binary, "facing-b", limit) as b):
        gates = [Forwarder(address, gateway.listen)
                 for address, gateway in zip(NAT_ADDRESSES, (a, b))]
        try:
            mail = a.submit("facing.example")
            a.wait_for_report(mail)
            report, = [
                m for m in world.servers[SENDER_HOST].messages
                if mail.canary.encode() in m.content]
            status = message_from_bytes(report.content).get_payload(1)
            assert status.get_payload(1)["Status"] == "5.4.6"
            headers = report.content.partition(b"rfc822-headers")[2]
            assert HOPS <= headers.count(b"Received: ") <= HOPS + 1
            # Without a sender: it ends, and nobody is told.
            silent = a.submit("facing.example", sender="")
            until(lambda: not a.queue() and not b.queue())
        finally:
            for gate in gates:
                gate.stop()
        assert not [m for m in world.servers[SENDER_HOST].messages
                    if silent.canary.encode() in m.content]
