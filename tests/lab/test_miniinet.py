# SPDX-License-Identifier: BSD-2-Clause
"""The mini-internet itself: a proof is worth what its instruments are."""

from __future__ import annotations

import smtplib
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from miniinet.catalogue import DOMAINS
from miniinet.faults import Fault
from miniinet.https import PATH
from miniinet.world import World

CANARY = b"canary-of-the-lab-itself"


@pytest.fixture(scope="module")
def validator(world: World) -> Path:
    conf = world.folder / "unbound-host.conf"
    conf.write_text(
        "server:\n"
        "do-not-query-localhost: no\n"
        "trust-anchor-signaling: no\n"
        f"root-hints: {world.root_hints}\n"
        f"trust-anchor-file: {world.trust_anchor}\n"
    )
    return conf


def look_up(validator: Path, rdtype: str, name: str) -> str:
    try:
        return subprocess.run(
            ["unbound-host", "-C", validator, "-v", "-t", rdtype, name],
            capture_output=True, text=True, timeout=60, check=False,
        ).stdout
    except FileNotFoundError:
        pytest.skip("unbound-host is missing: apt-get install unbound-host")


@pytest.mark.parametrize(("rdtype", "name", "status"), [
    ("NS", ".", "(secure)"),
    ("MX", "dane.example", "(secure)"),
    ("TLSA", "_25._tcp.mx.dane.example", "(secure)"),
    ("TLSA", "_25._tcp.mx1.dane-later.example", "(secure)"),
    ("MX", "may.example", "(insecure)"),
    ("TLSA", "_25._tcp.mx.tlsa-servfail.example", "(error)"),
    ("TLSA", "_25._tcp.mx.tlsa-refused.example", "(error)"),
    ("A", "mx.tlsa-servfail.example", "(secure)"),
    ("TLSA", "_25._tcp.mx.tlsa-altered.example", "(BOGUS"),
    ("TLSA", "_25._tcp.mx.tlsa-expired.example", "(BOGUS"),
    ("TLSA", "_25._tcp.mx.tlsa-unsigned.example", "(BOGUS"),
    ("TLSA", "_25._tcp.mx.tlsa-no-proof.example", "(BOGUS"),
    ("MX", "mx-altered.example", "(BOGUS"),
    ("A", "mx-altered.example", "(secure)"),
])
def test_another_validator_sees_the_security_that_was_meant(
    validator: Path, rdtype: str, name: str, status: str
) -> None:
    assert status in look_up(validator, rdtype, name)


def test_a_fault_breaks_one_answer_and_goes_away(
    world: World, validator: Path
) -> None:
    name = "_25._tcp.mx.dane.example"
    world.dns.set(name, "TLSA", Fault.SERVFAIL)
    assert "(error)" in look_up(validator, "TLSA", name)
    world.dns.clear(name, "TLSA")
    assert "(secure)" in look_up(validator, "TLSA", name)
    assert world.dns.was_asked(name, "TLSA")


def test_a_zone_can_change_while_it_is_served(
    world: World, validator: Path
) -> None:
    world.set_txt("sender.example", "note", "first")
    assert '"first"' in look_up(validator, "TXT", "note.sender.example")
    world.set_txt("sender.example", "note", "second")
    assert '"second"' in look_up(validator, "TXT", "note.sender.example")


