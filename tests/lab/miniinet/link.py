# SPDX-License-Identifier: BSD-2-Clause
"""A wire to one mail server in a namespace of its own, which can be made bad.

Loopback has no link to speak of: here packets are lost, delayed and cut as
on a real one, by the kernel's own means.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import subprocess
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Callable, Iterator

from . import netns
from .smtp import MailServer

NEAR, FAR = "10.99.0.1", "10.99.0.2"
NEAR_DEVICE, FAR_DEVICE = "near0", "far0"
USUAL_MTU = 1500
TABLE = "lab_link"
HOOKS = ("input", "output")


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")


def why_not() -> str:
    """Why links cannot be had here; empty when they can."""
    for program, package in (("ip", "iproute2"), ("tc", "iproute2"),
                             ("nft", "nftables")):
        if shutil.which(program) is None:
            return f"{program} is missing: apt-get install {package}"
    return ""


Rule = Callable[[str, str], None]


@contextlib.contextmanager
def filters(table: str) -> Iterator[Rule]:
    """A table of packet filters; gives what adds a rule to "input" or
    "output"."""
    def rule(hook: str, text: str) -> None:
        _run("nft", "add", "rule", "inet", table, hook, *text.split())

    _run("nft", "add", "table", "inet", table)
    try:
        for hook in HOOKS:
            _run("nft", "add", "chain", "inet", table, hook,
                 f"{{ type filter hook {hook} priority 0; }}")
        yield rule
    finally:
        _run("nft", "delete", "table", "inet", table)


class Link:
    """A context manager; `server` is at the far end."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self._work: queue.Queue[tuple[Future[Any], Callable[[], Any]] | None]
        self._work = queue.Queue()
        self._stack = contextlib.ExitStack()
        self._rule: Rule
        self._far = threading.Thread(target=self._live_far, daemon=True)

    def __enter__(self) -> Link:
        self._far.start()
        self._stack.callback(self._end)
        try:
            far = self._there(threading.get_native_id)
            _run("ip", "link", "add", NEAR_DEVICE, "type", "veth",
                 "peer", "name", FAR_DEVICE)
            self._stack.callback(_run, "ip", "link", "del", NEAR_DEVICE)
            _run("ip", "link", "set", FAR_DEVICE, "netns", str(far))
            self._there(lambda: self._raise(FAR_DEVICE, FAR))
            self._raise(NEAR_DEVICE, NEAR)
            self._rule = self._stack.enter_context(filters(TABLE))
            self._there(self.server.start)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.stop()
        self._stack.close()

    # ---- what can be wrong with it ----

    def lose(self, percent: int) -> None:
        """So many of all packets, both ways, at random."""
        for hook, side in (("output", "daddr"), ("input", "saddr")):
            self._rule(hook, f"ip {side} {FAR} numgen random mod 100 < "
                             f"{percent} drop")

    def cut(self) -> None:
        """A black hole from now on."""
        for hook, side in (("output", "daddr"), ("input", "saddr")):
            self._rule(hook, f"ip {side} {FAR} drop")

    def cut_after(self, kbytes: int) -> None:
        """A black hole once so much has been sent to the server."""
        self._rule("output",
                   f"ip daddr {FAR} quota over {kbytes} kbytes drop")

    def slow(self, kbit: int) -> None:
        """So many kbit/s, both ways."""
        def limit(device: str) -> None:
            _run("tc", "qdisc", "add", "dev", device, "root", "tbf", "rate",
                 f"{kbit}kbit", "burst", "4k", "latency", "500ms")

        limit(NEAR_DEVICE)
        self._there(lambda: limit(FAR_DEVICE))

    def narrow(self, mtu: int) -> None:
        _run("ip", "link", "set", NEAR_DEVICE, "mtu", str(mtu))
        self._there(
            lambda: _run("ip", "link", "set", FAR_DEVICE, "mtu", str(mtu)))

    def heal(self) -> None:
        def unlimit(device: str) -> None:
            subprocess.run(["tc", "qdisc", "del", "dev", device, "root"],
                           capture_output=True, check=False)

        for hook in HOOKS:
            _run("nft", "flush", "chain", "inet", TABLE, hook)
        unlimit(NEAR_DEVICE)
        self._there(lambda: unlimit(FAR_DEVICE))
        self.narrow(USUAL_MTU)

    # ---- the other namespace ----

    @staticmethod
    def _raise(device: str, address: str) -> None:
        _run("ip", "addr", "add", f"{address}/30", "dev", device)
        _run("ip", "link", "set", device, "up")

    def _there(self, call: Callable[[], Any]) -> Any:
        """Run it in the far namespace, as do threads and programs it
        starts."""
        future: Future[Any] = Future()
        self._work.put((future, call))
        return future.result(timeout=30)

    def _end(self) -> None:
        self._work.put(None)
        self._far.join(timeout=30)

    def _live_far(self) -> None:
        error = netns.unshare()
        while (work := self._work.get()) is not None:
            future, call = work
            try:
                if error:
                    raise OSError(error, "new network namespace")
                future.set_result(call())
            except BaseException as problem:  # told where it was asked
                future.set_exception(problem)
