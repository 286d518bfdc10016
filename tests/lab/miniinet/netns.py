# SPDX-License-Identifier: BSD-2-Clause
"""The network namespace: loopback only, all of 127.0.0.0/8."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import threading

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1

_entered = False


def why_not() -> str:
    """Why this process cannot make a namespace; empty when it can."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    pid = os.fork()
    if pid == 0:
        os._exit(0 if unshare() == 0 else 1)
    if os.waitpid(pid, 0)[1] != 0:
        return "the kernel refuses a new network namespace here"
    return ""


def enter() -> None:
    """Move this process into a namespace of its own.

    Only the calling thread moves, so it must be the only one; threads and
    children made later are inside.  A second call changes nothing.
    """
    global _entered
    if _entered:
        return
    if threading.active_count() != 1:
        raise RuntimeError("enter the namespace before starting threads")
    error = unshare()
    if error != 0:
        raise OSError(error, f"new network namespace: {os.strerror(error)}")
    _loopback_up()
    _entered = True


def unshare() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return 0 if libc.unshare(CLONE_NEWNET) == 0 else ctypes.get_errno()


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH22x", b"lo", 0)
        answer = fcntl.ioctl(sock, SIOCGIFFLAGS, request)
        flags = struct.unpack_from("H", answer, 16)[0] | IFF_UP
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags))
