# SPDX-License-Identifier: BSD-2-Clause
"""Postfix, Exim and OpenSMTPD in front of the gateway and behind it."""

from __future__ import annotations

import smtplib
import subprocess
import time
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage
from email.message import Message as Mime
from pathlib import Path
from typing import Callable, Iterator, TypeVar

import pytest
from miniinet import letters
from miniinet.gateway import SENDER, Gateway
from miniinet.letters import Letter, letter
from miniinet.mtas import KINDS, Mta
from miniinet.smtp import Message
from miniinet.world import World

SECONDS = 45.0
SINK = "mx.rich.example"

# Required and reached levels, by which method, and whether by BDAT.
EXPECTED = {
    "postfix": ("verify", "verified", "dane", True),
    "exim": ("verify", "verified", "pkix-sts", True),
    "opensmtpd": ("may", "encrypted", "none", False),
}

# ENVID and ORCPT as their reports repeat them: Exim forgets to decode them.
ORIGINAL = {
    "postfix": ("QQ314159+x", "rfc822;bob+billing@other.example"),
    "exim": (letters.ENVID, letters.ORCPT),
}

T = TypeVar("T")


@pytest.fixture(scope="module", params=sorted(KINDS))
def mta(
    request: pytest.FixtureRequest, world: World, gateway: Gateway,
    mta_packages: dict[str, list[Path] | str],
) -> Iterator[Mta]:
    found = mta_packages[request.param]
    if isinstance(found, str):
        pytest.skip(f"{request.param}: {found}")
    with Mta(world, request.param, gateway.listen, found) as running:
        yield running


def wait_for(
    look: Callable[[], T | None], complaint: Callable[[], str]
) -> T:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(complaint())


def idle(mta: Mta) -> None:
    """Its queue is empty, or becomes so before it would try again."""
    wait_for(lambda: not mta.queue(),
             lambda: f"it keeps {mta.queue()}\n{mta.log()}")


def address(user: str, domain: str, what: str) -> str:
    return f"{user}ö@{domain}" if what == "utf8" else f"{user}@{domain}"


# ---- behind the gateway ----


@pytest.mark.parametrize("what", ["8bit", "utf8", "dsn", "large"])
def test_interop_a_real_mail_system_receives_from_the_gateway(
    gateway: Gateway, world: World, mta: Mta, what: str
) -> None:
    if what == "utf8" and not mta.kind.smtputf8:
        is_told_that_it_takes_ascii_only(gateway, world, mta)
        return
    sent = letter(what, address("alice", "sender.example", what),
                  address("bob", mta.domain, what))
    result = gateway.result(gateway.hand_in(sent))
    assert result.queued is None, f"{result}\n{mta.log()}"
    record = result.at(mta.host)
    assert record["outcome"] == "delivered", str(result)
    required, reached, method, chunked = EXPECTED[mta.name]
    assert (record["required"], record["reached"], record["method"]) == (
        required, reached, method), str(result)
    assert record["chunked"] == chunked
    assert record["clear-retry"] is False
    arrived = wait_for(lambda: in_mailbox(mta, sent), mta.log)
    assert sent.same(arrived), arrived[-4096:]
    received = parse(arrived)["Received"]
    assert "smtps" in received.lower(), received
    idle(mta)
    if what == "dsn":
        tells_of_success(gateway, world, mta, sent)


def in_mailbox(mta: Mta, sent: Letter) -> bytes | None:
    found = [m for m in mta.mailbox() if sent.canary.encode() in m]
    assert len(found) < 2
    return found[0] if found else None


def is_told_that_it_takes_ascii_only(
    gateway: Gateway, world: World, mta: Mta
) -> None:
    sent = letter("utf8", SENDER, address("bob", mta.domain, "utf8"))
    gateway.hand_in(sent)
    _message, recipient = status_of(report_on(world, gateway, sent))
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.6.7")
    assert in_mailbox(mta, sent) is None


def tells_of_success(
    gateway: Gateway, world: World, mta: Mta, sent: Letter
) -> None:
    """It got what the sender asked for, and it alone tells of it."""
    report = report_on(world, gateway, sent)
    wait_for(lambda: gateway.queue() == [], lambda: str(gateway.queue()))
    idle(mta)
    assert reports_on(world, sent) == [report]
    message, recipient = status_of(report)
    assert message["Reporting-MTA"].replace(" ", "") == f"dns;{mta.host}"
    assert recipient["Action"].startswith("delivered")
    if mta.name == "opensmtpd":  # which does not repeat them in its report
        log = mta.log()
        for parameter in (*sent.mail, *sent.rcpt):
            assert parameter in log, log
        return
    envid, orcpt = ORIGINAL[mta.name]
    assert message["Original-Envelope-Id"] == envid
    assert recipient["Original-Recipient"].replace(" ", "") == orcpt


