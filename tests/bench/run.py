# SPDX-License-Identifier: BSD-2-Clause
"""`run.sh BUILD`: tierpost and Postfix relay the same load, and are compared.

A network namespace holds a name server with a signed root, a sink that takes
all mail, and one of the two gateways at a time.  The load generator hands N
messages to the gateway, which delivers them to the sink by DNS:

    messages a second   from the first MAIL to the last 250 of the sink
    accept latency      from MAIL to the 250 after the dot
    memory              PSS of all processes of one role, idle and at most

Both keep their queues on the same disk and start afresh for every case; a
few messages that are not measured go first.  Postfix is Debian's, with its
default limits, but for in_flow_delay=0, which is faster here.  It asks the
authority for DNS directly and does not validate; tierpost resolves from the
root, validates, looks for TLSA and MTA-STS, and writes evidence.

Every run is checked: each message is at the sink, and none twice.

Before that the socketmap of tierpost is asked about next hops, first when nothing is
known of them and then again and again.  Each answer must be that of the hop
it was asked for; some who ask leave before it has come.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Iterator, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))
sys.dont_write_bytecode = True

import dns.name  # noqa: E402
from miniinet import mta_kinds, mtas, netns  # noqa: E402
from miniinet.gateway import Gateway  # noqa: E402
from miniinet.nameserver import NameServer  # noqa: E402
from miniinet.pki import CertSpec, Pki  # noqa: E402
from miniinet.procs import Child  # noqa: E402
from miniinet.world import LOWER, UPPER, World  # noqa: E402
from miniinet.zones import Zone, ZoneKey  # noqa: E402

TLD = "post"
DOMAIN = f"bench.{TLD}"
NS_UPPER = f"ns.nic.{TLD}."
NS_LOWER = f"ns2.nic.{TLD}."
POSTFIX_ADDRESS = "127.0.0.2"
START_SECONDS = 15.0
SETTLE_SECONDS = 1.0  # from the start to what counts as idle
SAMPLE_SECONDS = 0.5
SOCKETMAP = "127.0.0.1:8461"
LEAVE_EVERY = 1000  # of that many questions one is not waited for

POSTFIX = dataclasses.replace(
    mta_kinds.POSTFIX,
    template="""\
compatibility_level = 3.6
maillog_file = /lab/postfix-log
maillog_file_prefixes = /lab
myhostname = {host}
mydestination =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtp_bind_address = {address}
smtp_tls_security_level = may
smtp_tls_session_cache_database = btree:${{data_directory}}/smtp_scache
smtpd_peername_lookup = no
in_flow_delay = 0
""",
    # The rest of the root is in memory; a queue must be on a disk.
    start=f"""\
