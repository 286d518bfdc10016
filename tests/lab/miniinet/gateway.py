# SPDX-License-Identifier: BSD-2-Clause
"""The gateway under test: its configuration, its life, what it says."""

from __future__ import annotations

import copy
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import smtplib
import socket
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Mapping, TypeVar

from .catalogue import GATEWAY_NAME
from .letters import Letter, submit, trusting
from .pki import CertSpec
from .procs import Child
from .smtp import Message
from .world import World

GATEWAY_USER = "nobody"

ADDRESS = "127.0.0.1"
FIRST_PORT = 2525
SENDER = "alice@sender.example"
READY_SECONDS = 20.0
SETTLE_SECONDS = 45.0
COMMAND_SECONDS = 60.0
# Commands of two words; those of `report tlsrpt` have three.
GROUPS = ("evidence", "exception", "policy", "queue", "report")

_ports = itertools.count(FIRST_PORT)

Options = Mapping[str, Any]
Record = dict[str, Any]
T = TypeVar("T")


def find_binary() -> Path | None:
    """$TIERPOST, or tierpost where `make` in the source tree leaves it."""
    named = os.environ.get("TIERPOST")
    path = Path(named) if named else (
        Path(__file__).resolve().parents[3] / "tierpost")
    return path.resolve() if os.access(path, os.X_OK) else None


def after(seconds: float) -> str:
    """A time from now as the configuration has it."""
    moment = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def render(value: Any, depth: int = 0) -> str:
    """A value in libconfig's grammar."""
    pad = "  " * depth
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inner = "".join(
            f"{pad}  {key} = {render(item, depth + 1)};\n"
            for key, item in value.items()
        )
        return "{\n" + inner + pad + "}"
    if isinstance(value, list):
        parts = [render(item, depth + 1) for item in value]
        groups = any(isinstance(item, Mapping) for item in value)
        sep = f",\n{pad}  " if groups else ", "
        left, right = ("( ", " )") if groups or not value else ("[", "]")
        return left + sep.join(parts) + right
    return json.dumps(str(value)) if isinstance(value, (str, Path)) else (
        str(value))


def merge(base: dict[str, Any], extra: Options) -> dict[str, Any]:
    merged = copy.deepcopy(base)
    for key, value in extra.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def exception(name: str, domain: str, expires: str, **more: Any) -> Options:
    return {
        "name": name,
        "domains": [domain],
        "allow": "plain",
        "reason": "its servers have no STARTTLS",
        "approver": "security@sender.example",
        "ticket": "SEC-1207",
        "expires": expires,
        **more,
    }


@dataclass
class Mail:
    """One message handed to the gateway."""

    recipient: str
    canary: str
    id: str
    before: int  # number of the last evidence record before it
    since: float  # monotonic

    @property
    def domain(self) -> str:
        return self.recipient.rpartition("@")[2]


@dataclass
class Result:
    """What became of a message in its first attempt."""

    mail: Mail
    records: list[Record]
    queued: Record | None  # its row of the queue; None: it has left
    arrived: list[tuple[str, Message]]
    connections: list[str]  # hosts of its domain that were connected to
    violations: list[str]  # what crossed in clear where nothing may

    def __str__(self) -> str:
        lines = [f"{self.mail.recipient}: arrived at "
                 f"{[host for host, _ in self.arrived]}"]
        lines += [
            "  {number}: {host} required {required} by {method}, reached "
            "{reached}, {outcome}: {why} {reply}".format_map(record)
            for record in self.records
        ]
        if self.queued is not None:
            lines.append(f"  queued: {self.queued['reason']}")
        return "\n".join(lines)

    def at(self, host: str) -> Record:
        """The last record about a host."""
        found = [r for r in self.records if r["host"] == host]
        assert found, f"no record about {host!r}\n{self}"
        return found[-1]

    def delivered(
        self, host: str, *, required: str, reached: str
    ) -> Record:
        """It arrived once, at this host, as required and recorded."""
        record = self.at(host)
        assert self.violations == []
        assert self.queued is None, str(self)
        assert [name for name, _ in self.arrived] == [host], str(self)
        assert record["outcome"] == "delivered", str(self)
        assert record["required"] == required, str(self)
        assert record["reached"] == reached, str(self)
        in_clear = self.arrived[0][1].tls is None
        assert in_clear == (reached == "plaintext"), str(self)
        return record

    def held(self, host: str, outcome: str) -> Record:
        """It waits, and nothing of it went out; what is said about host."""
        assert self.violations == []
        assert self.queued is not None, str(self)
        assert self.queued["reached"] == "nothing", str(self)
        assert self.arrived == [], str(self)
        assert all(r["reached"] == "nothing" for r in self.records), str(self)
        record = self.at(host)
        assert record["outcome"] == outcome, str(self)
        return record


