# SPDX-License-Identifier: BSD-2-Clause
"""Domains that publish nothing, and what any sender owes them."""

from __future__ import annotations

import time
from email import message_from_bytes
from email.message import Message as Mime

import pytest
from miniinet.catalogue import STAGES
from miniinet.gateway import SENDER, Gateway, Mail, Result
from miniinet.smtp import Message
from miniinet.world import World

SENDER_HOST = "mx.sender.example"
SECONDS = 30.0


def test_tls_18_an_untrusted_certificate_still_encrypts(
    gateway: Gateway,
) -> None:
    record = gateway.send("may.example").delivered(
        "mx.may.example", required="may", reached="encrypted")
    assert record["method"] == "none"
    assert record["grade"] not in ("trusted", "verified")


@pytest.mark.parametrize("word", ["454", "502"])
def test_tls_16_a_refused_starttls_goes_on_in_the_same_session(
    gateway: Gateway, world: World, word: str
) -> None:
    host = f"mx.may-{word}.example"
    record = gateway.send(f"may-{word}.example").delivered(
        host, required="may", reached="plaintext")
    assert record["plaintext"] is True
    session, = world.servers[host].sessions
    assert session.clear_verbs()[:3] == ["EHLO", "STARTTLS", "MAIL"]


@pytest.mark.parametrize("word", ["close", "alert", "stall", "inject"])
def test_tls_17_b2_1_a_failed_handshake_is_followed_by_one_clear_session(
    gateway: Gateway, world: World, word: str
) -> None:
    host = f"mx.may-{word}.example"
    result = gateway.result(gateway.submit(f"may-{word}.example"))
    assert result.queued is None, str(result)
    record = result.records[-1]
    assert record["reached"] == "plaintext", str(result)
    assert record["clear-retry"] is True
    failed, clear = world.servers[host].sessions[-2:]
    assert b"MAIL" not in failed.clear_in  # TLS-12: that session is over
    assert "STARTTLS" not in clear.clear_verbs()
    assert "MAIL" in clear.clear_verbs()


@pytest.mark.parametrize("domain", ["may-clear", "may-stripped"])
def test_inv_07_no_starttls_and_nothing_required_is_clear_and_recorded(
    gateway: Gateway, domain: str
) -> None:
    record = gateway.send(f"{domain}.example").delivered(
        f"mx.{domain}.example", required="may", reached="plaintext")
    assert record["plaintext"] is True
    listed = gateway.plaintext()["plaintext"]
    assert record["number"] in [entry["number"] for entry in listed]


def test_smtp_28_of_equal_hosts_the_one_with_tls_is_used(
    gateway: Gateway, world: World
) -> None:
    """One of three has no STARTTLS, one does not exist: never clear text."""
    for _ in range(8):
        result = gateway.send("uneven.example")
        record = result.records[-1]
        assert result.queued is None, str(result)
        assert record["host"] == "tls.uneven.example", str(result)
        assert record["reached"] == "encrypted", str(result)
        (host, message), = result.arrived
        assert host == "tls.uneven.example" and message.tls is not None
    for session in world.servers["clear.uneven.example"].sessions:
        assert "MAIL" not in session.clear_verbs()


def test_smtp_28_clear_text_when_the_host_with_tls_is_down(
    gateway: Gateway, world: World
) -> None:
    world.servers["tls.uneven.example"].stop()
    try:
        result = gateway.send("uneven.example")
    finally:
        world.servers["tls.uneven.example"].start()
    assert [host for host, _ in result.arrived] == ["clear.uneven.example"]
    assert result.records[-1]["reached"] == "plaintext"


@pytest.mark.parametrize("stage", STAGES)
def test_smtp_40_b2_2_a_temporary_refusal_tries_the_next_host(
    gateway: Gateway, stage: str
) -> None:
    domain = f"later-{stage.lower()}.example"
    result = gateway.send(domain)
    result.delivered(f"mx2.{domain}", required="may", reached="encrypted")
    first = result.at(f"mx1.{domain}")
    assert first["outcome"] in ("deferred", "unreachable")
    assert first["reply-code"] == 451


