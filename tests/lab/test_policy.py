# SPDX-License-Identifier: BSD-2-Clause
"""`tierpost policy`: what the operator sees and does of the MTA-STS cache."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from miniinet.gateway import Gateway, Record
from miniinet.world import World

DOMAIN, HOST = "sts.example", "mx.sts.example"
OTHER = "sts-testing.example"
RETRY_SECONDS = 5  # sts.retry-delay of the lab
DONE, NO, USAGE, TRY_LATER = 0, 1, 2, 75


def answers(gateway: Gateway, *words: str, status: int) -> list[Record]:
    done = gateway.command("policy", *words, "--json")
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def fetches(world: World, domain: str) -> int:
    return len(world.policy_hosts[domain].requests)


def delivered(gateway: Gateway) -> None:
    gateway.send(DOMAIN).delivered(HOST, required="verify",
                                   reached="verified")


def test_what_is_cached_is_listed_and_shown(gateway: Gateway) -> None:
    delivered(gateway)
    gateway.send(OTHER)
    rows = {row["domain"]: row
            for row in answers(gateway, "list", status=DONE)}
    assert rows[DOMAIN]["mode"] == "enforce"
    assert rows[DOMAIN]["in-force"] is True
    assert rows[DOMAIN]["mx"] == [HOST]
    assert rows[OTHER]["mode"] == "testing"
    assert answers(gateway, "show", DOMAIN, status=DONE) == [rows[DOMAIN]]
    text = gateway.command("policy", "list").stdout
    assert DOMAIN in text and "enforce" in text
    text = gateway.command("policy", "show", DOMAIN).stdout
    assert f"mx         {HOST}" in text
    assert answers(gateway, "list", "--failing", status=DONE) == []
    done = gateway.command("policy", "show", "dane.example")
    assert done.returncode == NO
    assert "no policy is cached" in done.stderr


def test_a_refresh_fetches_and_one_that_fails_takes_nothing_away(
    gateway: Gateway, world: World
) -> None:
    delivered(gateway)
    before = fetches(world, DOMAIN)
    first = answers(gateway, "show", DOMAIN, status=DONE)[0]
    answer = answers(gateway, "refresh", DOMAIN, status=DONE)[0]
    assert answer["done"] is True and answer["state"] == "enforce"
    assert fetches(world, DOMAIN) == before + 1
    again = answers(gateway, "show", DOMAIN, status=DONE)[0]
    assert again["fetched"] >= first["fetched"]

    world.policy_hosts[DOMAIN].stop()
    try:
        answer = answers(gateway, "refresh", DOMAIN, status=NO)[0]
        assert answer["done"] is False and answer["stale"] is True
        assert answer["state"] == "enforce"
        failing = answers(gateway, "list", "--failing", status=DONE)
        assert [row["domain"] for row in failing] == [DOMAIN]
        assert failing[0]["fetched"] == again["fetched"]
        delivered(gateway)
    finally:
        world.policy_hosts[DOMAIN].start()
    assert answers(gateway, "refresh", DOMAIN, status=DONE)[0]["done"]


def test_a_domain_without_a_policy_has_nothing_to_refresh(
    gateway: Gateway,
) -> None:
    answer = answers(gateway, "refresh", "dane.example", status=NO)[0]
    assert answer["done"] is False and answer["state"] == "absent"


def test_forgetting_what_enforces_must_be_meant_and_leaves_a_record(
    gateway: Gateway, world: World
) -> None:
    delivered(gateway)
    reason = "its policy host was taken over"
    done = gateway.command("policy", "forget", "--reason", reason, DOMAIN)
    assert done.returncode == NO
    assert "--yes" in done.stderr and "in clear" in done.stderr
    assert answers(gateway, "show", DOMAIN, status=DONE)

    answer = answers(gateway, "forget", "--reason", reason, "--yes", DOMAIN,
                     status=DONE)[0]
    assert answer["done"] is True
    assert gateway.command("policy", "show", DOMAIN).returncode == NO
    record = gateway.evidence("--domain", DOMAIN)[-1]
    assert record["outcome"] == "policy-forgotten"
    assert reason in record["why"] and "mode enforce" in record["why"]
    assert "policy-forgotten" in gateway.log()
    assert answers(gateway, "forget", "--reason", reason, DOMAIN,
                   status=NO)[0]["done"] is False

    before = fetches(world, DOMAIN)
    delivered(gateway)
    assert fetches(world, DOMAIN) == before + 1


def test_what_is_forgotten_stays_so_after_a_restart(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "policy-forgotten") as gateway:
        delivered(gateway)
        answers(gateway, "forget", "--reason", "a test", "--yes", DOMAIN,
                status=DONE)
        gateway.restart()
        assert answers(gateway, "list", status=DONE) == []
        assert gateway.command("evidence", "verify").returncode == DONE


def test_sts_38_hosts_that_do_not_meet_a_policy_have_it_fetched_anew(
    world: World, binary: Path
) -> None:
    """Under the same id: only the policy has changed."""
    domain, host = "sts-mx.example", "mx.sts-mx.example"
    policy_host = world.policy_hosts[domain]
    old = policy_host.policy
    with Gateway(world, binary, "policy-anew") as gateway:
        result = gateway.send(domain)
        result.held(host, "policy-skip")
        policy_host.policy = old.replace("other.sts-mx.example", host)
        try:
            time.sleep(RETRY_SECONDS)
            gateway.wait_delivered(result.mail).delivered(
                host, required="verify", reached="verified")
        finally:
            policy_host.policy = old


def test_without_a_gateway_the_cache_can_be_read_but_not_changed(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "policy-stopped") as gateway:
        delivered(gateway)
        gateway.stop()
        assert answers(gateway, "show", DOMAIN, status=DONE)
        done = gateway.command("policy", "refresh", DOMAIN)
        assert done.returncode == TRY_LATER
        assert "Does the gateway run" in done.stderr


@pytest.mark.parametrize("words", [
    (), ("wash",), ("list", DOMAIN), ("show",), ("refresh", "--failing", "x"),
    ("forget", DOMAIN), ("forget", "--reason", "", DOMAIN),
    ("show", "--yes", DOMAIN), ("show", "--wrong", DOMAIN),
    ("show", "not a domain"),
])
def test_mistakes_on_the_command_line_are_told(
    gateway: Gateway, words: tuple[str, ...]
) -> None:
    done = gateway.command("policy", *words)
    assert done.returncode == USAGE
    assert "usage: tierpost policy" in done.stderr
