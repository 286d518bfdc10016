# SPDX-License-Identifier: BSD-2-Clause
"""MTA-STS (RFC 8461): real policy hosts, real certificates."""

from __future__ import annotations

from pathlib import Path

import pytest
from miniinet.catalogue import SELF_SIGNED
from miniinet.faults import Fault
from miniinet.gateway import Gateway
from miniinet.https import PATH
from miniinet.world import World


def test_sts_33_enforce_with_everything_right_is_verified(
    gateway: Gateway, world: World
) -> None:
    result = gateway.send("sts.example")
    record = result.delivered("mx.sts.example", required="verify",
                              reached="verified")
    assert record["method"] == "pkix-sts"
    assert record["sts"] == "enforce"
    assert record["sts-id"] == "20261101"
    assert record["sts-mx-match"] is True
    tls = result.arrived[0][1].tls
    assert tls is not None and tls.sni == "mx.sts.example"  # STS-34


def test_sts_11_one_get_of_exactly_that_path_with_sni(
    gateway: Gateway, world: World
) -> None:
    gateway.send("sts.example")
    requests = world.policy_hosts["sts.example"].requests
    assert {(r.method, r.path, r.host, r.sni) for r in requests} == {
        ("GET", PATH, "mta-sts.sts.example", "mta-sts.sts.example")}


@pytest.mark.parametrize("word", ["alien", "domain-name", "expired", "self"])
def test_sts_33_sts_44_a_wrong_certificate_holds_even_the_first_mail(
    gateway: Gateway, word: str
) -> None:
    record = gateway.send(f"sts-{word}.example").held(
        f"mx.sts-{word}.example", "tls-failed")
    assert record["required"] == "verify"
    assert record["method"] == "pkix-sts"


@pytest.mark.parametrize("word", ["clear", "stripped", "inject"])
def test_sts_35_without_tls_nothing_leaves(
    gateway: Gateway, word: str
) -> None:
    record = gateway.send(f"sts-{word}.example").held(
        f"mx.sts-{word}.example", "tls-failed")
    assert record["required"] == "verify"
    assert record["clear-retry"] is False


def test_sts_37_a_host_that_the_policy_does_not_name_is_not_connected_to(
    gateway: Gateway,
) -> None:
    result = gateway.send("sts-mx.example")
    record = result.held("mx.sts-mx.example", "policy-skip")
    assert record["sts-mx-match"] is False
    assert result.connections == []


def test_sts_35_the_next_host_that_the_policy_names_is_used(
    gateway: Gateway,
) -> None:
    result = gateway.send("sts-mx-second.example")
    result.delivered("mx2.sts-mx-second.example", required="verify",
                     reached="verified")
    assert result.at("mx1.sts-mx-second.example")["outcome"] == "policy-skip"
    assert result.connections == ["mx2.sts-mx-second.example"]


def test_sts_39_inv_11_testing_does_not_change_delivery(
    gateway: Gateway,
) -> None:
    record = gateway.send("sts-testing.example").delivered(
        "mx.sts-testing.example", required="may", reached="encrypted")
    assert record["sts"] == "testing"


def test_sts_39_testing_lets_clear_text_through(gateway: Gateway) -> None:
    gateway.send("sts-testing-clear.example").delivered(
        "mx.sts-testing-clear.example", required="may", reached="plaintext")


def test_sts_40_none_is_like_no_policy(gateway: Gateway) -> None:
    record = gateway.send("sts-none.example").delivered(
        "mx.sts-none.example", required="may", reached="encrypted")
    assert record["sts"] == "none"


@pytest.mark.parametrize("word", ["down", "webpki"])
def test_sts_17_no_policy_at_first_contact_is_as_without(
    gateway: Gateway, word: str
) -> None:
    record = gateway.send(f"sts-{word}.example").delivered(
        f"mx.sts-{word}.example", required="may", reached="encrypted")
    assert record["sts"] == "unavailable"


def test_sts_09_a_failed_lookup_is_not_absence(gateway: Gateway) -> None:
    result = gateway.send("sts-unknown.example")
    record = result.held("mx.sts-unknown.example", "policy-skip")
    assert record["sts"] == "unknown"
    assert result.connections == []


def fetches(world: World, domain: str) -> int:
    return len(world.policy_hosts[domain].requests)


def test_sts_18_sts_30_inv_12_a_cached_policy_binds_after_a_restart(
    world: World, binary: Path
) -> None:
    """With the policy host down, and then with its TXT record failing."""
    domain, host = "sts-cached.example", "mx.sts-cached.example"
    server = world.servers[host]
    with Gateway(world, binary, "cached") as gateway:
        gateway.send(domain).delivered(host, required="verify",
                                       reached="verified")
        good = server.identity
        world.policy_hosts[domain].stop()
        world.set_txt(domain, "_mta-sts", "v=STSv1; id=20261102;")
        server.identity = world.pki.issue(SELF_SIGNED, host)
        gateway.restart()
        record = gateway.send(domain).held(host, "tls-failed")
        assert record["required"] == "verify"
        assert record["sts"] == "enforce"
        assert record["sts-id"] == "20261101"
        assert record["sts-stale"] is True

        world.dns.set(f"_mta-sts.{domain}", "TXT", Fault.SERVFAIL)
        gateway.restart()
        record = gateway.send(domain).held(host, "tls-failed")
        assert record["sts"] == "enforce"
        assert record["sts-stale"] is True

        server.identity = good
        world.dns.clear(f"_mta-sts.{domain}", "TXT")
        mail = gateway.submit(domain)
        gateway.wait_delivered(mail).delivered(
            host, required="verify", reached="verified")


def test_sts_29_sts_31_a_new_id_fetches_and_mode_none_ends_enforcement(
    world: World, binary: Path
) -> None:
    domain, host = "sts-renewed.example", "mx.sts-renewed.example"
    policy_host = world.policy_hosts[domain]
    # Hosts that do not meet a policy so new do not have it fetched again.
    options = {"sts": {"retry-delay": "1h"}}
    with Gateway(world, binary, "new-id", options) as gateway:
        gateway.send(domain).held(host, "tls-failed")
        before = fetches(world, domain)
        policy_host.policy = policy_host.policy.replace("enforce", "none")
        world.set_txt(domain, "_mta-sts", "v=STSv1; id=20261103;")
        gateway.restart()  # its memory of the TXT record goes
        record = gateway.send(domain).delivered(
            host, required="may", reached="encrypted")
        assert fetches(world, domain) == before + 1
        assert record["sts"] == "none"
        assert record["sts-id"] == "20261103"


def test_tls_31_other_anchors_count_after_a_reload(
    world: World, binary: Path
) -> None:
    gateway = Gateway(world, binary, "anchors")
    anchors = gateway.folder / "anchors.pem"
    anchors.write_bytes(world.pki.ca_file.read_bytes())
    gateway.options["smtp"]["ca-file"] = anchors
    gateway.write_config()
    with gateway:
        gateway.send("sts.example").delivered(
            "mx.sts.example", required="verify", reached="verified")
        anchors.write_text("no certificate")
        gateway.reload({}, refused=True)
        assert f"smtp.ca-file: {anchors}: no certificates" in gateway.log()
        gateway.send("sts.example").delivered(
            "mx.sts.example", required="verify", reached="verified")
        anchors.write_bytes(world.pki.private_file.read_bytes())
        gateway.reload({})
        gateway.send("sts.example").held("mx.sts.example", "tls-failed")
