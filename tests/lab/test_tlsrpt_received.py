# SPDX-License-Identifier: BSD-2-Clause
"""TLS reports of others: by mail through the listener, and from files."""

from __future__ import annotations

import gzip
import json
import os
import signal
import smtplib
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from pathlib import Path
from typing import Callable

import pytest
from miniinet.gateway import SETTLE_SECONDS, Gateway, Record
from miniinet.world import World

ADDRESS = "tlsrpt@sender.example"
REPORTER = "noreply@reporter.example"
SAMPLES = Path(__file__).resolve().parents[1] / "golden" / "received"
DAY = datetime.now(timezone.utc).date() - timedelta(days=1)


@pytest.fixture(scope="module")
def options() -> dict:
    return {"tlsrpt": {"receive": [ADDRESS], "received-lifetime": "3650d"}}


def until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def document(report_id: str, failures: int = 0) -> bytes:
    details = [{
        "result-type": "certificate-expired", "sending-mta-ip": "192.0.2.9",
        "receiving-mx-hostname": "mx.sender.example",
        "receiving-ip": "198.51.100.7", "failed-session-count": failures,
    }]
    return json.dumps({
        "organization-name": "Reporter",
        "date-range": {"start-datetime": f"{DAY}T00:00:00Z",
                       "end-datetime": f"{DAY}T23:59:59Z"},
        "contact-info": "tls@reporter.example",
        "report-id": report_id,
        "policies": [{
            "policy": {"policy-type": "sts", "policy-string": [],
                       "policy-domain": "sender.example"},
            "summary": {"total-successful-session-count": 10,
                        "total-failure-session-count": failures},
            "failure-details": details if failures else [],
        }],
    }).encode()


def mail_of(content: bytes, subtype: str = "tlsrpt+gzip") -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = REPORTER, ADDRESS
    mail["Subject"] = "Report Domain: sender.example"
    mail.set_content("This is a TLS report.")
    mail.add_attachment(content, maintype="application", subtype=subtype,
                        filename="r!s!1!2.json.gz")
    mail.replace_header("Content-Type", mail["Content-Type"].replace(
        "multipart/mixed", "multipart/report; report-type=tlsrpt"))
    return mail.as_bytes()


def hand_in(gateway: Gateway, content: bytes, sender: str = REPORTER,
            rcpt: str = ADDRESS) -> None:
    content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    with smtplib.SMTP(*gateway.listen, timeout=30) as smtp:
        smtp.ehlo("mx.sender.example")
        code, said = smtp.mail(sender)
        assert code == 250, said
        code, said = smtp.rcpt(rcpt)
        assert code == 250, said
        code, said = smtp.data(content)
        assert code == 250, said


