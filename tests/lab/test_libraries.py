# SPDX-License-Identifier: BSD-2-Clause
"""Mail libraries in front of the gateway and behind it."""

from __future__ import annotations

import base64
import hashlib
import secrets
import shutil
import smtplib
import subprocess
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Callable, Iterator, TypeVar

import pytest
from miniinet import node
from miniinet.catalogue import GATEWAY_NAME
from miniinet.gateway import SENDER, Gateway
from miniinet.letters import CLIENT, ENVID, ORCPT, letter, trusting
from miniinet.node import MailHost, MailHosts
from miniinet.smtp import Message
from miniinet.world import World

HOST = "127.0.0.1"
STARTTLS, IMPLICIT = 1588, 1466
USER, PASSWORD = "alice", "correct horse"
SINK = "mx.rich.example"
RECIPIENT = "bob@rich.example"
ATTACHED_BYTES = 5 << 20
SECONDS = 30.0

NODE_HOSTS = (
    MailHost("mx.node.example"),
    MailHost("mx.node-strict.example"),
    MailHost("mx.node-clear.example",
             {"disabledCommands": ["STARTTLS"], "hideSTARTTLS": True}),
)

T = TypeVar("T")


@pytest.fixture(scope="module")
def gateway(world: World, binary: Path) -> Iterator[Gateway]:
    """It has listeners for those who authenticate."""
    made = Gateway(world, binary, "libraries")
    accounts = made.folder / "accounts"
    line = subprocess.run(
        [binary, "password", USER], input=PASSWORD + "\n",
        capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    accounts.write_text(f"{line}:@sender.example\n")
    accounts.chmod(0o640)
    shutil.chown(accounts, "nobody", "nogroup")
    made.options["intake"] = {"accounts": accounts}
    made.options["listen"] += [
        {"address": f"{HOST}:{STARTTLS}", "role": "submission"},
        {"address": f"{HOST}:{IMPLICIT}", "role": "submission",
         "tls": "implicit"},
    ]
    made.write_config()
    with made as running:
        yield running
        assert running.child().running(), running.log()[-6000:]


@pytest.fixture
def packages(node_packages: Path | str) -> Path:
    if isinstance(node_packages, str):
        pytest.skip(node_packages)
    return node_packages


@pytest.fixture(scope="module")
def hosts(world: World, node_packages: Path | str) -> Iterator[MailHosts]:
    if isinstance(node_packages, str):
        pytest.skip(node_packages)
    with MailHosts(world, node_packages, NODE_HOSTS) as running:
        yield running


def wait_for(look: Callable[[], T], complaint: Callable[[], str]) -> T:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(complaint())


def arrival(world: World, gateway: Gateway, canary: str) -> Message:
    """The one message at the sink that carries the word."""
    message, = wait_for(
        lambda: [m for m in world.servers[SINK].messages
                 if canary.encode() in m.content], gateway.log)
    assert message.tls is not None
    return message


def new_canary() -> str:
    return f"canary-{secrets.token_hex(8)}"


# ---- nodemailer ----


def relay(gateway: Gateway, world: World) -> dict[str, Any]:
    """Over STARTTLS, and only to a gateway that proves its name."""
    return {
        "host": HOST, "port": gateway.listen[1], "secure": False,
        "requireTLS": True, "name": CLIENT,
        "tls": {"ca": world.pki.ca_file.read_text(),
                "servername": GATEWAY_NAME},
    }


@pytest.mark.parametrize("port", [STARTTLS, IMPLICIT])
def test_interop_nodemailer_authenticates_and_hands_in_attachments(
    gateway: Gateway, world: World, packages: Path, port: int
) -> None:
    canary = new_canary()
    octets = secrets.token_bytes(ATTACHED_BYTES)
    transport = {
        **relay(gateway, world), "port": port, "secure": port == IMPLICIT,
        "auth": {"user": USER, "pass": PASSWORD},
    }
    info = node.submit(packages, transport, {
        "from": f"Alice <{SENDER}>", "to": f"Bøb <{RECIPIENT}>",
        "subject": f"{canary} – mit Anhang", "text": "Grüße\n.\n..\n",
        "attachments": [{
            "filename": "Größe.bin", "encoding": "base64",
            "content": base64.b64encode(octets).decode()}],
    })
    assert info.get("accepted") == [RECIPIENT], info
    message = arrival(world, gateway, canary)
    parsed = message_from_bytes(message.content, policy=policy.default)
    text, attached = parsed.iter_parts()
    assert text.get_content().splitlines() == ["Grüße", ".", ".."]
    assert attached.get_filename() == "Größe.bin"
    assert (hashlib.sha256(attached.get_content()).digest()
            == hashlib.sha256(octets).digest())
    assert "with ESMTPSA " in parsed["Received"]


def test_interop_nodemailer_is_told_of_a_wrong_password(
    gateway: Gateway, world: World, packages: Path
) -> None:
    info = node.submit(
        packages,
        {**relay(gateway, world), "port": STARTTLS,
         "auth": {"user": USER, "pass": "wrong"}},
        {"from": SENDER, "to": RECIPIENT, "text": "x"})
    assert info["code"] == 535, info


@pytest.mark.parametrize("what", ["8bit", "utf8", "dsn", "large"])
def test_interop_nodemailer_sends_through_the_gateway(
    gateway: Gateway, world: World, packages: Path, what: str
) -> None:
    mark = "ö" if what == "utf8" else ""
    sent = letter(what, f"alice{mark}@sender.example",
                  f"bob{mark}@rich.example")
    mail = node.raw(sent, use8BitMime=what != "large")
    if what == "dsn":
        mail["dsn"] = {"id": "QQ314159+x", "return": "headers",
                       "notify": ["success", "failure"],
                       "recipient": "bob+billing@other.example"}
    info = node.submit(packages, relay(gateway, world), mail)
    assert info.get("accepted") == [sent.recipient], info
    message = arrival(world, gateway, sent.canary)
    assert sent.same(message.content), message.content[-4096:]
    assert (message.sender, message.recipients) == (
        sent.sender, [sent.recipient])
    assert ("SMTPUTF8" in message.mail_parameters) == (what == "utf8")
    assert ("BODY=8BITMIME" in message.mail_parameters) == (what != "large")
    if what == "dsn":
        assert {"RET=HDRS", f"ENVID={ENVID}"} <= set(message.mail_parameters)
        assert sorted(message.rcpt_parameters[0]) == [
            "NOTIFY=SUCCESS,FAILURE", f"ORCPT={ORCPT}"]


# ---- smtp-server ----


@pytest.mark.parametrize("what", ["8bit", "utf8", "dsn", "large"])
def test_interop_smtp_server_receives_from_the_gateway(
    gateway: Gateway, world: World, hosts: MailHosts, what: str
) -> None:
    mark = "ö" if what == "utf8" else ""
    sent = letter(what, f"alice{mark}@sender.example",
                  f"bob{mark}@node.example")
    result = gateway.result(gateway.hand_in(sent))
    assert result.queued is None, str(result)
    record = result.at("mx.node.example")
    assert (record["required"], record["reached"], record["method"]) == (
        "verify", "verified", "dane"), str(result)
    received, = hosts.received("mx.node.example", sent)
    assert sent.same(received.content), received.content[-4096:]
    assert received.tls
    mail, rcpt, = (received.envelope["mailFrom"],
                   received.envelope["rcptTo"][0])
    assert (mail["address"], rcpt["address"]) == (sent.sender, sent.recipient)
    assert bool(mail["args"].get("SMTPUTF8")) == (what == "utf8")
    assert (mail["args"].get("BODY") == "8BITMIME") == (what != "large")
    if what == "dsn":
        # It has decoded what was xtext.
        assert received.envelope["dsn"] == {"ret": "HDRS",
                                            "envid": "QQ314159+x"}
        assert rcpt["dsn"] == {"notify": ["SUCCESS", "FAILURE"],
                               "orcpt": "rfc822;bob+billing@other.example"}


def test_interop_smtp_server_that_fails_its_domains_policy_gets_nothing(
    gateway: Gateway, hosts: MailHosts
) -> None:
    result = gateway.send("node-strict.example")
    result.held("mx.node-strict.example", "tls-failed")
    assert "self-signed certificate" in result.queued["reason"]


def test_interop_smtp_server_without_starttls_is_recorded_as_plaintext(
    gateway: Gateway, hosts: MailHosts
) -> None:
    sent = letter("8bit", SENDER, "bob@node-clear.example")
    result = gateway.result(gateway.hand_in(sent))
    record = result.at("mx.node-clear.example")
    assert (record["required"], record["reached"]) == ("may", "plaintext")
    received, = hosts.received("mx.node-clear.example", sent)
    assert sent.same(received.content)
    assert received.tls is False


# ---- Python, swaks ----


def login(world: World, port: int) -> smtplib.SMTP:
    context = trusting(str(world.pki.ca_file))
    if port == IMPLICIT:
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            HOST, port, CLIENT, timeout=30, context=context)
    else:
        client = smtplib.SMTP(HOST, port, CLIENT, timeout=30)
        client.starttls(context=context)
    client.login(USER, PASSWORD)
    return client


