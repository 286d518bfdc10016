# SPDX-License-Identifier: BSD-2-Clause
"""Alarms: raised, told by a command, listed, over.  Numbers by HTTP."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import Callable

import pytest
from miniinet.gateway import Gateway, after, exception
from miniinet.world import World

SCRAPE = ("127.0.0.1", 9325)
SECONDS = 30.0
DAY = 86400

# Writes what it was told in one go, and fails or hangs when it is wanted.
COMMAND = """#!/bin/sh
dir=$1
test -e "$dir/hang" && { echo $$ >"$dir/pid"; exec sleep 600; }
test -e "$dir/fail" && exit 7
env | grep '^TIERPOST_' | sort >"$dir/part"
echo END >>"$dir/part"
cat "$dir/part" >>"$dir/told"
"""


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.fixture(scope="module")
def place(world: World) -> Path:
    folder = world.folder / "alarm-command"
    folder.mkdir()
    folder.chmod(0o777)
    script = folder / "page"
    script.write_text(COMMAND)
    script.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def options(place: Path) -> dict:
    return {
        "alarms": {
            "command": [str(place / "page"), str(place)],
            "interval": "1s",
            "timeout": "2s",
        },
        "metrics": [
            {"address": f"{SCRAPE[0]}:{SCRAPE[1]}"},
            {"address": f"unix:{place}/metrics"},
        ],
        "exceptions": [],
    }


def told(place: Path) -> list[dict[str, str]]:
    path = place / "told"
    text = path.read_text() if path.exists() else ""
    return [
        dict(line.removeprefix("TIERPOST_").split("=", 1)
             for line in block.splitlines() if "=" in line)
        for block in text.split("END\n")[:-1]
    ]


def active(gateway: Gateway) -> list[dict]:
    done = gateway.command("alarms", "--json")
    rows = json.loads(done.stdout)
    assert done.returncode == (1 if rows else 0)
    return rows


def parse(text: str) -> dict[str, float]:
    """Strict: every line is a comment or a sample, none stands twice."""
    samples: dict[str, float] = {}
    types: dict[str, str] = {}
    label = r'[a-zA-Z_]\w*="[^"\\\n]*"'
    sample = re.compile(
        rf"([a-zA-Z_:][\w:]*(?:\{{{label}(?:,{label})*\}})?) "
        r"(\d+(?:\.\d+)?)")
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types
            types[name] = kind
        elif line.startswith("# HELP "):
            assert len(line.split(" ", 3)) == 4
        else:
            match = sample.fullmatch(line)
            assert match, line
            assert match[1] not in samples, line
            samples[match[1]] = float(match[2])
    return samples


def page() -> str:
    client = http.client.HTTPConnection(*SCRAPE, timeout=10)
    client.request("GET", "/metrics", headers={"Accept": "text/plain"})
    reply = client.getresponse()
    text = reply.read().decode()
    assert reply.status == 200, text
    assert reply.getheader("Content-Type", "").startswith(
        "text/plain; version=0.0.4")
    return text


def scrape() -> dict[str, float]:
    return parse(page())


def test_an_alarm_is_raised_told_by_the_command_listed_and_over(
    gateway: Gateway, place: Path
) -> None:
    assert active(gateway) == []
    assert gateway.command("alarms").stdout == "no alarms\n"
    gateway.reload({"exceptions": [
        exception("old", "legacy.example", after(DAY))]})
    until(lambda: told(place), "the command was not run")
    first = told(place)[0]
    assert first["ALARM"] == "exception-expiring"
    assert first["STATE"] == "raised"
    assert first["SEVERITY"] == "warning"
    assert first["OBJECT"] == "old"
    assert first["HOST"] == gateway.options["hostname"]
    assert "security@sender.example" in first["TEXT"]
    row = active(gateway)[0]
    assert (row["alarm"], row["object"]) == ("exception-expiring", "old")
    assert row["since"] == first["SINCE"]
    assert "exception-expiring old since" in gateway.command("alarms").stdout
    assert scrape()['tierpost_alarms_active{alarm="exception-expiring"}'] == 1
    gateway.reload({"exceptions": []})
    until(lambda: len(told(place)) > 1, "the end was not told")
    assert told(place)[1]["STATE"] == "over"
    assert active(gateway) == []


def test_numbers_follow_the_mail(gateway: Gateway) -> None:
    before = scrape()
    gateway.send("dane.example").delivered(
        "mx.dane.example", required="verify", reached="verified")
    until(lambda: scrape()["tierpost_sessions_total"]
          > before["tierpost_sessions_total"], "no session was counted")
    after_it = scrape()

    def grown(key: str) -> float:
        return after_it[key] - before.get(key, 0)

    assert grown("tierpost_messages_accepted_total") == 1
    assert grown('tierpost_recipients_total{result="delivered"}') == 1
    assert grown('tierpost_attempts_total{required="verify",'
                 'reached="verified",outcome="delivered"}') == 1
    assert grown('tierpost_dns_answers_total{security="secure"}') > 0
    assert grown("tierpost_commit_seconds_count") > 0
    assert grown("tierpost_evidence_records") >= 1
    assert after_it["tierpost_resolver_validating"] == 1
    assert after_it["tierpost_spool_free_bytes"] > 0


def test_the_parser_of_prometheus_itself_reads_the_same(
    gateway: Gateway,
) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    text = page()
    families = list(parser.text_string_to_metric_families(text))
    read = {
        sample.name + ("{" + ",".join(
            f'{key}="{value}"' for key, value in sample.labels.items()) + "}"
            if sample.labels else ""): sample.value
        for family in families for sample in family.samples
    }
    assert read == parse(text)
    assert all(family.documentation and family.type != "unknown"
               for family in families)


def test_a_socket_in_the_file_system_has_the_same_numbers(
    gateway: Gateway, place: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(place / "metrics"))
        sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b""
        while part := sock.recv(65536):
            text += part
    samples = parse(text.split(b"\r\n\r\n", 1)[1].decode())
    assert set(samples) >= {"tierpost_messages_accepted_total"}


def test_b3_14_hostile_clients_leave_the_numbers_to_be_had(
    gateway: Gateway,
) -> None:
    silent = [socket.create_connection(SCRAPE) for _ in range(20)]
    with socket.create_connection(SCRAPE, timeout=10) as big:
        big.sendall(b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 9000)
        assert big.recv(64).startswith(b"HTTP/1.0 431 ")
    with socket.create_connection(SCRAPE, timeout=10) as other:
        other.sendall(b"DELETE /metrics HTTP/1.1\r\n\r\n")
        assert other.recv(64).startswith(b"HTTP/1.0 405 ")
    assert scrape()["tierpost_messages_accepted_total"] >= 0
    for sock in silent:
        sock.close()


def test_clear_text_without_an_exception_is_an_alarm(
    gateway: Gateway, place: Path
) -> None:
    gateway.send("legacy.example")
    until(lambda: any(row["alarm"] == "clear-text"
                      for row in active(gateway)), "no alarm")
    until(lambda: any(one["ALARM"] == "clear-text" for one in told(place)),
          "the command was not run")


def test_a_command_that_hangs_is_killed_and_one_that_fails_is_an_alarm(
    gateway: Gateway, place: Path
) -> None:
    (place / "hang").touch()
    gateway.reload({"exceptions": [
        exception("slow", "legacy.example", after(DAY))]})
    until(lambda: "alarm-not-told text=\"it took too long and was killed\""
          in gateway.log(), "it was not killed")
    pid = int((place / "pid").read_text())
    until(lambda: not Path(f"/proc/{pid}").exists(), "it lives")
    assert "alarm-command" in [row["alarm"] for row in active(gateway)]
    (place / "hang").unlink()


def test_a_keeper_that_is_started_afresh_finds_what_still_holds(
    gateway: Gateway,
) -> None:
    os.kill(gateway.processes()["keeper"][0], signal.SIGKILL)
    until(lambda: "exception-expiring" in
          [row["alarm"] for row in active_or_none(gateway)], "not raised anew")
    until(lambda: scrape_or_none().get("tierpost_resolver_validating") == 1,
          "the resolver was not told again")


def active_or_none(gateway: Gateway) -> list[dict]:
    done = gateway.command("alarms", "--json")
    return json.loads(done.stdout) if done.returncode in (0, 1) else []


def scrape_or_none() -> dict[str, float]:
    try:
        return scrape()
    except (AssertionError, OSError):
        return {}


def test_trust_anchors_and_changed_settings_are_records_of_the_chain(
    gateway: Gateway,
) -> None:
    lines = gateway.command("evidence", "list", "--json").stdout.splitlines()
    events = [one for one in map(json.loads, lines) if "event" in one]
    anchors = [one for one in events if one["event"] == "trust-anchor"]
    assert anchors and anchors[0]["file"] == str(gateway.world.trust_anchor)
    assert re.match(r"key \d+ \(algorithm \d+, digest \d+\) [0-9a-f]+$",
                    anchors[0]["anchor-1"])
    assert any(one["event"] == "resolver-works" for one in events)
    reloads = [one for one in events if one["event"] == "reloaded"]
    assert reloads[0]["change-1"] == 'exceptions "old": added'


def test_other_places_of_metrics_need_a_restart(gateway: Gateway) -> None:
    gateway.reload({"metrics": []}, refused=True)
    gateway.options["metrics"] = [{"address": f"{SCRAPE[0]}:{SCRAPE[1]}"}]
