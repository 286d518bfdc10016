# SPDX-License-Identifier: BSD-2-Clause
"""Mail of people and programs: accounts, certificates, load balancers."""

from __future__ import annotations

import base64
import hashlib
import shutil
import signal
import smtplib
import socket
import ssl
import struct
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from miniinet.gateway import Gateway
from miniinet.pki import CertSpec, Identity, Issuer
from miniinet.world import World

HOST = "127.0.0.1"
STARTTLS, IMPLICIT, RELAY = 1587, 1465, 1026
PASSWORD = "correct horse"
SENDER = "alice@sender.example"
RCPT = "bob@dane.example"
SECONDS = 10.0
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def context(identity: Identity | None = None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if identity is not None:
        made.load_cert_chain(identity.path)
    return made


def fingerprint(identity: Identity) -> str:
    der = identity.leaf.public_bytes(serialization.Encoding.DER)
    return hashlib.sha256(der).hexdigest()


class Setting:
    """A gateway with listeners for everyone who has to authenticate."""

    def __init__(self, world: World, binary: Path) -> None:
        pki = world.pki
        private = CertSpec(issuer=Issuer.PRIVATE, client=True)
        own = CertSpec(issuer=Issuer.SELF, client=True)
        self.app = pki.issue(own, "app.sender.example")
        self.stranger = pki.issue(own, "app.sender.example")
        self.printer = pki.issue(private, "printer.sender.example")
        self.gateway = Gateway(world, binary, "submission")
        self.accounts = self.gateway.folder / "accounts"
        self.write_accounts(
            self.line("alice", PASSWORD, SENDER),
            "app:!:@sender.example\n", "printer:!\n")
        base = self.gateway.options
        base["intake"] = {"accounts": self.accounts,
                          "client-ca": pki.private_file,
                          "tarpit-delay": "0s"}
        certificates = [f"SHA256:{fingerprint(self.app)}=app",
                        "CA:printer.sender.example=printer"]
        base["listen"] += [
            {"address": f"{HOST}:{STARTTLS}", "role": "submission",
             "certificates": certificates},
            {"address": f"{HOST}:{IMPLICIT}", "role": "submission",
             "tls": "implicit", "certificates": certificates},
            {"address": f"{HOST}:{RELAY}", "allow": ["10.0.0.0/8"],
             "proxy": [f"{HOST}/32"]},
        ]
        self.gateway.write_config()

    def line(self, name: str, password: str, senders: str) -> str:
        made = subprocess.run(
            [self.gateway.binary, "password", name], input=password + "\n",
            capture_output=True, text=True, timeout=60, check=True)
        return f"{made.stdout.strip()}:{senders}\n"

    def write_accounts(self, *lines: str) -> None:
        self.accounts.write_text("".join(lines))
        self.accounts.chmod(0o640)
        shutil.chown(self.accounts, "nobody", "nogroup")

    def reload(self) -> None:
        told = self.gateway.log().count("reloaded")
        self.gateway.child().send(signal.SIGHUP)
        wait_for(lambda: self.gateway.log().count("reloaded") > told)


def wait_for(true) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def setting(world: World, binary: Path) -> Iterator[Setting]:
    made = Setting(world, binary)
    with made.gateway as running:
        yield made
        assert running.child().running(), running.log()[-6000:]


def starttls(identity: Identity | None = None) -> smtplib.SMTP:
    client = smtplib.SMTP(HOST, STARTTLS, timeout=30)
    client.ehlo("client.sender.example")
    client.starttls(context=context(identity))
    client.ehlo("client.sender.example")
    return client


def implicit(identity: Identity | None = None) -> smtplib.SMTP_SSL:
    client = smtplib.SMTP_SSL(HOST, IMPLICIT, timeout=30,
                              context=context(identity))
    client.ehlo("client.sender.example")
    return client


def received(world: World, word: str) -> str:
    """The message that carries word, once it has arrived."""
    found: list[str] = []

    def look() -> bool:
        found.extend(
            m.content.decode() for m in world.servers["mx.dane.example"]
            .messages if word.encode() in m.content)
        return bool(found)

    wait_for(look)
    return found[0]


@pytest.mark.parametrize("connect", [starttls, implicit])
def test_smtp_23_an_account_hands_in_mail(
    setting: Setting, world: World, connect
) -> None:
    word = f"word-{connect.__name__}"
    with connect() as client:
        assert client.esmtp_features["auth"].split() == ["PLAIN"]
        code, _ = client.mail(SENDER)
        assert code == 530
        client.login("alice", PASSWORD)
        client.sendmail(SENDER, [RCPT], f"Subject: {word}\r\n\r\nx\r\n")
    content = received(world, word)
    assert "with ESMTPSA " in content
    assert "alice\r\n" not in content.replace(SENDER, "")
    assert content.count("\r\nDate: ") == 1
    assert content.count("\r\nMessage-ID: <") == 1
    assert "submitted" in setting.gateway.log()


def test_smtp_23_a_wrong_password_opens_nothing(setting: Setting) -> None:
    with starttls() as client:
        for name, password in (("alice", "x"), ("nobody", PASSWORD)):
            with pytest.raises(smtplib.SMTPAuthenticationError) as error:
                client.login(name, password)
            assert error.value.smtp_code == 535
        assert client.mail(SENDER)[0] == 530


def test_b1_11_no_listener_relays_for_strangers(setting: Setting) -> None:
    with smtplib.SMTP(HOST, STARTTLS, timeout=30) as client:
        client.ehlo("client.sender.example")
        assert "auth" not in client.esmtp_features
        text = base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode()
        assert client.docmd("AUTH", f"PLAIN {text}")[0] >= 500
        assert client.mail(SENDER)[0] == 530
    with starttls() as client:
        client.login("alice", PASSWORD)
        assert client.mail("mallory@sender.example")[0] == 553


def test_a_new_password_counts_after_a_reload(setting: Setting) -> None:
    old = setting.accounts.read_text()
    try:
        setting.write_accounts(setting.line("alice", "another", SENDER))
        setting.reload()
        with starttls() as client:
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("alice", PASSWORD)
            client.login("alice", "another")
    finally:
        setting.write_accounts(old)
        setting.reload()


def test_a_mistake_in_the_accounts_changes_nothing(setting: Setting) -> None:
    old = setting.accounts.read_text()
    try:
        setting.write_accounts("alice:$1$abc$" + "x" * 22 + "\n")
        setting.gateway.child().send(signal.SIGHUP)
        wait_for(lambda: f"{setting.accounts}:1: "
                 in setting.gateway.log())
        with starttls() as client:
            client.login("alice", PASSWORD)
    finally:
        setting.write_accounts(old)
        setting.reload()


@pytest.mark.parametrize("name", ["app", "printer"])
def test_smtp_23_a_client_certificate_is_an_account(
    setting: Setting, world: World, name: str
) -> None:
    with implicit(getattr(setting, name)) as client:
        assert "EXTERNAL" in client.esmtp_features["auth"]
        assert client.docmd("AUTH", "EXTERNAL =")[0] == 235
        client.sendmail("x@sender.example", [RCPT],
                        f"Subject: word-{name}\r\n\r\nx\r\n")
    received(world, f"word-{name}")


def test_smtp_23_the_certificate_of_a_stranger_is_worth_nothing(
    setting: Setting
) -> None:
    with implicit(setting.stranger) as client:
        assert "EXTERNAL" not in client.esmtp_features["auth"]
        assert client.docmd("AUTH", "EXTERNAL =")[0] >= 500
        client.login("alice", PASSWORD)


def proxy_header(client: str) -> bytes:
    return (SIGNATURE + b"\x21\x11\0\x0c" + socket.inet_aton(client)
            + socket.inet_aton(HOST) + struct.pack(">HH", 40000, RELAY))


@pytest.mark.parametrize("client, code", [("10.1.2.3", b"250"),
                                          ("192.0.2.1", b"550")])
def test_smtp_13_the_balancers_client_is_the_client(
    setting: Setting, client: str, code: bytes
) -> None:
    with socket.create_connection((HOST, RELAY), timeout=30) as sock:
        stream = sock.makefile("rwb", buffering=0)
        stream.write(proxy_header(client))
        assert stream.readline().startswith(b"220 ")
        stream.write(b"HELO client.example\r\n")
        assert stream.readline().startswith(b"250 ")
        stream.write(f"MAIL FROM:<{SENDER}>\r\n".encode())
        assert stream.readline().startswith(b"250 ")
        stream.write(f"RCPT TO:<{RCPT}>\r\n".encode())
        assert stream.readline().startswith(code)


@pytest.mark.parametrize("start", [
    b"PROXY TCP4 10.1.2.3 127.0.0.1 40000 25\r\n", b"EHLO x\r\n",
    b"\x16\x03\x01\x02\x00\x01"])
def test_a_balancer_without_a_header_is_cut(
    setting: Setting, start: bytes
) -> None:
    with socket.create_connection((HOST, RELAY), timeout=30) as sock:
        sock.sendall(start)
        try:
            assert sock.recv(512) == b""
        except ConnectionResetError:
            pass


@pytest.mark.skipif(shutil.which("swaks") is None,
                    reason="swaks is missing: apt-get install swaks")
@pytest.mark.parametrize("words", [
    ["--port", str(STARTTLS), "--tls"],
    ["--port", str(IMPLICIT), "--tls-on-connect"]])
def test_smtp_24_swaks_hands_in_mail(
    setting: Setting, words: list[str]
) -> None:
    done = subprocess.run(
        ["swaks", "--server", HOST, *words, "--auth", "PLAIN",
         "--auth-user", "alice", "--auth-password", PASSWORD,
         "--from", SENDER, "--to", RCPT, "--ehlo", "client.sender.example"],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


# ---- files that the master reads ----


def refused(gateway: Gateway) -> str:
    """What it says when it does not start."""
    gateway.spawn()
    wait_for(lambda: not gateway.child().running())
    assert gateway.stop() == 78
    return gateway.log()


def test_accounts_that_others_can_read_are_refused(
    world: World, binary: Path
) -> None:
    gateway = Gateway(world, binary, "open-accounts")
    accounts = gateway.folder / "accounts"
    accounts.write_text("app:!\n")
    accounts.chmod(0o644)
    gateway.options["intake"] = {"accounts": accounts}
    gateway.write_config()
    assert "chmod o= it" in refused(gateway)


def test_all_mistakes_in_the_accounts_are_told_at_start(
    world: World, binary: Path
) -> None:
    gateway = Gateway(world, binary, "bad-accounts")
    accounts = gateway.folder / "accounts"
    accounts.write_text("a:DES\n\nb:$1$x$y\n")
    accounts.chmod(0o600)
    gateway.options["intake"] = {"accounts": accounts}
    gateway.write_config()
    log = refused(gateway)
    assert f"{accounts}:1: " in log and f"{accounts}:3: " in log


def test_an_expired_certificate_is_an_alarm(
    world: World, binary: Path
) -> None:
    identity = world.pki.issue(CertSpec(expired=True), "gw-old.example")
    gateway = Gateway(world, binary, "expired")
    gateway.own_key(identity.path)
    good = gateway.options["tls"]["certificate"]
    gateway.options["tls"] = {"certificate": identity.path,
                              "key": identity.path}
    gateway.write_config()
    with gateway:
        wait_for(lambda: "error master tls-certificate-expired"
                 in gateway.log())
        gateway.reload({"tls": {"certificate": good, "key": good}})
        assert gateway.log().count("tls-certificate-expire") == 1
        gateway.reload({"tls": {"expiry-warning": "90d"}})
        assert gateway.log().count("tls-certificate-expire") == 1