@pytest.mark.parametrize("stage", ["greeting", "EHLO"])
def test_smtp_33_a_refused_session_tries_the_next_host(
    gateway: Gateway, stage: str
) -> None:
    domain = f"never-{stage.lower()}.example"
    gateway.send(domain).delivered(f"mx2.{domain}", required="may",
                                   reached="encrypted")


def test_smtp_36_a_slow_server_is_waited_for(gateway: Gateway) -> None:
    gateway.send("slow.example").delivered(
        "mx.slow.example", required="may", reached="encrypted")


def test_smtp_04_content_arrives_as_it_was_sent(gateway: Gateway) -> None:
    result = gateway.send("may.example")
    content = result.arrived[0][1].content
    assert content.endswith(
        f"\r\n\r\n{result.mail.canary}\r\n"
        ".a line that begins with a dot\r\n".encode())
    assert content.startswith(b"Received: ")


# ---- what comes back ----


def report_about(world: World, mail: Mail) -> Mime:
    """The one delivery report that the sender got about a message."""
    found: list[Message] = [
        message for message in world.servers[SENDER_HOST].messages
        if mail.recipient.encode() in message.content
        and mail.canary.encode() in message.content
    ]
    report, = found
    assert report.sender == ""
    assert report.recipients == [SENDER]
    assert report.tls is not None
    return message_from_bytes(report.content)


def status_of(report: Mime) -> Mime:
    assert report.get_content_type() == "multipart/report"
    part = report.get_payload(1)
    assert part.get_content_type() == "message/delivery-status"
    return part.get_payload(1)


def returned(gateway: Gateway, domain: str) -> tuple[Result, Mail]:
    mail = gateway.submit(domain)
    result = gateway.result(mail)
    assert result.queued is None, str(result)
    assert result.arrived == [], str(result)
    gateway.wait_for_report(mail)
    return result, mail


@pytest.mark.parametrize(("domain", "status"), [
    ("null-mx.example", "5.1.10"),
    ("no-such-domain.example", "5.1.2"),
    ("dead-mx.example", "5.4.4"),
])
def test_smtp_32_dns_16_nowhere_to_send_is_told_at_once(
    gateway: Gateway, world: World, domain: str, status: str
) -> None:
    result, mail = returned(gateway, domain)
    assert result.connections == []
    fields = status_of(report_about(world, mail))
    assert fields["Action"] == "failed"
    assert fields["Status"] == status
    assert fields["Diagnostic-Code"] is None  # no remote host spoke


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "end"])
def test_smtp_38_smtp_40_a_permanent_refusal_is_final_and_is_told(
    gateway: Gateway, world: World, stage: str
) -> None:
    domain = f"never-{stage.lower()}.example"
    result, mail = returned(gateway, domain)
    assert result.at(f"mx1.{domain}")["outcome"] == "rejected"
    assert result.connections == [f"mx1.{domain}"]
    fields = status_of(report_about(world, mail))
    assert fields["Status"] == "5.7.0"
    assert "550 5.7.0 never" in fields["Diagnostic-Code"]
    assert fields["Final-Recipient"].endswith(mail.recipient)


# ---- the queue ----


def test_inv_14_mail_that_waits_survives_a_restart(
    gateway: Gateway, world: World
) -> None:
    server = world.servers["mx.legacy.example"]
    server.stop()
    try:
        result = gateway.send("legacy.example")
        assert result.queued is not None
        assert result.at("mx.legacy.example")["outcome"] == "unreachable"
        gateway.restart()
        assert result.mail.id in [row["id"] for row in gateway.queue()]
    finally:
        server.start()
    final = gateway.wait_delivered(result.mail)
    assert [host for host, _ in final.arrived] == ["mx.legacy.example"]


def test_the_command_line_hands_in_a_message(
    gateway: Gateway, world: World
) -> None:
    canary = "canary-by-the-command-line"
    done = gateway.command(
        "submit", "-f", SENDER, "bob@may.example",
        text=f"From: {SENDER}\nSubject: {canary}\n\n{canary}\n")
    assert done.returncode == 0, done.stderr
    server = world.servers["mx.may.example"]
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = [m for m in server.messages if canary.encode() in m.content]
        if found:
            break
        time.sleep(0.1)
    message, = found
    assert message.content.endswith(f"\r\n\r\n{canary}\r\n".encode())
