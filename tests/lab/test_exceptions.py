# SPDX-License-Identifier: BSD-2-Clause
"""Rules that raise what is required, exceptions that lower it for a time."""

from __future__ import annotations

import glob
import os
import time
from pathlib import Path

import pytest
from miniinet.gateway import Gateway, after, exception
from miniinet.world import World

DAY = 86400
EVERYONE = {"name": "everyone", "domains": ["*"], "require": "encrypt"}
STRICT = {
    "name": "strict",
    "domains": ["strict.example", "strict-clear.example"],
    "require": "encrypt",
}
LEGACY = ("legacy.example", "mx.legacy.example")
LEGACY_DANE = ("legacy-dane.example", "mx.legacy-dane.example")


@pytest.fixture(scope="module")
def options() -> dict:
    return {
        "rules": [EVERYONE, STRICT],
        "exceptions": [
            exception("legacy", LEGACY[0], after(DAY)),
            exception("legacy-dane", LEGACY_DANE[0], after(DAY),
                      mx=["*.legacy-dane.example"]),
            exception("not-this-host", "dane-clear.example", after(DAY),
                      mx=["other.example"]),
        ],
    }


def test_tls_19_a_rule_requires_tls_where_the_domain_does_not(
    gateway: Gateway,
) -> None:
    record = gateway.send("strict.example").delivered(
        "mx.strict.example", required="encrypt", reached="encrypted")
    assert record["rule"] == "strict"


def test_tls_19_a_rule_holds_what_cannot_be_encrypted(
    gateway: Gateway,
) -> None:
    record = gateway.send("strict-clear.example").held(
        "mx.strict-clear.example", "tls-failed")
    assert record["required"] == "encrypt"


@pytest.mark.parametrize(("domain", "host"), [LEGACY, LEGACY_DANE])
def test_inv_04_an_exception_lets_its_domain_through_and_is_recorded(
    gateway: Gateway, domain: str, host: str
) -> None:
    record = gateway.send(domain).delivered(host, required="plain",
                                            reached="plaintext")
    assert record["exception"] == domain.partition(".")[0]
    assert record["waiver"] is True
    assert record["exception-reason"] == "its servers have no STARTTLS"
    assert record["exception-approver"] == "security@sender.example"
    assert record["exception-expires"] != ""


def test_inv_04_the_report_lists_each_use_and_nothing_else(
    gateway: Gateway,
) -> None:
    gateway.send(LEGACY[0])
    listed = gateway.plaintext()["plaintext"]
    assert listed, "nothing is listed"
    assert {entry["domain"] for entry in listed} <= {
        LEGACY[0], LEGACY_DANE[0]}
    assert all(entry["exception"] for entry in listed)


def test_inv_04_an_exception_for_other_hosts_lowers_nothing(
    gateway: Gateway,
) -> None:
    record = gateway.send("dane-clear.example").held(
        "mx.dane-clear.example", "tls-failed")
    assert record["required"] == "verify"


def test_inv_04_an_exception_ends_by_itself(
    world: World, binary: Path
) -> None:
    """By the clock on the wall, waited for; without a restart."""
    domain, host = LEGACY_DANE
    seconds = 12.0
    end = time.time() + seconds
    options = {"exceptions": [exception("short", domain, after(seconds))]}
    with Gateway(world, binary, "short", options) as gateway:
        gateway.send(domain).delivered(host, required="plain",
                                       reached="plaintext")
        time.sleep(max(0.0, end - time.time()) + 1.5)
        record = gateway.send(domain).held(host, "tls-failed")
        assert record["required"] == "verify"
        assert record["exception"] == ""
        assert record["waiver"] is False


def test_inv_04_smtp_58_a_new_exception_frees_what_is_held(
    world: World, binary: Path
) -> None:
    """Added while the gateway runs; an incomplete one is not."""
    domain, host = LEGACY_DANE
    added = exception("added", domain, after(DAY))
    incomplete = {k: v for k, v in added.items() if k != "approver"}
    with Gateway(world, binary, "added") as gateway:
        result = gateway.send(domain)
        result.held(host, "tls-failed")
        gateway.reload({"exceptions": [incomplete]}, refused=True)
        gateway.reload({"exceptions": [added]})
        final = gateway.wait_delivered(result.mail)
        record = final.delivered(host, required="plain", reached="plaintext")
        assert record["exception"] == "added"


def libfaketime() -> str:
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        pytest.skip("libfaketime is missing: apt-get install libfaketime")
    return found[0]


def test_inv_04_an_exception_ends_when_the_clock_moves(
    world: World, binary: Path
) -> None:
    """A day's exception, and a clock that is put forward by two."""
    domain, host = LEGACY_DANE
    clock = world.folder / "clock"
    clock.write_text("+0\n")
    env = {
        "LD_PRELOAD": libfaketime(),
        "FAKETIME_TIMESTAMP_FILE": os.fspath(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    options = {"exceptions": [exception("day", domain, after(DAY))]}
    with Gateway(world, binary, "moved", options, env) as gateway:
        gateway.send(domain).delivered(host, required="plain",
                                       reached="plaintext")
        clock.write_text("+2d\n")
        record = gateway.send(domain).held(host, "tls-failed")
        assert record["required"] == "verify"
        assert record["waiver"] is False


@pytest.mark.parametrize("missing", ["reason", "approver", "expires"])
def test_inv_04_an_incomplete_exception_is_refused(
    world: World, binary: Path, missing: str
) -> None:
    incomplete = dict(exception("x", LEGACY[0], after(DAY)))
    del incomplete[missing]
    gateway = Gateway(world, binary, f"without-{missing}",
                      {"exceptions": [incomplete]})
    done = gateway.command("check-config")
    assert done.returncode == 78
    assert missing in done.stderr


def test_inv_05_no_exception_within_never_plaintext(
    world: World, binary: Path
) -> None:
    never = {**STRICT, "domains": [LEGACY[0]], "require": "never-plaintext"}
    gateway = Gateway(world, binary, "contradiction", {
        "rules": [never],
        "exceptions": [exception("x", LEGACY[0], after(DAY))],
    })
    done = gateway.command("check-config")
    assert done.returncode == 78
    assert "never-plaintext" in done.stderr