def reports_on(world: World, sent: Letter) -> list[Message]:
    return [m for m in world.servers[f"mx.{SENDER.rpartition('@')[2]}"].messages
            if m.sender == "" and sent.canary.encode() in m.content]


def report_on(world: World, gateway: Gateway, sent: Letter) -> Message:
    return wait_for(lambda: reports_on(world, sent), gateway.log)[0]


def status_of(report: Message) -> tuple[Mime, Mime]:
    """What it says about the message and about its only recipient."""
    _text, status, *_original = parse(report.content).iter_parts()
    blocks = status.get_payload()
    if status.get_content_type() == "message/global-delivery-status":
        # To the parser a message: what is its header, and the rest.
        blocks.append(message_from_string(blocks[0].get_payload()))
    return blocks[0], blocks[1]


def parse(content: bytes) -> EmailMessage:
    parsed = message_from_bytes(content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


# ---- in front of the gateway ----


@pytest.mark.parametrize("what", ["8bit", "utf8", "dsn", "large"])
def test_interop_a_real_mail_system_sends_through_the_gateway(
    gateway: Gateway, world: World, mta: Mta, what: str
) -> None:
    sent = letter(what, address("carol", mta.domain, what),
                  address("bob", "rich.example", what))
    if what == "utf8" and not mta.kind.smtputf8:
        with pytest.raises(smtplib.SMTPNotSupportedError):
            letters.submit(sent, (mta.address, 25))
        return
    before = len(gateway.evidence())
    passed_on = mta.log().count(mta.kind.sent)
    since = time.monotonic()
    letters.submit(sent, (mta.address, 25))
    message = wait_for(
        lambda: at_sink(world, sent),
        lambda: f"nothing arrived\n{mta.log()}\n{gateway.log()}")
    assert sent.same(message.content), message.content[-4096:]
    assert (message.sender, message.recipients) == (
        sent.sender, [sent.recipient])
    assert message.tls is not None
    has_parameters(message, what)
    protocol = "UTF8SMTPS" if what == "utf8" else "ESMTPS"
    assert f"with {protocol} " in parse(message.content)["Received"]
    record, = wait_for(lambda: gateway.evidence()[before:], gateway.log)
    assert record["sender"] == in_evidence(sent.sender)
    assert (record["required"], record["reached"]) == ("verify", "verified")
    assert world.violations([sent.canary.encode()], since) == []
    wait_for(lambda: mta.log().count(mta.kind.sent) > passed_on, mta.log)
    for text in mta.kind.how:
        assert text in mta.log(), mta.log()
    idle(mta)


def in_evidence(address: str) -> str:
    """Like all that comes from outside: in printable ASCII."""
    return address.replace("ö", r"\xc3\xb6")


def at_sink(world: World, sent: Letter) -> Message | None:
    found = [m for m in world.servers[SINK].messages
             if sent.canary.encode() in m.content]
    assert len(found) < 2
    return found[0] if found else None


def has_parameters(message: Message, what: str) -> None:
    assert "BODY=8BITMIME" in message.mail_parameters or what == "large"
    assert ("SMTPUTF8" in message.mail_parameters) == (what == "utf8")
    if what == "dsn":
        assert {"RET=HDRS", f"ENVID={letters.ENVID}"} <= set(
            message.mail_parameters)
        notify, orcpt = sorted(message.rcpt_parameters[0])
        assert notify == "NOTIFY=SUCCESS,FAILURE"
        assert orcpt == f"ORCPT={letters.ORCPT}"


def test_interop_the_packages_are_what_they_say(
    mta_packages: dict[str, list[Path] | str],
) -> None:
    for kind, found in mta_packages.items():
        if isinstance(found, str):
            continue
        names = [
            subprocess.run(
                ["dpkg-deb", "-f", path, "Package"], check=True,
                capture_output=True, text=True).stdout.strip()
            for path in found
        ]
        assert names == list(KINDS[kind].packages)
