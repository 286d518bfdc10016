# SPDX-License-Identifier: BSD-2-Clause
"""`python3 -m miniinet.demo BINARY`: five domains, five kinds of answer.

Real messages through a real gateway; what is shown is what its evidence
says, checked against what the receiving servers and the sniffer saw.  Exit
status 1 when anything differs from what it should be.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import netns
from .catalogue import DOMAINS
from .gateway import (
    SENDER, Gateway, Mail, Options, Result, after, exception,
)
from .world import World

DAY = 86400
WIDTH = 96
COLUMNS = (23, 22, 12, 11, 0)


@dataclass(frozen=True)
class Expected:
    required: str
    method: str
    reached: str
    outcome: str
    wire: str


STORY = {
    "dane.example": Expected(
        "verify", "dane", "verified", "delivered", "encrypted"),
    "sts.example": Expected(
        "verify", "pkix-sts", "verified", "delivered", "encrypted"),
    "may.example": Expected(
        "may", "none", "encrypted", "delivered", "encrypted"),
    "legacy.example": Expected(
        "plain", "none", "plaintext", "delivered", "clear text"),
    "dane-stripped.example": Expected(
        "verify", "dane", "nothing", "held", "EHLO, QUIT"),
}
ATTACKED = "dane-stripped.example"
LEGACY = "legacy.example"

OPTIONS: Options = {
    "rules": [
        {"name": "everyone", "domains": ["*"], "require": "encrypt"},
        {"name": "lists", "domains": ["may.example"], "require": "may"},
    ],
}
RULES = {
    "everyone": "this gateway's default, asks for TLS whatever the domain "
                "publishes",
    "lists": "TLS when it is offered is enough here, in place of the default",
}


class Screen:
    """Plain text; a little colour when a person looks on."""

    CODES = {"good": "32", "bad": "31", "warn": "33", "bold": "1", "dim": "2"}

    def __init__(self) -> None:
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def paint(self, text: str, style: str) -> str:
        if not self.colour or not style:
            return text
        return f"\033[{self.CODES[style]}m{text}\033[0m"

    def say(self, text: str = "", style: str = "") -> None:
        print(self.paint(text, style), flush=True)

    def title(self, text: str) -> None:
        self.say()
        self.say(text, "bold")

    def step(self, name: str, text: str) -> None:
        self.say(f"  {name:<15}{text}")

    def block(self, text: str) -> None:
        for line in text.rstrip("\n").split("\n"):
            self.say(f"    {line}" if line else "")

    def command(self, line: str) -> None:
        self.say()
        self.say(f"  $ {line}", "bold")


class Demo:
    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world = world
        self.gateway = gateway
        self.screen = Screen()
        self.wrong: list[str] = []

    def check(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.wrong.append(f"{what}: {found!r}, should be {wanted!r}")

    # ---- messages ----

    def hand_in(self, domain: str) -> Mail:
        """With swaks, as a person would."""
        canary = f"canary-{secrets.token_hex(8)}"
        recipient = f"bob@{domain}"
        host, port = self.gateway.listen
        before = self.gateway.evidence()
        since = time.monotonic()
        done = subprocess.run(
            ["swaks", "--server", f"{host}:{port}", "--timeout", "20",
             "--ehlo", "client.sender.example", "--from", SENDER,
             "--to", recipient, "--header", f"Subject: {canary}",
             "--body", f"A message that nobody else should read: {canary}"],
            capture_output=True, text=True, check=False)
        queued = re.search(r"queued as (\S+)", done.stdout)
        if done.returncode != 0 or queued is None:
            raise RuntimeError(f"swaks failed:\n{done.stdout}{done.stderr}")
        return Mail(recipient, canary, queued[1],
                    before[-1]["number"] if before else 0, since)

    def on_the_wire(self, result: Result) -> str:
        """What the sniffer saw of this message's connections."""
        domain = self.world.domain(result.mail.domain)
        address = self.world.front_address(domain.host(domain.hosts[0].name))
        secret = [result.mail.canary.encode()]
        connections = self.world.wire.to(address, result.mail.since)
        if any(c.violations(secret) for c in connections):
            return "clear text"
        if any(b"\x16\x03" in c.client_bytes() for c in connections):
            return "encrypted"
        verbs = [line.split()[0].decode() for c in connections
                 for line in c.clear_lines()]
        return ", ".join(dict.fromkeys(verbs)) or "nothing"

    # ---- the table ----

    def row(self, cells: tuple[str, ...], style: str = "") -> None:
        line = "".join(
            f"{cell:<{width}}" for cell, width in zip(cells, COLUMNS))
        self.screen.say(f"  {line}".rstrip(), style)

    def tell(self, result: Result) -> None:
        domain = result.mail.domain
        record = result.records[-1]
        held = result.queued is not None
        outcome = "held" if held else record["outcome"]
        wire = self.on_the_wire(result)
        found = Expected(record["required"], record["method"],
                         record["reached"], outcome, wire)
        for field, value in asdict(STORY[domain]).items():
            self.check(f"{domain}, {field}", getattr(found, field), value)
        method = "" if found.method == "none" else f" by {found.method}"
        style = {"verified": "good", "encrypted": "good",
                 "plaintext": "warn"}.get(found.reached, "bad")
        self.row((domain, found.required + method, found.reached, outcome,
                  wire), style)
        self.note("publishes", self.world.domain(domain).publishes)
        self.note("why", record["why"])
        if record["exception"] or record["rule"] == "lists":
            self.note("rule", f"\"{record['rule']}\": "
                              f"{RULES[record['rule']]}")
        if record["exception"]:
            self.note("exception",
                      f"\"{record['exception']}\": "
                      f"{record['exception-reason']}; approved by "
                      f"{record['exception-approver']}, ends "
                      f"{record['exception-expires']}")
        if held and result.queued is not None:
            self.note("waits", result.queued["reason"])

    def note(self, name: str, text: str) -> None:
        lines = textwrap.wrap(text, WIDTH - 16)
        for i, line in enumerate(lines):
            self.screen.say(f"    {name if i == 0 else '':<11}{line}")

    # ---- the story ----

    def run(self) -> None:
        screen = self.screen
        screen.title("Five messages, handed in with swaks")
        screen.say()
        self.row(("domain", "required", "reached", "outcome", "on the wire"),
                 "dim")
        results = []
        for domain in STORY:
            result = self.gateway.result(self.hand_in(domain))
            results.append(result)
            screen.say()
            self.tell(result)
        for result in results:
            wanted = 0 if STORY[result.mail.domain].outcome == "held" else 1
            self.check(f"{result.mail.domain}: copies at its host",
                       len(result.arrived), wanted)
        screen.title("Why, before any mail: the same decision, asked for")
        self.show(("explain", ATTACKED), 0)
        screen.title("What an auditor asks for")
        self.show(("report", "plaintext", "--since", "2026-01-01"), 0)
        listed = self.gateway.plaintext()["plaintext"]
        self.check("domains with clear text",
                   [entry["domain"] for entry in listed], [LEGACY])
        self.show(("evidence", "verify"), 0)
        self.wrong += self.world.violations([b"canary-"])

    def show(self, words: tuple[str, ...], wanted: int) -> None:
        self.screen.command(f"tierpost {' '.join(words)}")
        done = self.gateway.command(*words)
        folder = f"{self.gateway.folder}/"  # of this run alone
        self.screen.block((done.stdout + done.stderr).replace(folder, ""))
        self.check(f"tierpost {words[0]}: exit status", done.returncode,
                   wanted)

    def look_around(self) -> None:
        binary, conf = self.gateway.binary, self.gateway.conf
        enter = f"nsenter -t {os.getpid()} -n"
        first = next(iter(STORY))
        self.screen.title("It is still running; look around")
        self.screen.block(
            f"configuration  {conf}\n"
            f"log            {self.gateway.log_path}\n"
            f"state          {self.gateway.state}\n\n"
            f"{enter} \\\n    {binary} explain -c {conf} {first}\n"
            f"{enter} \\\n    {binary} queue list -c {conf}\n"
            f"{enter} \\\n    {binary} evidence show -c {conf} 1\n"
            f"{enter} \\\n    swaks --server "
            f"{self.gateway.listen[0]}:{self.gateway.listen[1]} "
            f"--from {SENDER} --to you@{first}")
        self.screen.say()
        try:
            input("Enter ends it. ")
        except (EOFError, KeyboardInterrupt):
            self.screen.say()

    def verdict(self) -> int:
        self.screen.say()
        if not self.wrong:
            self.screen.say("Everything is as it should be.", "good")
            return 0
        self.screen.say("Not as it should be:", "bad")
        self.screen.block("\n".join(self.wrong))
        self.screen.say(f"\nthe gateway's log:\n{self.gateway.log()}")
        return 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("binary", type=Path)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    refused = netns.why_not()
    if refused:
        print(f"demo: {refused}", file=sys.stderr)
        return 1
    options: Options = {
        **OPTIONS,
        "exceptions": [exception("legacy-partner", LEGACY, after(30 * DAY),
                                 mx=[f"*.{LEGACY}"])],
    }
    screen = Screen()
    domains = [DOMAINS[name] for name in (*STORY, "sender.example")]
    with World(domains=domains) as world:
        screen.step("mini-internet", f"{len(STORY)} mail domains, signed DNS, "
                    "a policy host, a sniffer")
        with Gateway(world, arguments.binary.resolve(),
                     options=options) as gateway:
            host, port = gateway.listen
            screen.step("gateway", f"tierpost run, listening on {host}:{port}")
            demo = Demo(world, gateway)
            try:
                demo.run()
            except (AssertionError, RuntimeError) as error:
                demo.wrong.append(str(error))
            status = demo.verdict()
            if arguments.keep:
                demo.look_around()
            else:
                screen.say("To look around: ./demo --keep leaves it running "
                           "and says where the log and the state are.")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