class _To(smtplib.SMTP):
    """Expects a certificate for a name that it has not connected to."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._host = name


def hand_over(world: World, host: str, tls: bool) -> None:
    context = ssl.create_default_context(cafile=world.pki.ca_file)
    with _To(host) as client:
        client.connect(world.front_address(host), 25)
        client.ehlo("client.example")
        if tls:
            client.starttls(context=context)
            client.ehlo("client.example")
        client.sendmail("a@client.example", ["b@here.example"],
                        b"Subject: x\r\n\r\n" + CANARY + b"\r\n")


def test_the_sniffer_sees_what_crosses_in_clear(world: World) -> None:
    host = "mx.legacy.example"
    hand_over(world, host, tls=False)
    connection = world.wire.to(world.front_address(host))[-1]
    found = " ".join(connection.violations([CANARY]))
    for word in ("MAIL FROM", "RCPT TO", "DATA", CANARY.decode()):
        assert word in found
    message = world.servers[host].messages[-1]
    assert message.tls is None and CANARY in message.content


def test_the_sniffer_sees_nothing_of_what_tls_hides(world: World) -> None:
    host = "mx.dane.example"
    hand_over(world, host, tls=True)
    connection = world.wire.to(world.front_address(host))[-1]
    assert connection.violations([CANARY]) == []
    verbs = [line.split()[0].upper() for line in connection.clear_lines()]
    assert verbs == [b"EHLO", b"STARTTLS"]
    assert b"\x16\x03" in connection.client_bytes()
    message = world.servers[host].messages[-1]
    assert message.tls is not None and message.tls.sni == host


def test_the_man_in_the_middle_removes_starttls_and_nothing_else(
    world: World,
) -> None:
    host = "mx.may-stripped.example"
    with smtplib.SMTP() as client:
        client.connect(world.front_address(host), 25)
        client.ehlo("client.example")
        assert not client.has_extn("starttls")
        assert client.has_extn("pipelining")
    with smtplib.SMTP() as client:
        client.connect(world.servers[host].address, 25)
        client.ehlo("client.example")
        assert client.has_extn("starttls")


def test_injected_bytes_come_in_one_segment_with_the_220(
    world: World,
) -> None:
    address = world.front_address("mx.may-inject.example")
    with socket.create_connection((address, 25), timeout=5) as sock:
        sock.recv(4096)
        sock.sendall(b"EHLO client.example\r\n")
        sock.recv(4096)
        sock.sendall(b"STARTTLS\r\n")
        assert sock.recv(4096) == (
            b"220 2.0.0 ready\r\n250-injected\r\n250 AUTH PLAIN\r\n")


@pytest.mark.parametrize(("host", "error"), [
    ("mx.sts-alien.example", "Hostname mismatch"),
    ("mx.sts-expired.example", "certificate has expired"),
    ("mx.sts-self.example", "self-signed certificate"),
    ("mx.dane-ta.example", "certificate in certificate chain"),
])
def test_certificates_are_bad_in_the_way_that_was_meant(
    world: World, host: str, error: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=error):
        hand_over(world, host, tls=True)


def test_policy_hosts_serve_policies_and_can_be_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy_host = world.policy_hosts["sts.example"]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo",
        lambda name, *rest, **more: real(
            policy_host.address if name == policy_host.name else name,
            *rest, **more))
    context = ssl.create_default_context(cafile=world.pki.ca_file)
    url = f"https://{policy_host.name}{PATH}"
    with urllib.request.urlopen(url, context=context, timeout=5) as answer:
        assert answer.read().decode() == policy_host.policy
    assert policy_host.requests[-1].sni == policy_host.name
    policy_host.stop()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(url, context=context, timeout=5)
    policy_host.start()
    with urllib.request.urlopen(url, context=context, timeout=5) as answer:
        assert answer.status == 200


def test_the_catalogue_is_consistent() -> None:
    addressed = {
        domain.host(owner) for domain in DOMAINS.values()
        for owner, rdtype, _ in domain.records if rdtype in ("A", "AAAA")
    }
    for domain in DOMAINS.values():
        names = {domain.host(host.name) for host in domain.hosts}
        for _preference, exchange in domain.exchanges():
            assert exchange in names | addressed or exchange in {
                other.host(host.name)
                for other in DOMAINS.values() for host in other.hosts
            }, f"{domain.name}: no host {exchange}"


def test_a_rich_host_keeps_parameters_and_puts_chunks_together(
    world: World,
) -> None:
    server = world.servers["mx.rich.example"]
    with smtplib.SMTP(server.address, timeout=10) as client:
        client.ehlo("client.sender.example")
        assert {"chunking", "dsn", "smtputf8"} <= set(client.esmtp_features)
        client.mail("zo\xeb@a.example", ["SMTPUTF8", "RET=HDRS"])
        client.rcpt("b@rich.example", ["NOTIFY=NEVER"])
        for chunk in (b"BDAT 4\r\n.\r\nx", b"BDAT 0 LAST\r\n"):
            client.send(chunk)
            assert client.getreply()[0] == 250
    message = server.messages[-1]
    assert message.content == b".\r\nx"
    assert (message.sender, message.mail_parameters) == (
        "zo\xeb@a.example", ["SMTPUTF8", "RET=HDRS"])
    assert message.rcpt_parameters == [["NOTIFY=NEVER"]]
    assert message.chunks == 2
