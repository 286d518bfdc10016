# SPDX-License-Identifier: BSD-2-Clause
"""What many, large, slow and endless clients cost the process they come to."""

from __future__ import annotations

import contextlib
import os
import smtplib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest
from miniinet.gateway import SENDER, Gateway
from miniinet.world import World

SESSIONS = 20
MESSAGE_BYTES = 50 << 20
LINE = b"x" * 62 + b"\r\n"
PIECE = LINE * 16384
MOST_KIB = 64 << 10

IDLE = 10000
IDLE_TLS = 2000
IDLE_KIB = 12  # each, in clear
IDLE_TLS_KIB = 24
LORIS = 2000
LORIS_SECONDS = 60.0
OVER = 1000
FEW = 64
SECONDS = 30.0


def status_kib(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise AssertionError("the process has no memory")


def resident_kib(pid: int) -> int:
    """What it has for itself."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise AssertionError("the process has no memory")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def intake_of(gateway: Gateway) -> int:
    pids = gateway.processes()["intake"]
    assert len(pids) == 1
    return pids[0]


def greeting(gateway: Gateway) -> bytes:
    with socket.create_connection(gateway.listen, timeout=30) as sock:
        return sock.recv(512)


def wait_until(true, complaint: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)


@contextlib.contextmanager
def clients(
    gateway: Gateway, count: int, kind: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Connections held by a process of their own; what greeted them."""
    host, port = gateway.listen
    child = subprocess.Popen(
        [sys.executable, Path(__file__).parent / "idle_clients.py", host,
         str(port), str(count), kind],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None and child.stdout is not None
    try:
        yield child, child.stdout.readline().strip()
    finally:
        child.stdin.close()
        child.wait(60)


@pytest.fixture
def own(
    request: pytest.FixtureRequest, world: World, binary: Path
) -> Iterator[Gateway]:
    """A gateway of one test, with its limits."""
    options = {"intake": getattr(request, "param", {})}
    with Gateway(world, binary, request.node.name, options) as running:
        yield running
        assert running.child().running(), running.log()[-6000:]


def test_twenty_messages_of_50_mib_are_never_in_memory(
    gateway: Gateway,
) -> None:
    """All of each has been sent but for its last dot."""
    errors: list[str] = []
    full = threading.Barrier(SESSIONS + 1)

    def send() -> None:
        try:
            with smtplib.SMTP(*gateway.listen, timeout=120) as client:
                client.ehlo("client.sender.example")
                client.mail(SENDER)
                client.rcpt("bob@may.example")
                code, text = client.docmd("DATA")
                assert code == 354, (code, text)
                for _ in range(MESSAGE_BYTES // len(PIECE)):
                    client.sock.sendall(PIECE)
                full.wait()
                full.wait()
                client.sock.shutdown(2)
                client.close()
        except (AssertionError, OSError, smtplib.SMTPException) as error:
            errors.append(str(error))
            full.abort()

    threads = [threading.Thread(target=send) for _ in range(SESSIONS)]
    for thread in threads:
        thread.start()
    try:
        full.wait()
        kib = sum(status_kib(pid, "VmHWM")
                  for pid in gateway.processes()["intake"])
        full.wait()
    except threading.BrokenBarrierError:
        kib = 0
    for thread in threads:
        thread.join()
    assert not errors
    assert kib < MOST_KIB


@pytest.mark.parametrize("own", [{"connection-limit": IDLE + 100,
                     "client-connection-limit": IDLE + 100}], indirect=True)
def test_c1_ten_thousand_idle_clients_in_clear(own: Gateway) -> None:
    pid = intake_of(own)
    before = resident_kib(pid)
    with clients(own, IDLE, "plain") as (_child, greeted):
        assert greeted == f"220:{IDLE}"
        kib = resident_kib(pid)
        assert (kib - before) / IDLE <= IDLE_KIB
        assert kib <= MOST_KIB
        own.submit("may.example")
    wait_until(lambda: descriptors(pid) < 100, "descriptors stay open")


@pytest.mark.parametrize("own", [{"client-connection-limit": IDLE_TLS + 100,
                     "connection-limit": 2 * IDLE_TLS}], indirect=True)
def test_c1_idle_clients_in_tls(own: Gateway) -> None:
    pid = intake_of(own)
    before = resident_kib(pid)
    with clients(own, IDLE_TLS, "tls") as (_child, greeted):
        assert greeted == f"220:{IDLE_TLS}"
        assert (resident_kib(pid) - before) / IDLE_TLS <= IDLE_TLS_KIB
        own.submit("may.example")


@pytest.mark.parametrize("own", [{"connection-limit": LORIS + 100,
                     "client-connection-limit": LORIS + 100}], indirect=True)
def test_c2_slow_clients_are_gone_within_a_minute(own: Gateway) -> None:
    with clients(own, LORIS, "loris") as (child, greeted):
        assert greeted == f"220:{LORIS}"
        own.submit("may.example")  # the others are served meanwhile
        assert child.stdout is not None
        assert float(child.stdout.readline()) <= LORIS_SECONDS
    own.submit("may.example")


@pytest.mark.parametrize("own", [{"connection-limit": 100}], indirect=True)
def test_c3_a_thousand_over_the_limit_are_told_and_it_recovers(
    own: Gateway,
) -> None:
    pid = intake_of(own)
    with clients(own, 100 + OVER, "plain") as (_child, greeted):
        assert greeted == f"220:100 421:{OVER}"
        assert descriptors(pid) < 200
        assert greeting(own).startswith(b"421 4.3.2 ")
    wait_until(lambda: greeting(own).startswith(b"220 "), "no recovery")


def send_until_cut(sock: socket.socket, block: bytes, most: int) -> int:
    sent = 0
    sock.settimeout(30)
    with contextlib.suppress(ConnectionError):
        while sent < most:
            sent += sock.send(block)
    return sent


@pytest.mark.parametrize("start", [
    b"", b"EHLO client.example\r\nMAIL FROM:<a@sender.example>\r\n"
         b"RCPT TO:<bob@may.example>\r\nDATA\r\n"])
def test_c4_a_line_without_end_is_cut(own: Gateway, start: bytes) -> None:
    """As a command, and as content."""
    pid = intake_of(own)
    before = status_kib(pid, "VmHWM")
    with socket.create_connection(own.listen, timeout=30) as sock:
        sock.recv(512)
        for command in start.splitlines(keepends=True):
            sock.sendall(command)
            sock.recv(1024)
        assert send_until_cut(sock, b"x" * 65536, 1 << 30) < 1 << 30
    assert status_kib(pid, "VmHWM") - before < 4096
    own.submit("may.example")


def test_c10_without_descriptors_clients_are_told_and_it_recovers(
    world: World, binary: Path
) -> None:
    gateway = Gateway(world, binary, "descriptors")
    gateway.launcher = ["prlimit", f"--nofile={FEW}:{FEW}"]
    with gateway:
        pid = intake_of(gateway)
        with clients(gateway, 2 * FEW, "plain") as (_child, greeted):
            codes = dict(word.split(":") for word in greeted.split())
            assert 0 < int(codes["220"]) < FEW, greeted
            assert int(codes["421"]) == 2 * FEW - int(codes["220"])
            spent = cpu_seconds(pid)
            time.sleep(2)
            assert cpu_seconds(pid) - spent < 0.1, "it spins"
        wait_until(lambda: greeting(gateway).startswith(b"220 "),
                   "no recovery")
        assert gateway.log().count("no-descriptors") == 1


def test_smtp_20_a_gateway_that_stops_says_421(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "stops") as gateway:
        with socket.create_connection(gateway.listen, timeout=30) as sock:
            sock.recv(512)
            sock.sendall(b"EHLO client.example\r\n")
            sock.recv(1024)
            stopper = threading.Thread(target=gateway.stop)
            stopper.start()
            assert sock.recv(512).startswith(b"421 4.3.2 ")
            assert sock.recv(512) == b""
        stopper.join()
