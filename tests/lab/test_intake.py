# SPDX-License-Identifier: BSD-2-Clause
"""What many large messages at a time cost the process that takes them."""

from __future__ import annotations

import smtplib
import threading
from pathlib import Path

from miniinet.gateway import SENDER, Gateway

SESSIONS = 20
MESSAGE_BYTES = 50 << 20
LINE = b"x" * 62 + b"\r\n"
PIECE = LINE * 16384
MOST_KIB = 64 << 10


def most_resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError("the process has no memory")


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
        kib = sum(most_resident_kib(pid)
                  for pid in gateway.processes()["intake"])
        full.wait()
    except threading.BrokenBarrierError:
        kib = 0
    for thread in threads:
        thread.join()
    assert not errors
    assert kib < MOST_KIB