@pytest.mark.parametrize("port", [STARTTLS, IMPLICIT])
def test_interop_smtplib_sends_messages_with_addresses_in_utf8(
    gateway: Gateway, world: World, port: int
) -> None:
    canary = new_canary()
    message = EmailMessage(policy=policy.SMTPUTF8)
    message["From"] = "Zoë <zoë@sender.example>"
    message["To"] = "bøb@rich.example"
    message["Subject"] = f"{canary} – Grüße"
    message.set_content("Grüße\n.\n", cte="8bit")
    with login(world, port) as client:
        client.send_message(message)
    arrived = arrival(world, gateway, canary)
    assert arrived.sender == "zoë@sender.example"
    assert arrived.recipients == ["bøb@rich.example"]
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(arrived.mail_parameters)
    parsed = message_from_bytes(arrived.content, policy=policy.default)
    assert "with UTF8SMTPSA " in parsed["Received"]
    assert parsed["From"] == "Zoë <zoë@sender.example>"
    assert parsed["Subject"] == f"{canary} – Grüße"
    assert arrived.content.endswith("\r\n\r\nGrüße\r\n.\r\n".encode())


@pytest.mark.skipif(shutil.which("swaks") is None,
                    reason="swaks is missing: apt-get install swaks")
def test_interop_swaks_pipelines(gateway: Gateway, world: World) -> None:
    canary = new_canary()
    done = subprocess.run(
        ["swaks", "--server", f"{HOST}:{STARTTLS}", "--tls", "--pipeline",
         "--auth", "PLAIN", "--auth-user", USER, "--auth-password", PASSWORD,
         "--ehlo", CLIENT, "--from", SENDER, "--to", RECIPIENT,
         "--header", f"Subject: {canary}"],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert arrival(world, gateway, canary).sender == SENDER