class Gateway:
    """A gateway with a state folder of its own; a context manager."""

    def __init__(
        self,
        world: World,
        binary: Path,
        name: str = "gateway",
        options: Options | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.world = world
        self.binary = binary
        self.env = env
        self.listen = (ADDRESS, next(_ports))
        self.folder = world.folder / name
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.conf = self.folder / "tierpost.conf"
        self.log_path = self.folder / "log"
        self.state = self.folder / "state"
        identity = world.pki.issue(CertSpec(), GATEWAY_NAME)
        self.own_key(identity.path)
        self.options = merge(self._defaults(identity.path), options or {})
        self._child: Child | None = None
        self.launcher: list[str] = []  # a command that runs the command
        self.write_config()

    def _defaults(self, certificate: Path) -> dict[str, Any]:
        world = self.world
        host, port = self.listen
        return {
            "hostname": GATEWAY_NAME,
            "state-dir": self.state,
            "user": GATEWAY_USER,
            "workers": 1,
            "drain-timeout": "5s",
            "tls": {"certificate": certificate, "key": certificate},
            "listen": [{
                "address": f"{host}:{port}",
                "allow": ["127.0.0.0/8"],
                "tls": "offer",
            }],
            "resolver": {
                "trust-anchor": world.trust_anchor,
                "root-hints": world.root_hints,
                "timeout": "5s",
                "option": ["do-not-query-localhost: no"],
            },
            "sts": {
                "ca-file": world.pki.ca_file,
                "allow-loopback": True,
                "fetch-timeout": "5s",
                "retry-delay": "5s",
            },
            "smtp": {
                "ca-file": world.pki.ca_file,
                "allow-loopback": True,
                "connect-timeout": "3s",
                "greeting-timeout": "8s",
                "command-timeout": "8s",
                "handshake-timeout": "3s",
                "data-timeout": "8s",
                "dot-timeout": "8s",
                "quit-timeout": "2s",
            },
            "queue": {
                "first-retry": "5s",
                "max-retry": "10s",
                "jitter": 0,
                "reserve": "1M",
            },
        }

    @staticmethod
    def own_key(path: Path) -> None:
        """A key that the gateway takes, and can read again at a reload."""
        path.chmod(0o600)
        shutil.chown(path, GATEWAY_USER)

    def write_config(self) -> None:
        self.conf.write_text("".join(
            f"{key} = {render(value)};\n"
            for key, value in self.options.items()
        ))

    # ---- its life ----

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def spawn(self) -> None:
        self._child = Child(
            [*self.launcher, self.binary, "run", "-c", self.conf],
            self.log_path, self.env)

    def start(self) -> None:
        self.spawn()
        try:
            self.wait_ready()
        except RuntimeError:
            self.stop()
            raise

    def wait_ready(self) -> None:
        """Until it greets a client."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.child().running():
            if self._greets():
                return
            time.sleep(0.05)
        raise RuntimeError(f"the gateway does not answer:\n{self.log()}")

    def _greets(self) -> bool:
        try:
            with socket.create_connection(self.listen, timeout=2) as sock:
                return sock.recv(512).startswith(b"220")
        except OSError:
            return False

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        if self._child is None:
            return 0
        child, self._child = self._child, None
        return child.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def reload(self, options: Options, *, refused: bool = False) -> None:
        """Other options from now on, by SIGHUP; or it must be refused."""
        self.options = merge(self.options, options)
        self.write_config()
        word = " not-reloaded " if refused else " reloaded "
        told = self.log().count(word)
        self.child().send(signal.SIGHUP)
        self._until(
            lambda: self.log().count(word) > told or None,
            lambda: f"SIGHUP had no effect:{word}was not told")

    def child(self) -> Child:
        assert self._child is not None, "the gateway is not running"
        return self._child

    def processes(self) -> dict[str, list[int]]:
        """Process ids by role."""
        master = self.child().pid
        found: dict[str, list[int]] = {}
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        for pid in map(int, children.split()):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            words = command.split(b"\0")
            if len(words) > 2 and words[1] == b"role":
                found.setdefault(words[2].decode(), []).append(pid)
        return found

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    # ---- its command line ----

    def command(
        self, *words: str, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """`tierpost COMMAND -c FILE WORDS…`, text on its standard input."""
        depth = (3 if words[:2] == ("report", "tlsrpt") else
                 2 if words[0] in GROUPS else 1)
        return subprocess.run(
            [self.binary, *words[:depth], "-c", self.conf, *words[depth:]],
            input=text, capture_output=True, text=True,
            timeout=COMMAND_SECONDS, check=False,
        )

    def _json(self, *words: str) -> str:
        done = self.command(*words, "--json")
        if done.returncode != 0:
            raise RuntimeError(
                f"{' '.join(words)}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def evidence(self, *words: str) -> list[Record]:
        """Of attempts; the chain has records of events too."""
        lines = self._json("evidence", "list", *words).splitlines()
        records = [json.loads(line) for line in lines]
        return [record for record in records if "event" not in record]

    def queue(self) -> list[Record]:
        return json.loads(self._json("queue", "list"))

    def explain(self, domain: str, mclass: str = "normal") -> Record:
        done = self.command("explain", "--json", "--class", mclass, domain)
        return json.loads(done.stdout)

    def plaintext(self, since: str = "2026-01-01") -> Record:
        return json.loads(self._json("report", "plaintext", "--since", since))

    # ---- mail ----

    def submit(self, domain: str, sender: str = SENDER) -> Mail:
        """Hand one message in; it carries a word found nowhere else."""
        canary = f"canary-{secrets.token_hex(8)}"
        recipient = f"bob@{domain}"
        since = time.monotonic()
        records = self.evidence()
        content = (
            f"From: {sender}\r\nTo: {recipient}\r\nSubject: {canary}\r\n"
            f"\r\n{canary}\r\n.a line that begins with a dot\r\n"
        )
        with smtplib.SMTP(*self.listen, timeout=30) as client:
            client.ehlo("client.sender.example")
            for reply in (client.mail(sender), client.rcpt(recipient)):
                assert reply[0] == 250, reply
            code, text = client.data(content)
        assert code == 250, (code, text)
        queued = re.search(rb"queued as (\S+)", text)
        return Mail(recipient, canary, queued[1].decode() if queued else "",
                    records[-1]["number"] if records else 0, since)

    def hand_in(self, letter: Letter) -> Mail:
        """The same with a message of one's own, over STARTTLS."""
        records = self.evidence()
        since = time.monotonic()
        context = trusting(str(self.world.pki.ca_file))
        queued = re.search(r"queued as (\S+)",
                           submit(letter, self.listen, context))
        return Mail(letter.recipient, letter.canary,
                    queued[1] if queued else "",
                    records[-1]["number"] if records else 0, since)

    def send(self, domain: str, sender: str = SENDER) -> Result:
        """Hand one message in and see what its first attempt comes to."""
        return self.result(self.submit(domain, sender))

    def result(self, mail: Mail) -> Result:
        return self._until(
            lambda: self._settled(mail),
            lambda: f"{mail.recipient} is neither delivered nor deferred; "
                    f"queue: {self.queue()}")

    def _settled(self, mail: Mail) -> Result | None:
        rows = [r for r in self.queue() if r["id"] == mail.id]
        if any(r["state"] == "new" or not r["reason"] for r in rows):
            return None
        # An attempt that came to no transaction speaks for all the mail of
        # its destination, under the id of the first.
        records = [r for r in self.evidence("--domain", mail.domain)
                   if r["number"] > mail.before
                   and (r["queue-id"] == mail.id
                        or r["reached"] == "nothing")]
        if not records:
            return None
        return Result(mail, records, rows[0] if rows else None,
                      self.arrivals(mail), self._connections(mail),
                      self.world.violations([mail.canary.encode()],
                                            mail.since))

    def arrivals(self, mail: Mail) -> list[tuple[str, Message]]:
        """At which hosts the message arrived."""
        canary = mail.canary.encode()
        return [
            (server.name, message)
            for server in self.world.servers.values()
            for message in server.messages
            if canary in message.content
            and mail.recipient in message.recipients
        ]

    def _connections(self, mail: Mail) -> list[str]:
        """Hosts below the domain to which a connection was made since."""
        names = [name for name in self.world.servers
                 if name == mail.domain or name.endswith("." + mail.domain)]
        return [
            name for name in names
            for _ in self.world.wire.to(self.world.front_address(name),
                                        mail.since)
        ]

    def wait_for_report(self, mail: Mail) -> None:
        """Until something about the message is back at its sender's."""
        host = self.world.servers[f"mx.{SENDER.rpartition('@')[2]}"]
        words = (mail.recipient.encode(), mail.canary.encode())
        self._until(
            lambda: any(all(word in message.content for word in words)
                        for message in host.messages) or None,
            lambda: f"no report about {mail.recipient}")

    def wait_delivered(self, mail: Mail) -> Result:
        """Over as many attempts as it takes."""
        def left() -> Result | None:
            result = self._settled(mail)
            return result if result and result.queued is None else None

        return self._until(left, lambda: f"{mail.recipient} stays in the "
                                         f"queue: {self.queue()}")

    def _until(
        self, look: Callable[[], T | None], complaint: Callable[[], str]
    ) -> T:
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            if (found := look()) is not None:
                return found
            if not self.child().running():
                break
            time.sleep(0.1)
        raise AssertionError(f"{complaint()}\nlog:\n{self.log()[-6000:]}")
