# SPDX-License-Identifier: BSD-2-Clause
"""What the gateway says before and after: explain, evidence, reports."""

from __future__ import annotations

import base64
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
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


def test_explain_shows_the_host_it_is_asked_about(gateway: Gateway) -> None:
    one = json.loads(gateway.command(
        "explain", "--json", "--mx", "MX.dane.example", "dane.example").stdout)
    assert [h["host"] for h in one["hosts"]] == ["mx.dane.example"]
    done = gateway.command("explain", "--mx", "mx.other.example",
                           "dane.example")
    assert done.returncode == 1
    assert "is no host of dane.example now" in done.stderr


def test_explain_names_the_line_of_what_is_in_force(gateway: Gateway) -> None:
    lines = gateway.conf.read_text().splitlines()
    for domain in EXPLAINED:
        for host in gateway.explain(domain)["hosts"]:
            for kind in ("rule", "exception"):
                where = host[f"{kind}-line"]
                assert (host[kind] == "") == (where == ""), host
                if where:
                    number = int(where.rpartition(":")[2])
                    assert f'"{host[kind]}"' in "".join(
                        lines[number - 1:number + 3])


def test_explain_live_fetches_the_policy_and_leaves_the_cache(
    gateway: Gateway,
) -> None:
    gateway.send("sts.example")
    cached = gateway.explain("sts.example")["sts"]["fetched"]
    time.sleep(1.1)  # times are of whole seconds
    live = json.loads(gateway.command(
        "explain", "--json", "--live", "sts.example").stdout)
    assert live["sts"]["fetched"] > cached
    assert gateway.explain("sts.example")["sts"]["fetched"] == cached


def test_explain_knows_no_other_class(gateway: Gateway) -> None:
    assert gateway.command("explain", "--class", "urgent",
                           "dane.example").returncode == 2


def test_dns_35_the_evidence_names_each_lookup_and_its_security(
    gateway: Gateway,
) -> None:
    record = gateway.send("dane.example").at("mx.dane.example")
    for lookup in ("MX dane.example", "A mx.dane.example",
                   "TLSA _25._tcp.mx.dane.example"):
        assert re.search(rf"(^|; ){re.escape(lookup)}=secure ttl [1-9]\d*(;|$)",
                         record["dns"]), record["dns"]