mkdir /lab/spool
mount --bind /lab/spool /var/spool/postfix
echo 'nameserver {LOWER}' > /etc/resolv.conf
{mta_kinds.POSTFIX.start}""",
)


@dataclass(frozen=True)
class Case:
    tls: bool
    domains: int
    size: int
    messages: int

    def __str__(self) -> str:
        return (f"{'TLS' if self.tls else 'clear':5} "
                f"{self.size // 1024:4} KiB {self.domains:5} dest.")


@dataclass(frozen=True)
class Scale:
    small: int  # messages of 4 KiB
    large: int  # messages of 100 KiB
    warm_up: int
    domains: int
    sessions: int
    seconds: int  # at most for one case
    lookups: int  # of cached answers

    def cases(self) -> list[Case]:
        return [
            Case(tls, domains, size, messages)
            for size, messages in ((4096, self.small), (102400, self.large))
            for tls in (False, True)
            for domains in (1, self.domains)
        ]


FULL = Scale(10000, 2000, 200, 1000, 64, 300, 10000000)
QUICK = Scale(300, 60, 20, 20, 20, 60, 100000)


def sink_address(number: int) -> str:
    return f"127.25.{number // 250}.{number % 250 + 1}"


class Place:
    """DNS, certificates and a folder: what a gateway needs of a World."""

    def __init__(self, folder: Path, domains: int) -> None:
        self.folder = folder
        self.pki = Pki(folder / "pki")
        self.trust_anchor = folder / "root.ds"
        self.root_hints = folder / "root.hints"
        self.external = {
            "mx.postfix.example": (
                POSTFIX_ADDRESS,
                self.pki.issue(CertSpec(), "mx.postfix.example")),
        }
        self.certificate = self.pki.issue(CertSpec(), f"mx.{DOMAIN}").path
        self._zones = self._build(domains)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Place:
        netns.enter()
        upper = {name: self._zones[name] for name in ("", TLD)}
        lower = {DOMAIN: self._zones[DOMAIN]}
        with contextlib.ExitStack() as stack:
            for name, address, zones in (("upper", UPPER, upper),
                                         ("lower", LOWER, lower)):
                server = NameServer(self.folder / f"dns-{name}", address)
                stack.callback(server.stop)
                server.start(zones)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def world(self) -> World:
        """As those who ask for a World see it."""
        return cast(World, self)

    def _build(self, domains: int) -> dict[str, Zone]:
        zones = {
            name: Zone(f"{name}.", (server,),
                       ZoneKey(dns.name.from_text(f"{name}.")))
            for name, server in ((TLD, NS_UPPER), (DOMAIN, NS_LOWER))
        }
        key = ZoneKey(dns.name.root)
        root = zones[""] = Zone(".", (NS_UPPER,), key)
        for zone in (root, zones[TLD]):
            zone.add(NS_UPPER, "A", UPPER)
        zones[TLD].add(NS_LOWER, "A", LOWER)
        for number in range(1, domains + 1):
            host = f"mx.d{number}"
            zones[DOMAIN].add(f"d{number}", "MX", f"10 {host}.{DOMAIN}.")
            zones[DOMAIN].add(host, "A", sink_address(number))
        zones[TLD].delegate(zones[DOMAIN])
        root.delegate(zones[TLD])
        self.trust_anchor.write_text(f". IN DS {key.ds()}\n")
        self.root_hints.write_text(
            f". 3600000 IN NS {NS_UPPER}\n{NS_UPPER} 3600000 IN A {UPPER}\n")
        return zones


# ---- the two gateways ----


class Postfix(mtas.Mta):
    def __init__(self, place: Place, packages: list[Path]) -> None:
        super().__init__(place.world(), "postfix", ("", 0), packages)
        self.kind = POSTFIX
        self.listen = (self.address, 25)

    def __enter__(self) -> Postfix:
        super().__enter__()
        return self

    def child(self) -> Child:
        assert self._child is not None
        return self._child


def tierpost(place: Place, binary: Path, name: str) -> Gateway:
    """With its defaults, not the lab's short times; on loopback."""
    gateway = Gateway(place.world(), binary, name)
    gateway.options = {
        key: gateway.options[key]
        for key in ("hostname", "state-dir", "user", "tls", "listen", "resolver")
    } | {
        "sts": {"allow-loopback": True},
        "smtp": {"allow-loopback": True},
    }
    gateway.write_config()
    return gateway


class Systems:
    """Starts either gateway; fresh state each time."""

    def __init__(self, place: Place, binary: Path,
                 packages: list[Path]) -> None:
        self.place = place
        self.binary = binary
        self.packages = packages
        self._count = 0

    def names(self) -> list[str]:
        return ["tierpost"] + (["postfix"] if self.packages else [])

    def start(self, name: str) -> Gateway | Postfix:
        if name == "postfix":
            return Postfix(self.place, self.packages)
        self._count += 1
        return tierpost(self.place, self.binary, f"tierpost-{self._count}")


def descendants(pid: int) -> Iterator[int]:
    yield pid
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return
    for child in map(int, text.split()):
        yield from descendants(child)


def role(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if len(words) > 2 and words[1] == b"role":
        return words[2].decode()
    return os.path.basename(words[0].decode())


def memory(master: int) -> dict[str, int]:
    """PSS in KiB by role; processes that end meanwhile are left out."""
    found: Counter[str] = Counter()
    for pid in descendants(master):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text() \
                    .splitlines():
                if line.startswith("Pss:"):
                    found[role(pid)] += int(line.split()[1])
    return dict(found)


# ---- one run ----


class Sink:
    """The sink as a child, in a folder that is emptied for it."""

    def __init__(self, program: Path, folder: Path, case: Case,
                 certificate: Path, expect: int, seconds: int) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.log = folder / "sink.json"
        self.record = folder / "ledger"
        self.seconds = seconds
        addresses = [sink_address(n) for n in range(1, case.domains + 1)]
        words: list[str | Path] = [
            program, "--expect", str(expect), "--timeout", str(seconds),
            "--record", self.record,
        ]
        for address in addresses:
            words += ["--listen", f"{address}:25"]
        if case.tls:
            words += ["--cert", certificate, "--key", certificate]
        self.child = Child(words, self.log)
        deadline = time.monotonic() + START_SECONDS
        while not self.record.exists():  # made after the last listener
            if time.monotonic() > deadline or not self.child.running():
                self.child.stop()
                raise RuntimeError(f"the sink does not start: "
                                   f"{self.child.log()}")
            time.sleep(0.02)

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_error: object) -> None:
        self.child.stop()

    def ledger(self) -> Counter[str]:
        return Counter(self.record.read_text().split())

    def result(self) -> dict[str, Any]:
        text = self.log.read_text()
        return json.loads(text) if text.endswith("\n") else {}

    def wait(self, count: int, master: int | None,
             most: Counter[str]) -> None:
        """Until so many messages are there; memory goes into `most`."""
        deadline = time.monotonic() + self.seconds
        while sum(self.ledger().values()) < count:
            if time.monotonic() > deadline or not self.child.running():
                raise RuntimeError(
                    f"{sum(self.ledger().values())} of {count} messages "
                    f"arrived in time")
            if master is not None:
                for name, kib in memory(master).items():
                    most[name] = max(most[name], kib)
            time.sleep(SAMPLE_SECONDS if count > QUICK.warm_up else 0.05)


