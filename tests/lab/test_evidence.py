# SPDX-License-Identifier: BSD-2-Clause
"""What the gateway says before and after: explain, evidence, reports."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from miniinet.gateway import Gateway
from miniinet.world import World

EXPLAINED = [
    "dane.example", "dane-mismatch.example", "dane-half.example",
    "dane-unusable.example", "tlsa-servfail.example", "sts.example",
    "sts-mx.example", "sts-testing.example", "may.example",
    "both-dane-bad.example",
]


@pytest.mark.parametrize("domain", EXPLAINED)
def test_inv_15_explain_says_what_delivery_then_does(
    gateway: Gateway, domain: str
) -> None:
    plan = gateway.explain(domain)
    result = gateway.send(domain)
    assert plan["resolver-validates"] is True
    assert plan["verdict"] == "deliver"
    host, = plan["hosts"]
    record = result.at(host["host"])
    for key in ("skip", "dane", "half-dane", "tlsa-base", "sts-mx-match",
                "row", "why"):
        assert record[key] == host[key], key
    assert record["sts"] == plan["sts"]["state"]
    if not host["skip"]:
        assert record["required"] == host["required"]
        assert record["method"] == host["method"]


@pytest.mark.parametrize(("domain", "status"), [
    ("dane.example", 0), ("mx-altered.example", 75), ("null-mx.example", 1),
])
def test_explain_answers_with_its_exit_status(
    gateway: Gateway, domain: str, status: int
) -> None:
    assert gateway.command("explain", domain).returncode == status


@pytest.mark.parametrize(("domain", "mclass", "found"), [
    ("may.example", "requiretls",
     {"skip": True, "conclusive": True, "decided-by": 7,
      "section": "RFC 8689 4.2.1"}),
    ("dane.example", "requiretls",
     {"skip": False, "required": "verify", "method": "dane",
      "requiretls": True, "decided-by": 6, "section": "RFC 7672 2.2"}),
    ("dane.example", "tls-optional",
     {"required": "may", "method": "none", "decided-by": 7,
      "section": "RFC 8689 3"}),
    ("sts-mx.example", "report", {"skip": False, "required": "may"}),
])
def test_explain_tells_of_the_class_it_is_asked_for(
    gateway: Gateway, domain: str, mclass: str, found: dict
) -> None:
    plan = gateway.explain(domain, mclass)
    host, = plan["hosts"]
    assert plan["class"] == mclass
    assert host["row"].endswith(f":{mclass}")
    assert {key: host[key] for key in found} == found


def test_explain_knows_no_other_class(gateway: Gateway) -> None:
    assert gateway.command("explain", "--class", "urgent",
                           "dane.example").returncode == 2


def test_dns_35_the_evidence_names_each_lookup_and_its_security(
    gateway: Gateway,
) -> None:
    record = gateway.send("dane.example").at("mx.dane.example")
    for lookup in ("MX dane.example", "A mx.dane.example",
                   "TLSA _25._tcp.mx.dane.example"):
        assert f"{lookup}=secure" in record["dns"]


def test_the_report_says_none_when_there_was_none(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "none") as gateway:
        gateway.send("dane.example").delivered(
            "mx.dane.example", required="verify", reached="verified")
        gateway.send("dane-stripped.example").held(
            "mx.dane-stripped.example", "tls-failed")
        report = gateway.plaintext()
        assert report["plaintext"] == []
        assert report["records"] >= 2
        said = gateway.command("report", "plaintext", "--since",
                               "2026-01-01").stdout
        assert said.startswith("none: ")


def test_a_changed_record_is_found(world: World, binary: Path) -> None:
    """Whoever rewrites history must rewrite all that came after it."""
    with Gateway(world, binary, "changed") as gateway:
        gateway.send("may-clear.example").delivered(
            "mx.may-clear.example", required="may", reached="plaintext")
        gateway.send("dane.example").delivered(
            "mx.dane.example", required="verify", reached="verified")
        assert gateway.command("evidence", "verify").returncode == 0
    spool = gateway.state / "spool.db"
    backup = gateway.folder / "backup.db"
    shutil.copy(spool, backup)
    owner = spool.stat()
    for change in (
        "UPDATE evidence SET body = replace(body, 'plaintext', 'encrypted'),"
        " reached = 2 WHERE seq = 1",
        "UPDATE evidence SET body = body || x'00' WHERE seq = 1",
        "DELETE FROM evidence WHERE seq = 1",
        "UPDATE evidence SET time = time + 1 WHERE seq = 1",
    ):
        shutil.copy(backup, spool)
        with sqlite3.connect(spool) as database:
            assert database.execute(change).rowcount == 1
        database.close()
        shutil.chown(spool, owner.st_uid, owner.st_gid)
        with gateway:
            done = gateway.command("evidence", "verify")
        assert done.returncode == 1, change
        assert "broken at record" in done.stderr