def test_inv_15_a_real_record_has_each_fact_of_its_connection(
    gateway: Gateway,
) -> None:
    gateway.send("sts.example")
    record = gateway.send("sts.example").at("mx.sts.example")
    for name in ("dns", "sts-id", "sts-fetched", "row", "why", "protocol",
                 "cipher", "group", "sni", "matched", "issuer", "not-after",
                 "reply", "address"):
        assert record[name], name
    for name in ("spki-sha256", "configuration"):
        assert re.fullmatch(r"[0-9a-f]{64}", record[name]), name
        assert record[name].strip("0"), name
    assert record["sts"] == "enforce"
    assert record["sts-age-s"] >= 0
    assert "POLICY sts.example=" in record["dns"]
    assert record["reply-code"] == 250
    assert (record["resumed"], record["reused"]) in (
        (False, True), (True, False), (False, False))


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
    first = "(SELECT min(seq) FROM evidence WHERE outcome <> 255)"
    for change in (
        "UPDATE evidence SET body = replace(body, 'plaintext', 'encrypted'),"
        f" reached = 2 WHERE seq = {first}",
        f"UPDATE evidence SET body = body || x'00' WHERE seq = {first}",
        f"DELETE FROM evidence WHERE seq = {first}",
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


VERIFIER = Path(__file__).resolve().parent.parent / "evidence_verify.py"


def verifier(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The script that shares no code with the program."""
    return subprocess.run([sys.executable, VERIFIER, *words],
                          capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def exported(world: World, binary: Path) -> Iterator[Path]:
    """An export of a gateway that was stopped, so that its end is signed."""
    with Gateway(world, binary, "exported") as gateway:
        gateway.send("dane.example").delivered(
            "mx.dane.example", required="verify", reached="verified")
        gateway.send("may-clear.example").delivered(
            "mx.may-clear.example", required="may", reached="plaintext")
    done = gateway.command("evidence", "export", "--since", "2026-01-01")
    assert done.returncode == 0, done.stderr
    file = gateway.folder / "export.jsonl"
    file.write_text(done.stdout)
    yield file


def test_an_export_is_verified_by_who_does_not_trust_the_program(
    exported: Path,
) -> None:
    lines = exported.read_text().splitlines()
    kinds = [json.loads(line) for line in lines]
    assert kinds[0]["gateway"]
    events = [k["record"]["event"] for k in kinds
              if "event" in k.get("record", {})]
    assert events[0] == "started"
    assert events[-1] == "stopped"
    assert {"resolver-works", "trust-anchor"} <= set(events)
    public = exported.parent / "state" / "evidence.key.pub"
    for words in ((exported,), (exported, "--key", public)):
        done = verifier(*words)
        assert done.returncode == 0, done.stderr
        assert f"signed up to record {kinds[0]['last']}" in done.stdout


def harmed(lines: list[str]) -> Iterator[tuple[list[str], str]]:
    """The file in ways in which it must not verify."""
    record = json.loads(lines[2])
    body = bytearray(base64.b64decode(record["body"]))
    body[40] ^= 1
    changed = record | {"body": base64.b64encode(body).decode()}
    yield [*lines[:2], json.dumps(changed), *lines[3:]], "record 2"
    yield [*lines[:2], *lines[3:]], "record 2 is missing"
    yield [lines[0], lines[2], lines[1], *lines[3:]], "record 1"
    yield lines[:-1], "cut off"
    yield [*lines[:3], lines[-1]], "are here"
    personal = record | {"personal": base64.b64encode(b"another").decode()}
    yield [*lines[:2], json.dumps(personal), *lines[3:]], "personal part"
    mark = next(i for i, x in enumerate(lines) if "checkpoint" in json.loads(x))
    signed = json.loads(lines[mark])
    signed["checkpoint"]["signature"] = "00" * 64
    yield [*lines[:mark], json.dumps(signed), *lines[mark + 1:]], "not signed"


def test_an_export_that_was_changed_is_found_out(
    exported: Path, tmp_path: Path
) -> None:
    file = tmp_path / "harmed.jsonl"
    for lines, where in harmed(exported.read_text().splitlines()):
        file.write_text("\n".join(lines) + "\n")
        done = verifier(file)
        assert done.returncode == 1, where
        assert where in done.stderr


def test_the_log_alone_shows_a_chain_that_was_made_anew(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "anew") as gateway:
        gateway.send("dane.example").delivered(
            "mx.dane.example", required="verify", reached="verified")
    log = gateway.folder / "kept.log"
    log.write_text(gateway.log())
    assert " checkpoint number=" in log.read_text()
    done = gateway.command("evidence", "verify", "--checkpoints", str(log))
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(gateway.state / "spool.db") as database:
        database.execute("DELETE FROM evidence WHERE seq > 1")
        database.execute("DELETE FROM checkpoint")
    database.close()
    assert gateway.command("evidence", "verify").returncode == 0
    done = gateway.command("evidence", "verify", "--checkpoints", str(log))
    assert done.returncode == 1
    assert "missing at the end" in done.stderr


def test_the_log_shows_an_export_that_was_made_anew(
    exported: Path, tmp_path: Path
) -> None:
    head = json.loads(exported.read_text().splitlines()[0])
    log = tmp_path / "kept.log"
    log.write_text(f"x info keeper/0 checkpoint number={head['last']} "
                   f"time-ms=1 hash={'0' * 64} key=0 signature=0\n")
    done = verifier(exported, "--checkpoints", log)
    assert done.returncode == 1
    assert "kept checkpoint" in done.stderr


def test_inv_15_every_record_decides_again_as_it_states(
    gateway: Gateway,
) -> None:
    gateway.send("dane.example")
    gateway.send("sts.example")
    done = gateway.command("evidence", "replay")
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(": 0 with another answer\n")