def received(gateway: Gateway, *words: str) -> dict:
    done = gateway.command("report", "tlsrpt", "received", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ids(gateway: Gateway) -> list[str]:
    return [r["report-id"] for r in received(gateway)["reports"]]


def waiting(gateway: Gateway) -> list[Record]:
    return [r for r in gateway.queue() if r["domain"] == "(tls-reports)"]


def settled(gateway: Gateway) -> None:
    until(lambda: all(r["state"] == "held" for r in waiting(gateway)),
          "reports are not read")


def sum_of(gateway: Gateway, name: str) -> tuple[int, int]:
    found, = [r for r in received(gateway)["reporters"]
              if r["reporter"] == name]
    return found["success"], found["failure"]


def test_a_report_by_mail_is_read_and_counted_once(gateway: Gateway) -> None:
    content = mail_of(gzip.compress(document("by-mail", 3)))
    hand_in(gateway, content)
    until(lambda: "by-mail" in ids(gateway), "it was not counted")
    hand_in(gateway, content, sender="")
    until(lambda: "tls-report-known" in gateway.log(), "it was not known")
    assert ids(gateway).count("by-mail") == 1
    assert sum_of(gateway, "Reporter") == (10, 3)
    failure, = received(gateway)["failures"]
    assert failure["receiving-mx"] == "mx.sender.example"
    assert failure["sessions"] == 3
    assert not waiting(gateway)
    assert "received" in [r["outcome"] for r in gateway.evidence(
        "--domain", "sender.example")]


@pytest.mark.parametrize("name", ["google.eml", "microsoft.eml", "named.eml"])
def test_reports_as_others_write_them_come_by_mail(
    gateway: Gateway, name: str
) -> None:
    before = len(ids(gateway))
    hand_in(gateway, (SAMPLES / name).read_bytes())
    until(lambda: len(ids(gateway)) > before, f"{name} was not counted")


UNREADABLE = {
    "times its size": gzip.compress(b" " * (20 << 20)),
    "nested": gzip.compress(b"[" * 10000),
    "not JSON": gzip.compress(document("x")[:100]),
    "damaged": gzip.compress(document("x"))[:80],
}


@pytest.mark.parametrize("why", UNREADABLE)
def test_b3_8_what_cannot_be_read_is_held_and_told_to_nobody(
    gateway: Gateway, why: str
) -> None:
    before = {r["id"] for r in waiting(gateway)}
    hand_in(gateway, mail_of(UNREADABLE[why]))
    until(lambda: any(r["state"] == "held" and why in r["reason"]
                      for r in waiting(gateway) if r["id"] not in before),
          f"nothing is held for: {why}")
    row, = [r for r in waiting(gateway) if r["id"] not in before]
    assert row["id"] in gateway.log()
    time.sleep(1)  # no report about it goes to its sender
    assert not [r for r in gateway.queue() if r["sender"] == ""
                and "reporter.example" in r["recipient"]]
    shown = gateway.command("queue", "show", "--content", row["id"]).stdout
    assert why in shown and "tlsrpt+gzip" in shown
    assert gateway.command("queue", "delete", row["id"], "--note",
                           "no report").returncode == 0


def test_mail_for_other_addresses_goes_its_way(gateway: Gateway) -> None:
    gateway.send("dane.example").delivered(
        "mx.dane.example", required="verify", reached="verified")


def test_inv_14_a_collector_that_is_killed_loses_nothing(
    gateway: Gateway,
) -> None:
    wanted = {f"kill-{i}" for i in range(20)}
    for i, name in enumerate(sorted(wanted)):
        hand_in(gateway, mail_of(gzip.compress(document(name))))
        if i % 5 == 0:
            for pid in gateway.processes().get("collector", []):
                os.kill(pid, signal.SIGKILL)
        if i == 12:
            pid, = gateway.processes()["keeper"]
            os.kill(pid, signal.SIGKILL)
            gateway.wait_ready()
            time.sleep(1)
    until(lambda: wanted <= set(ids(gateway)), "some were lost")
    until(lambda: not [r for r in waiting(gateway) if r["state"] != "held"],
          "some are in the queue")
    assert all(ids(gateway).count(name) == 1 for name in wanted)


def test_files_are_taken_in_while_the_gateway_runs(
    gateway: Gateway, tmp_path: Path
) -> None:
    for i in range(30):
        (tmp_path / f"{i}.json").write_bytes(document(f"file-{i}"))
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b" " * (20 << 20)))
    (tmp_path / "again.json").write_bytes(document("file-1"))
    tmp_path.chmod(0o755)
    for part in tmp_path.parents:
        if part.owner() == "root" and part != Path("/"):
            part.chmod(part.stat().st_mode | 0o055)
    hand_in(gateway, mail_of(gzip.compress(document("beside"))))
    done = gateway.command("report", "tlsrpt", "ingest", str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "30 reports added, 1 counted before, 1 refused" in done.stdout
    assert "bomb.gz: refused: " in done.stderr
    until(lambda: "beside" in ids(gateway), "the mail was not counted")
    state = gateway.state / "tlsrpt.db"
    assert state.owner() == gateway.state.owner()
    assert state.stat().st_mode & 0o077 == 0


@pytest.fixture
def passing_on(world: World, binary: Path) -> Iterator[Gateway]:
    with Gateway(world, binary, "passing-on", {"tlsrpt": {
            "receive": [ADDRESS],
            "unreadable": "postmaster@dane.example"}}) as gateway:
        yield gateway


def test_what_is_no_report_is_sent_on_where_it_is_wanted(
    passing_on: Gateway, world: World
) -> None:
    hand_in(passing_on, b"From: a@b.example\r\nSubject: buy this\r\n\r\nnow\r\n")
    until(lambda: "delivered" in [r["outcome"] for r in passing_on.evidence(
        "--domain", "dane.example")], "it was not sent on")
    assert not passing_on.queue()
    assert "redirected=postmaster@dane.example" in passing_on.log()
