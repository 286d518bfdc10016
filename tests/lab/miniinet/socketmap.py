# SPDX-License-Identifier: BSD-2-Clause
"""Postfix's socketmap protocol: a client of it, and a Postfix that has one.

This Postfix finds the hosts of its recipients by itself, with a resolver that
validates, and asks the gateway what to require of them.
"""

from __future__ import annotations

import re
import secrets
import shutil
import smtplib
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from .mta_kinds import POSTFIX
from .mtas import SETUP
from .procs import Child
from .smtp import Message
from .world import World

READY_SECONDS = 30.0
SETTLE_SECONDS = 45.0
NAME = "out.sender.example"

CONFIG = """\
compatibility_level = 3.6
maillog_file = /lab/postfix-log
maillog_file_prefixes = /lab
myhostname = {name}
mydestination =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtp_bind_address = {address}
smtpd_peername_lookup = no
smtp_host_lookup = dns
smtp_dns_support_level = dnssec
smtp_tls_security_level = may
smtp_tls_policy_maps = {policy_maps}
smtp_tls_dane_insecure_mx_policy = dane
smtp_tls_fingerprint_digest = sha256
smtp_tls_CAfile = /lab/ca.pem
smtp_tls_loglevel = 1
smtp_connect_timeout = 3s
smtp_helo_timeout = 8s
smtp_starttls_timeout = 8s
"""

RESOLV_CONF = """
rm -f /etc/resolv.conf
printf 'nameserver %s\\noptions trust-ad\\n' {resolver} > /etc/resolv.conf
"""


@dataclass
class Sent:
    """What became of a message of Postfix."""

    status: str  # sent, deferred or bounced
    reply: str
    arrived: list[tuple[str, Message]]  # host, and the message there
    violations: list[str]  # what crossed in clear where nothing may


class Client:
    """One connection to a socketmap; a context manager."""

    def __init__(self, where: Path | tuple[str, int]) -> None:
        unix = isinstance(where, Path)
        self._sock = socket.socket(
            socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_STREAM)
        self._sock.settimeout(SETTLE_SECONDS)
        self._sock.connect(str(where) if unix else where)
        self._file = self._sock.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        self._sock.close()

    def send(self, key: str, name: str = "policy") -> None:
        text = f"{name} {key}".encode()
        self._sock.sendall(b"%d:%s," % (len(text), text))

    def reply(self) -> str:
        length = b""
        while not length.endswith(b":"):
            byte = self._file.read(1)
            if not byte:
                raise EOFError("the socketmap has closed the connection")
            length += byte
        text = self._file.read(int(length[:-1]))
        assert self._file.read(1) == b","
        return text.decode()

    def ask(self, key: str, name: str = "policy") -> str:
        self.send(key, name)
        return self.reply()


class Sender:
    """That Postfix; a context manager."""

    def __init__(
        self, world: World, folder: Path, address: str, resolver: str,
        packages: Sequence[Path],
    ) -> None:
        self.world = world
        self.address = address
        self.resolver = resolver
        self.packages = packages
        self.lab = folder  # shown as /lab inside
        self.work = folder.with_name(folder.name + "-root")
        self._child: Child | None = None

    def __enter__(self) -> Sender:
        self.work.mkdir()
        self.lab.chmod(0o777)
        shutil.copy(self.world.pki.ca_file, self.lab / "ca.pem")
        (self.lab / "main.cf").write_text(CONFIG.format(
            name=NAME, address=self.address,
            policy_maps="socketmap:unix:/lab/policy:policy"))
        (self.lab / "start").write_text(
            RESOLV_CONF.format(resolver=self.resolver) + POSTFIX.start)
        self._child = Child(
            ["unshare", "--mount", "--propagation", "private", "--",
             "sh", "-c", SETUP, "setup", self.work, self.lab,
             *self.packages, "--"],
            self.lab / "log")
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self._child.running():
            if self._greets():
                return self
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError(f"Postfix does not answer:\n{self.log()}")

    def __exit__(self, *_error: object) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _greets(self) -> bool:
        try:
            with smtplib.SMTP(self.address, 25, timeout=5) as client:
                return client.ehlo(NAME)[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def log(self) -> str:
        return "\n".join(
            path.read_text(errors="replace")
            for path in sorted(self.lab.glob("*log")) if path.is_file())

    def send(self, domain: str) -> Sent:
        """A message of a word found nowhere else; what became of it."""
        canary = f"canary-{secrets.token_hex(8)}"
        since = time.monotonic()
        with smtplib.SMTP(self.address, 25, timeout=30) as client:
            client.ehlo(NAME)
            client.sendmail(
                "alice@sender.example", [f"{canary}@{domain}"],
                f"Subject: {canary}\r\n\r\n{canary}\r\n")
        end = re.compile(
            rf"to=<{canary}@.*status=(sent|deferred|bounced) \((.*)\)$",
            re.MULTILINE)
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            if found := end.search(self.log()):
                return self._sent(canary.encode(), since, found)
            time.sleep(0.05)
        raise AssertionError(f"{domain}: nothing happened:\n"
                             f"{self.log()[-6000:]}")

    def _sent(
        self, canary: bytes, since: float, end: re.Match[str]
    ) -> Sent:
        arrived = [
            (host, message) for host, server in self.world.servers.items()
            for message in list(server.messages) if canary in message.content
        ]
        return Sent(end[1], end[2], arrived,
                    self.world.violations([canary], since))
