# SPDX-License-Identifier: BSD-2-Clause
"""explain: the running gateway's own plan, and hosts that are connected to."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from miniinet.gateway import Gateway, Record, after, exception
from miniinet.world import World

DAY = 86400


def waives(name: str, domain: str, *failures: str) -> dict:
    made = dict(exception(name, domain, after(30 * DAY)))
    del made["allow"]
    return {**made, "waives": list(failures)}


@pytest.fixture(scope="module")
def options() -> dict:
    return {
        "rules": [
            {"name": "pinned", "domains": ["may.example"],
             "require": "verify", "method": "pin",
             "pins": ["spki-sha256:" + "00" * 32]},
        ],
        "exceptions": [
            exception("clear", "dane-mismatch.example", after(30 * DAY)),
            waives("mended", "sts-alien.example", "certificate"),
            waives("idle", "dane.example", "tlsa-mismatch"),
        ],
    }


def explain(gateway: Gateway, *words: str) -> tuple[Record, int]:
    done = gateway.command("explain", "--json", *words)
    return json.loads(done.stdout), done.returncode


def probe(gateway: Gateway, domain: str) -> tuple[Record, int]:
    """What is said of its only host."""
    plan, status = explain(gateway, "--probe", domain)
    host, = plan["hosts"]
    return host, status


# ---- whose plan it is ----

def test_the_running_gateway_says_what_it_would_do(gateway: Gateway) -> None:
    domain = "dane-roll.example"
    gateway.send(domain)
    first, _ = explain(gateway, domain)
    assert (first["source"], first["source-why"]) == ("gateway", "")
    assert first["interference"] is False
    assert first["configuration-differs"] is False
    time.sleep(1.1)  # times are of whole seconds
    # By the plan that mail goes by, not by one of its own.
    again, _ = explain(gateway, domain)
    assert again["made"] == first["made"]
    live, _ = explain(gateway, "--live", domain)
    assert live["source"] == "command"
    assert live["source-why"] == "as --live asks for"
    assert live["made"] > first["made"]
    text = gateway.command("explain", domain).stdout
    assert "What the running gateway would do now" in text
    text = gateway.command("explain", "--live", domain).stdout
    assert "Asked afresh by this command, as --live asks for." in text


def test_the_gateway_and_the_command_come_to_the_same(
    gateway: Gateway,
) -> None:
    for domain in ("dane-half.example", "sts.example", "may.example",
                   "tlsa-servfail.example", "sts-mx.example"):
        told, _ = explain(gateway, domain)
        live, _ = explain(gateway, "--live", domain)
        for key in ("verdict", "mx-secure", "unmet"):
            assert told[key] == live[key], domain
        for a, b in zip(told["hosts"], live["hosts"], strict=True):
            for key in ("host", "skip", "required", "method", "row"):
                assert a[key] == b[key], domain


def test_explain_without_a_gateway_says_so_and_asks_itself(
    world: World, binary: Path
) -> None:
    gateway = Gateway(world, binary, "not-running")
    plan, status = explain(gateway, "dane.example")
    assert status == 0
    assert plan["source"] == "command"
    assert plan["source-why"].startswith("no gateway answers: ")
    assert plan["hosts"][0]["required"] == "verify"
    done = gateway.command("explain", "dane.example")
    assert "Asked afresh by this command, no gateway answers" in done.stdout


def test_explain_says_when_the_gateway_has_another_configuration(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "older") as gateway:
        gateway.options["smtp"]["floor"] = "verify"
        gateway.write_config()
        plan, _ = explain(gateway, "may.example")
        assert plan["configuration-differs"] is True
        assert plan["hosts"][0]["required"] == "may"
        assert "Its configuration is another than" in gateway.command(
            "explain", "may.example").stdout


def test_explain_shows_what_the_gateway_has_cached(
    world: World, binary: Path
) -> None:
    """INV-12: also when no policy is served any more."""
    with Gateway(world, binary, "caches") as gateway:
        gateway.send("sts.example")
        fetched = explain(gateway, "sts.example")[0]["sts"]["fetched"]
        time.sleep(1.1)
        assert gateway.command("policy", "refresh",
                               "sts.example").returncode == 0
        assert explain(gateway, "sts.example")[0]["sts"]["fetched"] > fetched


def test_tls_17_explain_shows_where_tls_has_failed(gateway: Gateway) -> None:
    """Mail that need not have TLS begins there with clear text."""
    domain = "may-alert.example"
    assert explain(gateway, domain)[0]["hosts"][0]["remembered"] == []
    gateway.send(domain)
    told, = explain(gateway, domain)[0]["hosts"][0]["remembered"]
    assert told["begins-with"] == "clear"
    assert told["left-ms"] > 0
    assert told["why"] != ""
    text = gateway.command("explain", domain).stdout
    assert "remembered TLS has failed at " in text
    assert "mail begins there with clear text" in text
    live, _ = explain(gateway, "--live", domain)
    assert live["hosts"][0]["remembered"] == []


# ---- what hosts come to ----

MET = {
    "dane-ta.example": ("verified", "TLSA 2 0 1 "),
    "dane-roll.example": ("verified", "TLSA 3 1 1 "),
    "dane-half.example": ("authenticated", "TLSA 3 1 1 "),
    "sts.example": ("verified", "mx.sts.example"),
    "dane-unusable.example": ("encrypted", ""),
}


@pytest.mark.parametrize("domain", MET)
def test_a_host_that_meets_what_is_required(
    gateway: Gateway, domain: str
) -> None:
    host, status = probe(gateway, domain)
    reached, matched = MET[domain]
    found = host["probe"]
    assert (found["outcome"], status) == ("met", 0), found
    assert found["reached"] == reached
    assert found["starttls"] is True
    assert found["tls"]["protocol"] == "TLSv1.3"
    assert found["tls"]["matched"].startswith(matched)
    assert found["tls"]["certificate"]["names"] == host["host"]
    assert found["tls"]["certificate"]["expires"].endswith("Z")
    assert found["address"].endswith(":25")
    assert host["probe-without-exception"] is None


def test_a_probe_tells_the_record_that_matched(gateway: Gateway) -> None:
    records = probe(gateway, "dane-roll.example")[0]["probe"]["tlsa"]
    assert sorted(r["matched"] for r in records) == [False, True]


SHORT = {
    "both-dane-bad.example": "tlsa-mismatch",
    "dane-clear.example": "no-starttls",
    "dane-454.example": "no-starttls",
    "dane-alert.example": "legacy-tls",
    "dane-inject.example": "tls",
    "sts-self.example": "certificate",
    "sts-expired.example": "certificate",
    "may.example": "pin-mismatch",
}


@pytest.mark.parametrize("domain", SHORT)
def test_a_host_that_falls_short_and_why(
    gateway: Gateway, domain: str
) -> None:
    host, status = probe(gateway, domain)
    found = host["probe"]
    assert (found["outcome"], found["failure"], status) == (
        "short", SHORT[domain], 1), found
    assert found["why"] != ""
    text = gateway.command("explain", "--probe", domain).stdout
    assert f"it falls short ({SHORT[domain]})" in text


def test_an_expired_certificate_is_told_as_one(gateway: Gateway) -> None:
    found, _ = probe(gateway, "sts-expired.example")
    tls = found["probe"]["tls"]
    assert tls["error"] == "certificate has expired"
    assert tls["certificate"]["expires"] < after(0)


def test_a_host_that_is_not_used_is_not_connected_to(
    gateway: Gateway,
) -> None:
    since = time.monotonic()
    host, status = probe(gateway, "sts-mx.example")
    assert (host["probe"]["outcome"], status) == ("not-used", 1)
    address = gateway.world.front_address("mx.sts-mx.example")
    assert list(gateway.world.wire.to(address, since)) == []


def test_a_host_that_says_nothing_does_not_hold_the_command(
    gateway: Gateway,
) -> None:
    host, status = probe(gateway, "dane-stall.example")
    assert host["probe"]["outcome"] in ("short", "unknown")
    assert status in (1, 75)


def test_no_mail_is_sent(gateway: Gateway) -> None:
    server = gateway.world.servers["mx.dane-ta.example"]
    before = len(server.messages)
    probe(gateway, "dane-ta.example")
    assert len(server.messages) == before


# ---- with and without an exception ----

def test_inv_04_a_probe_tells_what_the_exception_lets_pass(
    gateway: Gateway,
) -> None:
    host, status = probe(gateway, "dane-mismatch.example")
    assert status == 0
    assert host["probe"]["outcome"] == "met"
    assert host["probe"]["required"] == "plain"
    bare = host["probe-without-exception"]
    assert (bare["outcome"], bare["failure"]) == ("short", "tlsa-mismatch")
    assert (bare["required"], bare["method"]) == ("verify", "dane")
    text = gateway.command("explain", "--probe", "dane-mismatch.example")
    assert "probed as if the exception clear were not" in text.stdout


def test_inv_04_a_probe_tells_which_failure_is_waived(
    gateway: Gateway,
) -> None:
    host, status = probe(gateway, "sts-alien.example")
    found, bare = host["probe"], host["probe-without-exception"]
    assert status == 0
    assert (found["outcome"], found["waived"]) == ("met", ["certificate"])
    assert found["required"] == "encrypt"
    assert found["reached"] == "encrypted"
    assert (bare["outcome"], bare["required"]) == ("short", "verify")


def test_inv_04_a_probe_tells_that_an_exception_is_not_needed(
    gateway: Gateway,
) -> None:
    host, status = probe(gateway, "dane.example")
    for found in (host["probe"], host["probe-without-exception"]):
        assert (found["outcome"], found["waived"]) == ("met", [])
        assert (found["required"], found["method"]) == ("verify", "dane")
    assert status == 0
