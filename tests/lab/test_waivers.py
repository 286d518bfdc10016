# SPDX-License-Identifier: BSD-2-Clause
"""Exceptions that waive failures; their files, uses, budgets and probes."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from miniinet.gateway import GATEWAY_USER, Gateway, after, exception
from miniinet.world import World

DAY = 86400
CLEAR = ("legacy-dane.example", "mx.legacy-dane.example")

# What is waived, where that occurs, and what is left.
CASES = {
    "tlsa-mismatch": ("dane-mismatch.example", "encrypt", "encrypted"),
    "tlsa-lookup": ("tlsa-servfail.example", "may", "encrypted"),
    "sts-mx": ("sts-mx.example", "verify", "authenticated"),
    "certificate": ("sts-alien.example", "encrypt", "encrypted"),
    "no-starttls": (CLEAR[0], "plain", "plaintext"),
}

# Failures of other classes, which the waiver does not cover.
OTHERS = {
    "tlsa-mismatch": "dane-clear.example",
    "tlsa-lookup": "both-dane-bad.example",
    "sts-mx": "sts-self.example",
    "certificate": "sts-clear.example",
    "no-starttls": "dane-454.example",
}


def waives(name: str, domain: str, *failures: str, **more: str) -> dict:
    added = dict(exception(name, domain, after(30 * DAY), **more))
    del added["allow"]
    return {**added, "waives": list(failures)}


@pytest.fixture(scope="module")
def options() -> dict:
    covered = [waives(word, domain, word)
               for word, (domain, _, _) in CASES.items()]
    others = [waives(f"not-{word}", domain, word)
              for word, domain in OTHERS.items()]
    return {"exceptions": covered + others}


@pytest.mark.parametrize("word", CASES)
def test_inv_04_a_waiver_leaves_as_much_as_it_can(
    gateway: Gateway, word: str
) -> None:
    domain, required, reached = CASES[word]
    record = gateway.send(domain).delivered(
        f"mx.{domain}", required=required, reached=reached)
    assert record["exception"] == word
    assert record["waived"] == word
    assert record["exception-approver"] == "security@sender.example"


@pytest.mark.parametrize("word", OTHERS)
def test_inv_04_a_waiver_covers_its_own_failure_alone(
    gateway: Gateway, word: str
) -> None:
    domain = OTHERS[word]
    record = gateway.send(domain).held(f"mx.{domain}", "tls-failed")
    assert record["required"] == "verify"
    assert record["exception"] == f"not-{word}"
    assert record["waived"] == ""


def test_inv_04_explain_says_what_is_waived(gateway: Gateway) -> None:
    host = gateway.explain("dane-mismatch.example")["hosts"][0]
    assert host["required"] == "verify"
    assert host["exception"] == "tlsa-mismatch"
    assert host["waives"] == ["tlsa-mismatch"]


def add(gateway: Gateway, name: str, domain: str, *more: str
        ) -> subprocess.CompletedProcess[str]:
    return gateway.command(
        "exception", "add", name, "--domain", domain, "--reason", "mended",
        "--approver", "security@sender.example", *more)


def listed(gateway: Gateway, name: str) -> dict:
    done = gateway.command("exception", "show", name, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_inv_04_the_command_adds_and_ends_an_exception(
    world: World, binary: Path
) -> None:
    """In force at once, in the register afterwards."""
    domain, host = "dane-mismatch.example", "mx.dane-mismatch.example"
    with Gateway(world, binary, "register") as gateway:
        (gateway.folder / "exceptions.d").mkdir()
        held = gateway.send(domain)
        held.held(host, "tls-failed")
        done = add(gateway, "roll", domain, "--waives", "tlsa-mismatch",
                   "--days", "50")
        assert done.returncode == 0, done.stderr
        assert "it is in force" in done.stdout
        final = gateway.wait_delivered(held.mail)
        final.delivered(host, required="encrypt", reached="encrypted")
        shown = listed(gateway, "roll")
        assert (shown["state"], shown["used"]) == ("active", 1)
        file = gateway.folder / "exceptions.d" / "roll.conf"
        assert file.group() in (GATEWAY_USER, "nogroup")
        done = gateway.command("exception", "revoke", "roll", "--reason",
                               "the record is right now")
        assert done.returncode == 0, done.stderr
        record = gateway.send(domain).held(host, "tls-failed")
        assert record["exception"] == ""
        shown = listed(gateway, "roll")
        assert (shown["state"], shown["used"]) == ("revoked", 1)
        assert shown["revoked-reason"] == "the record is right now"
        assert "exception-revoked" in gateway.log()


def test_inv_04_a_mistake_changes_nothing(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "mistaken") as gateway:
        folder = gateway.folder / "exceptions.d"
        folder.mkdir()
        done = add(gateway, "long", CLEAR[0], "--allow", "plain",
                   "--days", "91")
        assert done.returncode == 1
        assert "nothing was written" in done.stderr
        assert list(folder.iterdir()) == []


def test_inv_04_couriers_together_keep_to_a_budget(
    world: World, binary: Path
) -> None:
    """Two couriers, ten messages at once, leave for three; a restart."""
    options = {
        "workers": 2,
        "exceptions": [waives("few", CLEAR[0], "no-starttls", budget="3")],
    }
    with Gateway(world, binary, "budget", options) as gateway:
        mails = [gateway.submit(CLEAR[0]) for _ in range(10)]
        results = [gateway.result(mail) for mail in mails]
        assert sum(r.queued is None for r in results) == 3
        assert listed(gateway, "few")["state"] == "used-up"
        assert "exception-used-up" in gateway.log()
        gateway.restart()
        record = gateway.send(CLEAR[0]).held(CLEAR[1], "tls-failed")
        assert record["failure"] == "no-starttls"
        assert listed(gateway, "few")["used"] == 3
        assert len(gateway.plaintext()["plaintext"]) == 3


def wait_probed(gateway: Gateway, name: str) -> dict:
    for _ in range(300):
        shown = listed(gateway, name)
        if shown["probed"]:
            return shown
        time.sleep(1)
    pytest.fail(f"{name} was not looked at:\n{gateway.log()}")


def test_inv_04_the_gateway_finds_out_what_is_not_needed(
    world: World, binary: Path
) -> None:
    """One host has become compliant, the other has not; no mail is sent."""
    options = {"exceptions": [
        waives("compliant", "dane.example", "no-starttls", "certificate"),
        waives("needed", "dane-mismatch.example", "tlsa-mismatch"),
    ]}
    with Gateway(world, binary, "probes", options) as gateway:
        shown = wait_probed(gateway, "compliant")
        assert shown["needed"] == "no"
        shown = wait_probed(gateway, "needed")
        assert shown["needed"] == "yes"
        assert shown["needed-host"] == "mx.dane-mismatch.example"
        assert "exception-not-needed exception=compliant" in gateway.log()
        done = gateway.command("exception", "check")
        assert done.returncode == 1
        assert "compliant: it is no longer needed" in done.stdout
        assert len(done.stdout.splitlines()) == 1
        assert gateway.evidence() == []
