# SPDX-License-Identifier: BSD-2-Clause
"""The operator's hand in the queue: list, hold, release, retry, delete."""

from __future__ import annotations

import json
import time
from email import message_from_bytes
from pathlib import Path
from typing import Callable

import pytest
from miniinet.gateway import SETTLE_SECONDS, Gateway, Mail, Record
from miniinet.world import World

WAITS = "dane-clear.example"  # its server has no STARTTLS: mail is held back
GOES = "dane.example"


@pytest.fixture(scope="module")
def options() -> dict:
    return {"queue": {"first-retry": "1h", "max-retry": "2h"}}


def queue(gateway: Gateway, *words: str, status: int = 0):
    ran = gateway.command("queue", *words, "--json")
    assert ran.returncode == status, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def state(gateway: Gateway, mail: Mail) -> str:
    rows = [r for r in gateway.queue() if r["id"] == mail.id]
    return rows[0]["state"] if rows else "gone"


def waiting(gateway: Gateway) -> Mail:
    """A message whose destination is known to fail."""
    mail = gateway.submit(WAITS)
    until(lambda: state(gateway, mail) == "deferred", "not deferred")
    return mail


def attempts(gateway: Gateway) -> int:
    return len(gateway.evidence("--domain", WAITS))


def of(gateway: Gateway, mail: Mail) -> list[Record]:
    return [r for r in gateway.evidence() if r["queue-id"] == mail.id]


def test_a_held_message_waits_until_it_is_released(gateway: Gateway) -> None:
    mail = waiting(gateway)
    told = queue(gateway, "hold", mail.id, "--note", "looked into")
    assert (told["matched"], told["changed"]) == (1, 1)
    row, = queue(gateway, "list", mail.id)
    assert (row["state"], row["next"]) == ("held", "never")
    assert queue(gateway, "retry", mail.id)["changed"] == 0
    assert queue(gateway, "release", mail.id)["changed"] == 1
    assert state(gateway, mail) == "deferred"


def test_smtp_58_a_retry_attempts_at_once_and_keeps_the_lifetime(
    gateway: Gateway,
) -> None:
    mail = waiting(gateway)
    row, = queue(gateway, "list", mail.id)
    before = attempts(gateway)
    assert queue(gateway, "retry", "--domain", WAITS)["changed"] >= 1
    until(lambda: attempts(gateway) > before, "no attempt was made")
    again, = queue(gateway, "list", mail.id)
    assert again["expires"] == row["expires"]


def test_inv_14_a_deleted_message_is_in_the_evidence(
    gateway: Gateway,
) -> None:
    mail = waiting(gateway)
    assert queue(gateway, "delete", mail.id, "--note",
                 "sent by mistake")["changed"] == 1
    assert queue(gateway, "list", mail.id, status=1) == []
    record = of(gateway, mail)[-1]
    assert record["outcome"] == "deleted"
    assert "by root: sent by mistake" in record["why"]
    assert gateway.command("evidence", "verify").returncode == 0


def test_a_sender_can_be_told_of_a_deletion(gateway: Gateway) -> None:
    mail = waiting(gateway)
    queue(gateway, "delete", mail.id, "--notify")
    gateway.wait_for_report(mail)


def test_a_redirected_recipient_is_delivered_elsewhere(
    gateway: Gateway,
) -> None:
    mail = waiting(gateway)
    told = queue(gateway, "redirect", mail.id, "--to", f"other@{GOES}")
    assert told["changed"] == 1
    until(lambda: state(gateway, mail) == "gone", "not delivered")
    outcomes = [r["outcome"] for r in of(gateway, mail)]
    assert outcomes[-2:] == ["redirected", "delivered"]


def test_the_whole_queue_must_be_asked_for(gateway: Gateway) -> None:
    ran = gateway.command("queue", "delete")
    assert ran.returncode == 2
    assert "--all" in ran.stderr


def test_patterns_choose_and_the_summary_counts(gateway: Gateway) -> None:
    waiting(gateway)
    groups = queue(gateway, "summary", "--by", "domain")
    held, = [g for g in groups if g["name"] == WAITS]
    assert held["recipients"] == held["deferred"] + held["held"]
    assert queue(gateway, "list", "--sender", "NOBODY@*") == []
    assert queue(gateway, "list", "--sender", "Alice@*",
                 "--reason", "starttls", "--newer", "1h")


def test_show_prints_all_of_a_message(gateway: Gateway) -> None:
    mail = waiting(gateway)
    ran = gateway.command("queue", "show", mail.id, "--content")
    assert ran.returncode == 0
    head, _, content = ran.stdout.partition("\n\nReceived:")
    assert f"Message     {mail.id}" in head
    message = message_from_bytes(b"Received:" + content.encode())
    assert mail.canary in content and message["Subject"]


def test_without_a_gateway_nothing_is_changed(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "stopped") as stopped:
        mail = stopped.submit(WAITS)
    ran = stopped.command("queue", "delete", mail.id)
    assert ran.returncode == 75
    assert "Does the gateway run" in ran.stderr
