# SPDX-License-Identifier: BSD-2-Clause
"""Postfix, Exim and OpenSMTPD in front of the gateway and behind it."""

from __future__ import annotations

import secrets
import smtplib
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest
from miniinet import mtas
from miniinet.gateway import Gateway, Result
from miniinet.mtas import KINDS, Mta
from miniinet.world import World

SECONDS = 30.0
EXPECTED = {
    "postfix": ("verify", "verified", "dane"),
    "exim": ("verify", "verified", "pkix-sts"),
    # Its STARTTLS does not work, so the one clear retry is used (TLS-17).
    "opensmtpd": ("may", "plaintext", "none"),
}


@pytest.fixture(params=sorted(KINDS))
def mta(
    request: pytest.FixtureRequest, world: World, gateway: Gateway,
    mta_packages: dict[str, list[Path] | str],
) -> Iterator[Mta]:
    found = mta_packages[request.param]
    if isinstance(found, str):
        pytest.skip(f"{request.param}: {found}")
    with Mta(world, request.param, gateway.listen, found) as running:
        yield running


def test_interop_a_real_mail_system_receives_as_its_domain_asks(
    gateway: Gateway, mta: Mta
) -> None:
    kind = mta.domain.partition(".")[0]
    required, reached, method = EXPECTED[kind]
    result = gateway.send(mta.domain)
    assert result.queued is None, f"{result}\n{mta.log()}"
    record = result.at(mta.host)
    assert record["outcome"] == "delivered", str(result)
    assert (record["required"], record["reached"], record["method"]) == (
        required, reached, method), str(result)
    message = wait_for_mail(mta, result)
    received = " ".join(message.get_all("Received", [])[0].split())
    encrypted = "esmtps" in received.lower()
    assert encrypted == (reached != "plaintext"), received
    assert record["clear-retry"] is (reached == "plaintext")
    body = message.get_payload()
    assert body.endswith(
        f"{result.mail.canary}\n.a line that begins with a dot\n"), body


def wait_for_mail(mta: Mta, result: Result) -> mtas.Mime:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        for message in mta.mailbox():
            if message["Subject"] == result.mail.canary:
                return message
        time.sleep(0.1)
    raise AssertionError(f"nothing in the mailbox\n{mta.log()}")


def test_interop_a_real_mail_system_sends_through_the_gateway(
    gateway: Gateway, world: World, mta: Mta
) -> None:
    canary = f"canary-{secrets.token_hex(8)}"
    sender = f"carol@{mta.domain}"
    before = len(gateway.evidence())
    since = time.monotonic()
    with smtplib.SMTP(mta.address, 25, timeout=30) as client:
        client.sendmail(
            sender, ["bob@dane.example"],
            f"From: {sender}\r\nTo: bob@dane.example\r\n"
            f"Subject: {canary}\r\n\r\n{canary}\r\n")
    server = world.servers["mx.dane.example"]
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = [m for m in server.messages if canary.encode() in m.content]
        records = gateway.evidence()[before:]
        if found and records:
            break
        time.sleep(0.2)
    else:
        raise AssertionError(f"nothing arrived\n{mta.log()}\n{gateway.log()}")
    message, = found
    assert message.sender == sender
    assert message.tls is not None
    record, = records
    assert record["sender"] == sender
    assert (record["required"], record["reached"]) == ("verify", "verified")
    assert world.violations([canary.encode()], since) == []


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