@dataclass
class Bench:
    build: Path
    place: Place
    scale: Scale

    def program(self, name: str) -> Path:
        return self.build / "tests/bench" / name

    def _sink(self, case: Case, expect: int) -> Sink:
        return Sink(self.program("sink"), self.place.folder / "sink", case,
                    self.place.certificate, expect, self.scale.seconds)

    def _load(self, server: tuple[str, int], case: Case, messages: int,
              name: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.program("load"), "--connect", f"{server[0]}:{server[1]}",
             "--messages", str(messages), "--size", str(case.size),
             "--sessions", str(self.scale.sessions),
             "--domains", str(case.domains), "--ledger", name,
             "--timeout", str(self.scale.seconds), "--json"],
            stdout=subprocess.PIPE, text=True)

    def _finish(self, load: subprocess.Popen[str]) -> dict[str, Any]:
        text, _ = load.communicate(timeout=self.scale.seconds)
        if load.returncode != 0:
            raise RuntimeError("the load was not accepted")
        return json.loads(text)

    def straight(self, case: Case) -> dict[str, Any]:
        """What the generator reaches without a gateway in between."""
        with self._sink(case, case.messages) as sink:
            load = self._finish(self._load((sink_address(1), 25), case,
                                           case.messages, "run"))
        return {"case": asdict(case), "rate": load["rate"]}

    def through(self, system: Gateway | Postfix, case: Case) \
            -> dict[str, Any]:
        master = system.child().pid
        time.sleep(SETTLE_SECONDS)
        idle = memory(master)
        most: Counter[str] = Counter(idle)
        warm_up = self.scale.warm_up
        total = warm_up + case.messages
        with self._sink(case, total) as sink:
            self._finish(self._load(system.listen, case, warm_up, "warm"))
            sink.wait(warm_up, None, most)
            load = self._load(system.listen, case, case.messages, "run")
            try:
                sink.wait(total, master, most)
                sent = self._finish(load)
            finally:
                load.kill()
                load.wait()
            sink.child.process.wait(START_SECONDS)
            got, ledger = sink.result(), sink.ledger()
        wanted = {f"run-{n}" for n in range(case.messages)} | {
            f"warm-{n}" for n in range(warm_up)}
        if set(ledger) != wanted or max(ledger.values()) > 1:
            raise RuntimeError("not every message arrived exactly once")
        if got["tls_messages"] != (total if case.tls else 0):
            raise RuntimeError(f"{got['tls_messages']} came over TLS")
        seconds = (got["last_us"] - sent["begun_us"]) / 1e6
        return {
            "rate": round(case.messages / seconds, 1),
            "seconds": round(seconds, 3),
            "accept_rate": sent["rate"],
            "accept_p50_ms": sent["accept_p50_ms"],
            "accept_p99_ms": sent["accept_p99_ms"],
            "connections": got["connections"],
            "idle_kib": idle,
            "most_kib": dict(most),
        }


    def lookups(self, count: int, connections: int,
                *more: str) -> dict[str, Any]:
        """Answers of the socketmap that is running."""
        done = subprocess.run(
            [self.program("lookups"), "--connect", SOCKETMAP,
             "--lookups", str(count), "--hops", str(self.scale.domains),
             "--connections", str(connections),
             "--timeout", str(3 * self.scale.seconds), "--json", *more],
            stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("not every lookup had its own answer")
        return json.loads(done.stdout)


# ---- what is printed ----


def row(*cells: object) -> None:
    print(f"{cells[0]!s:24}" + "".join(f"{cell!s:>16}" for cell in cells[1:]),
          flush=True)


def ratio(of: dict[str, Any] | None, to: dict[str, Any] | None) -> str:
    return f"{of['rate'] / to['rate']:.1f}" if of and to else "-"


def latency(result: dict[str, Any] | None) -> str:
    return (f"{result['accept_p50_ms']:.1f} / {result['accept_p99_ms']:.1f}"
            if result else "-")


def rate(result: dict[str, Any] | None) -> str:
    return f"{result['rate']:.0f}" if result else "-"


def show_memory(results: list[dict[str, Any]], name: str) -> None:
    """Of each role the least when idle and the most in any case."""
    runs = [r[name] for r in results if r.get(name)]
    if not runs:
        return
    idle: dict[str, int] = {}
    most: Counter[str] = Counter()
    for run in runs:
        for key, kib in run["idle_kib"].items():
            idle[key] = min(idle.get(key, kib), kib)
        for key, kib in run["most_kib"].items():
            most[key] = max(most[key], kib)
    print(f"\n{name}, PSS in MiB of all processes of a role")
    row("role", "idle", "most")
    for key in sorted(most):
        row(key, f"{idle.get(key, 0) / 1024:.1f}", f"{most[key] / 1024:.1f}")
    row("all", f"{sum(idle.values()) / 1024:.1f}",
        f"{max(sum(r['most_kib'].values()) for r in runs) / 1024:.1f}")


def compare(bench: Bench, systems: Systems) -> dict[str, Any]:
    straight = [
        bench.straight(Case(False, 1, size, messages))
        for size, messages in ((4096, bench.scale.small),
                               (102400, bench.scale.large))
    ]
    by_size = {entry["case"]["size"]: entry for entry in straight}
    print("messages a second, from the first MAIL to the last delivery; "
          "accept latency in ms, p50 / p99\n")
    row("", "tierpost", "Postfix", "ratio", "of straight",
        "tierpost ms", "Postfix ms")
    results = []
    for case in bench.scale.cases():
        found: dict[str, Any] = {"case": asdict(case)}
        for name in systems.names():
            try:
                with systems.start(name) as system:
                    found[name] = bench.through(system, case)
            except RuntimeError as error:
                found[name] = None
                found.setdefault("failed", {})[name] = str(error)
                print(f"{case} {name}: {error}", flush=True)
        ours, theirs = found.get("tierpost"), found.get("postfix")
        row(case, rate(ours), rate(theirs), ratio(ours, theirs),
            ratio(ours, by_size[case.size]), latency(ours), latency(theirs))
        results.append(found)
    row("straight into the sink", *(
        f"{entry['case']['size'] // 1024} KiB: {rate(entry)}"
        for entry in straight))
    for name in systems.names():
        show_memory(results, name)
    return {"straight": straight, "cases": results}


def ask(bench: Bench, systems: Systems) -> dict[str, Any]:
    """The socketmap; under a floor that makes each answer name its hop."""
    made = systems.start("tierpost")
    assert isinstance(made, Gateway)
    made.options["smtp"] |= {"floor": "verify"}
    made.options["socketmap"] = [{"address": SOCKETMAP}]
    made.write_config()
    found: dict[str, Any] = {}
    with made as system:
        found["new"] = bench.lookups(2 * bench.scale.domains, 20)
        found["cached"] = bench.lookups(
            bench.scale.lookups, bench.scale.sessions,
            "--leave-every", str(LEAVE_EVERY))
        found["most_kib"] = memory(system.child().pid)
    print()
    row("socketmap", "lookups", "a second", "p50 ms", "p99 ms")
    for name in ("new", "cached"):
        of = found[name]
        row(name, of["lookups"], f"{of['rate']:.0f}", f"{of['p50_ms']:.2f}",
            f"{of['p99_ms']:.2f}")
    return found


def why_not(build: Path) -> str:
    for program in ("tierpost", "tests/bench/load", "tests/bench/sink",
                    "tests/bench/lookups"):
        if not os.access(build / program, os.X_OK):
            return f"{build / program} is missing"
    if shutil.which("nsd") is None:
        return "nsd is missing: apt-get install nsd"
    return netns.why_not()


def packages() -> list[Path]:
    try:
        return mtas.fetch(POSTFIX.packages)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"without Postfix, whose package cannot be had: {error}")
        return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--quick", action="store_true", help="few messages")
    parser.add_argument("--only-tierpost", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    parser.add_argument("--dir", type=Path, help="where both queues are")
    words = parser.parse_args()
    build = words.build.resolve()
    refused = why_not(build)
    if refused:
        print(f"bench: skipped: {refused}")
        return 0
    scale = QUICK if words.quick else FULL
    debs = [] if words.only_tierpost else packages()
    with tempfile.TemporaryDirectory(prefix="tierpost-bench-",
                                     dir=words.dir) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Place(folder, scale.domains) as place:
            bench = Bench(build, place, scale)
            systems = Systems(place, build / "tierpost", debs)
            found = {"socketmap": ask(bench, systems)}
            found |= compare(bench, systems)
    words.out.write_text(json.dumps({
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "postfix": [path.name for path in debs],
        "scale": asdict(scale),
        **found,
    }, indent=1) + "\n")
    print(f"\nwritten: {words.out}")
    return 1 if any("failed" in r for r in found["cases"]) else 0


if __name__ == "__main__":
    sys.exit(main())
