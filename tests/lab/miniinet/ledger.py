# SPDX-License-Identifier: BSD-2-Clause
"""`python3 -m miniinet.ledger BINARY`: kill roles under load, then count.

Messages are handed in without a pause while roles are killed with SIGKILL
at random instants.  When the queue has drained:

    accepted - delivered - queued = nothing       no 250 was a lie
    nothing that was not accepted arrived         a 4yz is no 250 either
    no duplicates while only the keeper is killed its couriers remember
    duplicates otherwise: at most what was under way at a killed courier
    the evidence chain verifies
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import smtplib
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from . import netns
from .gateway import Gateway
from .world import World

DOMAINS = ("dane.example", "sts.example", "may.example")
ROLES = ("keeper", "courier", "advisor", "intake")
CLIENTS = 4
DRAIN_SECONDS = 120.0
# One slot is one message under way; the gateway keeps a few for each of the
# destinations at a courier.
IN_FLIGHT = 8 * len(DOMAINS)


class Load:
    """Clients that hand in messages until told to stop."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        self.gateway = gateway
        self.name = name
        self.accepted: set[str] = set()
        self.refused: set[str] = set()
        self.unknown: set[str] = set()  # the connection ended without a reply
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, client: int) -> None:
        count = 0
        while not self._stop.is_set():
            count += 1
            name = f"{self.name}-{client}-{count}"
            domain = DOMAINS[count % len(DOMAINS)]
            getattr(self, self._submit(name, domain)).add(name)

    def _submit(self, name: str, domain: str) -> str:
        content = f"Subject: {name}\r\nX-Ledger: {name}\r\n\r\nbody\r\n"
        sent = False
        try:
            with smtplib.SMTP(*self.gateway.listen, timeout=90) as smtp:
                smtp.ehlo("client.sender.example")
                for reply in (smtp.mail(""), smtp.rcpt(f"bob@{domain}")):
                    if reply[0] != 250:
                        return "refused"
                sent = True
                code, _ = smtp.data(content)
                return "accepted" if code == 250 else "refused"
        except smtplib.SMTPDataError:
            return "refused"
        except (OSError, smtplib.SMTPException):
            if sent:
                return "unknown"
            time.sleep(0.05)
            return "refused"


def arrivals(world: World) -> Counter[str]:
    seen: Counter[str] = Counter()
    for server in world.servers.values():
        for message in list(server.messages):
            for line in message.content.split(b"\r\n"):
                if line.startswith(b"X-Ledger: "):
                    seen[line[10:].decode()] += 1
    return seen


def drain(gateway: Gateway) -> list[dict[str, object]]:
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        try:
            rows = gateway.queue()
        except ValueError:  # no writer just now
            rows = [{}]
        if not rows:
            return []
        time.sleep(0.5)
    return rows


class Judge:
    def __init__(self) -> None:
        self.passed = self.failed = 0

    def check(self, what: str, ok: bool, detail: object = "") -> None:
        print(f"  {'ok' if ok else 'FAILED':7}{what}", detail, flush=True)
        self.passed += ok
        self.failed += not ok


def phase(
    world: World, gateway: Gateway, judge: Judge, name: str,
    roles: tuple[str, ...], kills: int, dice: random.Random,
) -> None:
    print(f"{name}: {kills} kills of {', '.join(roles)}", flush=True)
    load = Load(gateway, name)
    done: Counter[str] = Counter()
    while sum(done.values()) < kills:
        time.sleep(dice.uniform(0.02, 0.6))
        role = dice.choice(roles)
        pids = gateway.processes().get(role, [])
        if pids:
            os.kill(dice.choice(pids), signal.SIGKILL)
            done[role] += 1
    load.stop()
    left = drain(gateway)
    seen = arrivals(world)
    ours = {k: v for k, v in seen.items() if k.startswith(name + "-")}
    print(f"  accepted {len(load.accepted)}, refused {len(load.refused)}, "
          f"without a reply {len(load.unknown)}, arrived {len(ours)}, "
          f"killed {dict(done)}", flush=True)
    judge.check("the load was real", len(load.accepted) > kills)
    judge.check("the queue has drained", not left, left[:3] if left else "")
    lost = load.accepted - set(ours)
    judge.check("no accepted message is lost", not lost, sorted(lost)[:5])
    stray = load.refused & set(ours)
    judge.check("nothing refused arrived", not stray, sorted(stray)[:5])
    twice = {k: v for k, v in ours.items() if v > 1}
    allowed = IN_FLIGHT * done["courier"]
    judge.check(f"at most {allowed} duplicates", sum(twice.values())
                - len(twice) <= allowed, f"({len(twice)} messages)")
    # A keeper starting just now answers in a moment.
    for _ in range(20):
        verified = gateway.command("evidence", "verify")
        if verified.returncode != 75:
            break
        time.sleep(0.5)
    judge.check("the chain verifies", verified.returncode == 0,
                (verified.stdout or verified.stderr).splitlines()[:1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    words = parser.parse_args()
    refused = netns.why_not()
    if refused:
        print(f"ledger: {refused}\n0 passed, 0 failed, 1 skipped")
        return 0
    seed = words.seed if words.seed is not None else random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    judge = Judge()
    quarter = max(1, words.kills // 4)
    with World() as world, Gateway(world, words.binary.resolve(),
                                   "ledger", {"workers": 2}) as gateway:
        phase(world, gateway, judge, "keeper", ("keeper",), quarter, dice)
        phase(world, gateway, judge, "any", ROLES, words.kills - quarter, dice)
    print(f"{judge.passed} passed, {judge.failed} failed, 0 skipped")
    return 1 if judge.failed else 0


if __name__ == "__main__":
    sys.exit(main())
