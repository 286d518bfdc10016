# SPDX-License-Identifier: BSD-2-Clause
"""Any process may be killed at any time: nothing is lost, nothing lowered."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from miniinet.gateway import Gateway
from miniinet.world import World

SECONDS = 15.0


def kill(gateway: Gateway, role: str) -> None:
    """All of a role, and wait until others are in their place."""
    old = gateway.processes().get(role, [])
    assert old, f"no process of role {role}"
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if len(set(gateway.processes().get(role, [])) - set(old)) == len(old):
            return
        time.sleep(0.05)
    raise AssertionError(f"{role} was not started again\n{gateway.log()}")


PIDFD_GETFD = 438


def cut(gateway: Gateway, role: str) -> None:
    """End the channels of a role while both their ends live on."""
    libc = ctypes.CDLL(None, use_errno=True)
    cuts = 0
    for pid in gateway.processes()[role]:
        process = os.pidfd_open(pid)
        for fd in map(int, os.listdir(f"/proc/{pid}/fd")):
            copy = libc.syscall(PIDFD_GETFD, process, fd, 0)
            if copy < 0 and ctypes.get_errno() == errno.EBADF:
                continue  # closed since: one for a lookup
            assert copy >= 0, os.strerror(ctypes.get_errno())
            try:
                sock = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            with sock:
                if (sock.family == socket.AF_UNIX
                        and sock.type == socket.SOCK_STREAM):
                    sock.shutdown(socket.SHUT_RDWR)
                    cuts += 1
        os.close(process)
    assert cuts, f"{role} has no channel"


@pytest.mark.parametrize("role", ["advisor", "courier", "intake"])
def test_channels_that_broke_while_both_ends_live_are_joined_again(
    gateway: Gateway, role: str
) -> None:
    before = gateway.processes()
    joined = gateway.log().count("joined-again")
    cut(gateway, role)
    deadline = time.monotonic() + 2 * SECONDS
    while gateway.log().count("joined-again") == joined:
        assert time.monotonic() < deadline, gateway.log()
        time.sleep(0.1)
    gateway.wait_ready()
    gateway.send("dane.example").delivered(
        "mx.dane.example", required="verify", reached="verified")
    assert gateway.processes() == before


def test_mail_in_hand_when_a_courier_s_channels_break_is_sent_once(
    gateway: Gateway, world: World
) -> None:
    mail = gateway.submit("slow.example")
    deadline = time.monotonic() + SECONDS
    server = world.servers["mx.slow.example"]
    seen = len(server.sessions)
    while len(server.sessions) == seen and time.monotonic() < deadline:
        time.sleep(0.02)
    cut(gateway, "courier")
    result = gateway.wait_delivered(mail)
    assert [host for host, _ in result.arrived] == ["mx.slow.example"]


def test_inv_02_a_role_deaf_to_a_new_configuration_is_started_afresh(
    gateway: Gateway
) -> None:
    """Else it would go on with what was required before."""
    before = gateway.processes()["courier"]
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 4 * SECONDS
    while "role-deaf" not in gateway.log():
        assert time.monotonic() < deadline, gateway.log()
        gateway.reload({})
    while not set(gateway.processes().get("courier", before)).isdisjoint(
            before):
        assert time.monotonic() < deadline, gateway.log()
        time.sleep(0.1)
    gateway.wait_ready()
    gateway.send("dane.example").delivered(
        "mx.dane.example", required="verify", reached="verified")


@pytest.mark.parametrize("role", ["advisor", "courier", "keeper", "intake"])
def test_inv_02_a_killed_role_comes_back_and_lowers_nothing(
    gateway: Gateway, role: str
) -> None:
    gateway.send("sts.example")
    kill(gateway, role)
    gateway.wait_ready()
    gateway.send("dane.example").delivered(
        "mx.dane.example", required="verify", reached="verified")
    gateway.send("sts.example").delivered(
        "mx.sts.example", required="verify", reached="verified")
    mail = gateway.submit("dane-mismatch.example")
    result = gateway.result(mail)
    assert result.queued is not None and result.arrived == []
    assert result.violations == []


@pytest.mark.parametrize("role", ["advisor", "courier", "keeper", "intake"])
def test_a_role_killed_before_all_are_ready_is_joined_to_the_others(
    world: World, binary: Path, role: str
) -> None:
    gateway = Gateway(world, binary, f"early-{role}")
    gateway.spawn()
    try:
        deadline = time.monotonic() + SECONDS
        while role not in gateway.processes():
            assert time.monotonic() < deadline, gateway.log()
        kill(gateway, role)
        gateway.wait_ready()
        gateway.send("dane.example").delivered(
            "mx.dane.example", required="verify", reached="verified")
    finally:
        gateway.stop()


@pytest.mark.parametrize("role", ["courier", "keeper"])
def test_inv_14_mail_in_hand_when_a_role_is_killed_is_delivered(
    gateway: Gateway, world: World, role: str
) -> None:
    """While the receiving server lets its client wait."""
    mail = gateway.submit("slow.example")
    deadline = time.monotonic() + SECONDS
    server = world.servers["mx.slow.example"]
    seen = len(server.sessions)
    while len(server.sessions) == seen and time.monotonic() < deadline:
        time.sleep(0.02)
    kill(gateway, role)
    result = gateway.wait_delivered(mail)
    assert {host for host, _ in result.arrived} == {"mx.slow.example"}
