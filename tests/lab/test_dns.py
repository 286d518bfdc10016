# SPDX-License-Identifier: BSD-2-Clause
"""DNS and DNSSEC (RFC 4035, 5011, 5155, 8914, 9276) with real zones."""

from __future__ import annotations

import glob
import os
import subprocess
import time
from pathlib import Path
from typing import Iterator

import dns.name
import pytest
from miniinet.faults import FORGED_TLSA, Fault
from miniinet.gateway import Gateway, Result
from miniinet.world import World
from miniinet.zones import Zone, ZoneKey

COSTLY_CPU_SECONDS = 10.0  # far below what all the keys would cost
MX_LOOKED_AT = 100  # spec DNS-32
EX_CONFIG = 78


# ---- what makes an answer secure ----


@pytest.mark.parametrize(
    "word", ["altered", "early", "expired", "signer", "unsigned"])
def test_dns_05_a_signature_that_is_wrong_in_any_way_is_bogus(
    gateway: Gateway, word: str
) -> None:
    result = gateway.send(f"tlsa-{word}.example")
    record = result.held(f"mx.tlsa-{word}.example", "policy-skip")
    assert record["dane"] == "D5"
    assert result.connections == []


def test_dns_02_b3_3_an_ad_bit_from_a_server_counts_for_nothing(
    gateway: Gateway, world: World
) -> None:
    """Were it believed, the TLSA record of another key would hold it."""
    record = gateway.send("unsigned-ad.example").delivered(
        "mx.unsigned-ad.example", required="may", reached="encrypted")
    assert record["mx-secure"] is False
    assert not world.dns.was_asked("_25._tcp.mx.unsigned-ad.example", "TLSA")


def test_dns_03_b3_3_forged_records_with_an_ad_bit_are_bogus(
    gateway: Gateway,
) -> None:
    result = gateway.send("tlsa-forged.example")
    record = result.held("mx.tlsa-forged.example", "policy-skip")
    assert record["dane"] == "D5"
    assert FORGED_TLSA.split()[-1] not in str(record)
    assert result.connections == []


def test_dns_07_an_algorithm_unknown_to_all_is_as_unsigned(
    gateway: Gateway, world: World
) -> None:
    record = gateway.send("ds-unknown.example").delivered(
        "mx.ds-unknown.example", required="may", reached="encrypted")
    assert record["mx-secure"] is False
    assert record["dane"] == "D4"


def test_dns_07_a_known_algorithm_that_fails_is_bogus(
    gateway: Gateway, world: World
) -> None:
    result = gateway.send("ds-mixed.example")
    result.held("", "no-route")
    assert result.connections == []


@pytest.mark.parametrize("word", ["few", "many"])
def test_dns_08_iterations_within_500_deny_what_is_not_there(
    gateway: Gateway, word: str
) -> None:
    gateway.send(f"nsec3-{word}.example").delivered(
        f"mx.nsec3-{word}.example", required="may", reached="encrypted")


def test_dns_08_above_100_iterations_a_denial_proves_nothing(
    gateway: Gateway,
) -> None:
    """explain says what each lookup was worth."""
    name = "_25._tcp.mx.nsec3-{}.example"
    for word, worth in (("few", "secure"), ("many", "insecure")):
        plan = gateway.explain(f"nsec3-{word}.example")
        found = [row["security"] for row in plan["lookups"]
                 if name.format(word) in row["what"]]
        assert found == [worth], plan["lookups"]


def test_dns_08_a_costly_denial_with_a_false_signature_is_bogus(
    gateway: Gateway,
) -> None:
    result = gateway.send("nsec3-forged.example")
    record = result.held("mx.nsec3-forged.example", "policy-skip")
    assert record["dane"] == "D5"
    assert result.connections == []


def test_dns_08_dns_31_b3_1_a_denial_with_2500_iterations_is_an_error(
    gateway: Gateway,
) -> None:
    result = gateway.send("nsec3-far-too-many.example")
    record = result.held("mx.nsec3-far-too-many.example", "policy-skip")
    assert record["dane"] == "D5"
    assert "EDE 27" in str(record)
    assert result.connections == []


def test_dns_09_a_wildcard_with_its_proof_is_secure(
    gateway: Gateway,
) -> None:
    gateway.send("wild.example").delivered(
        "mx.wild.example", required="verify", reached="verified")


def test_dns_09_a_wildcard_in_place_of_a_name_that_exists_is_bogus(
    gateway: Gateway,
) -> None:
    result = gateway.send("wild-replay.example")
    record = result.held("mx.wild-replay.example", "policy-skip")
    assert record["dane"] == "D5"
    assert result.connections == []


def test_dns_18_an_unproven_denial_above_hides_no_tlsa_record(
    gateway: Gateway,
) -> None:
    result = gateway.send("denied-above.example")
    record = result.at("mx.denied-above.example")
    assert record["required"] == "verify" or record["skip"] is True
    assert record["reached"] in ("nothing", "verified")


def test_dns_18_a_proven_denial_is_one(gateway: Gateway) -> None:
    record = gateway.send("dane-later.example").delivered(
        "mx1.dane-later.example", required="may", reached="encrypted")
    assert record["dane"] == "D3"


def test_dns_31_the_reason_has_the_number_of_the_extended_error(
    gateway: Gateway,
) -> None:
    record = gateway.send("tlsa-expired.example").held(
        "mx.tlsa-expired.example", "policy-skip")
    assert "EDE 7 (Signature Expired)" in str(record)


# ---- what is out of date, or too much ----


def test_dns_29_what_has_run_out_is_not_used_when_the_server_fails(
    gateway: Gateway, world: World
) -> None:
    domain, host = "brief.example", "mx.brief.example"
    name = f"_25._tcp.{host}"
    gateway.send(domain).delivered(host, required="verify",
                                   reached="verified")
    world.dns.set(name, "TLSA", Fault.SERVFAIL)
    try:
        time.sleep(world.zones[domain].signing.ttl + 1)
        result = gateway.send(domain)
        record = result.held(host, "policy-skip")
        assert record["dane"] == "D5"
        assert result.connections == []
    finally:
        world.dns.clear(name, "TLSA")


def cpu_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_b3_1_keys_made_to_collide_cost_little_and_hold_their_mail_alone(
    gateway: Gateway,
) -> None:
    """CVE-2023-50387: 3600 tries a record set, were they all made."""
    advisor = gateway.processes()["advisor"][0]
    before = cpu_seconds(advisor)
    trap = gateway.submit("keytrap.example")
    gateway.send("dane.example").delivered(
        "mx.dane.example", required="verify", reached="verified")
    result = gateway.result(trap)
    result.held("", "no-route")
    assert result.connections == []
    assert gateway.processes()["advisor"] == [advisor]
    assert cpu_seconds(advisor) - before < COSTLY_CPU_SECONDS


def test_b3_2_dns_32_of_a_thousand_mx_records_a_few_are_looked_at(
    gateway: Gateway, world: World
) -> None:
    gateway.send("flood.example").delivered(
        "mx.flood.example", required="verify", reached="verified")
    asked = {q.name for q in world.dns.asked
             if q.name.endswith(".flood.example")
             and q.name.startswith("h")}
    assert len(asked) <= MX_LOOKED_AT


# ---- names ----


def test_dns_24_search_lists_and_hosts_files_play_no_part(
    world: World, binary: Path, tmp_path: Path
) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.66 mx.dane.example mx\n")
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("search null-mx.example\nnameserver 127.0.0.1\n")
    gateway = Gateway(world, binary, "hosts")
    gateway.launcher = [
        "unshare", "--mount", "sh", "-c",
        f'mount --bind {hosts} /etc/hosts && '
        f'mount --bind {resolv} "$(readlink -f /etc/resolv.conf)" && '
        'exec "$@"', "sh"]
    with gateway:
        gateway.send("dane.example").delivered(
            "mx.dane.example", required="verify", reached="verified")
        gateway.wait_for_report(gateway.submit("mx"))
    assert not any(q.name == "mx.null-mx.example" for q in world.dns.asked)


# ---- trust anchors ----


NO_ANCHORS = {"none": None, "empty": "", "comment": "; nothing here\n"}


@pytest.mark.parametrize("word", NO_ANCHORS)
def test_dns_13_without_an_anchor_the_gateway_does_not_start(
    world: World, binary: Path, tmp_path: Path, word: str
) -> None:
    anchor = tmp_path / "anchor"
    text = NO_ANCHORS[word]
    if text is not None:
        anchor.write_text(text)
    gateway = Gateway(world, binary, f"anchor-{word}",
                      {"resolver": {"trust-anchor": anchor}})
    done = subprocess.run([binary, "run", "-c", gateway.conf],
                          capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == EX_CONFIG, done.stderr
    assert "trust anchor" in done.stderr
    assert str(anchor) in done.stderr


DAY_OF_DECISION = 30  # RFC 5011 2.4.1: the add hold-down time


class Root:
    """The root zone, its keys rolled, and a gateway with a settable clock."""

    def __init__(self, world: World, binary: Path, name: str) -> None:
        self.world = world
        self.zone: Zone = world.zones[""]
        self.clock = world.folder / f"{name}-clock"
        self.clock.write_text("+0\n")
        found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        if not found:
            pytest.skip("libfaketime is missing: apt-get install libfaketime")
        self.gateway = Gateway(world, binary, name, env={
            "LD_PRELOAD": found[0],
            "FAKETIME_TIMESTAMP_FILE": os.fspath(self.clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        })
        self.state = self.gateway.state / "anchor" / "root.key"

    def new_key(self) -> ZoneKey:
        key = ZoneKey(dns.name.root)
        self.zone.more_keys.append(key)
        self.publish()
        return key

    def publish(self) -> None:
        self.world.upper.publish(self.zone)

    def restore(self) -> None:
        assert self.zone.key is not None
        self.zone.key.revoke(False)
        self.zone.more_keys.clear()
        self.zone.key_signs = True
        self.publish()

    def states(self) -> list[str]:
        """Of each key in the file, in libunbound's words."""
        return sorted(
            line.partition("[")[2].partition("]")[0].strip()
            for line in self.state.read_text().splitlines()
            if ";;state=" in line)

    def on_day(self, day: int, hour: int = 0) -> None:
        """Begin afresh that many days on, and have the keys looked at."""
        self.gateway.stop()
        self.clock.write_text(f"+{day * 24 + hour}h\n")
        self.gateway.start()

    def send(self) -> Result:
        return self.gateway.send("dane.example")

    def deliver(self) -> None:
        self.send().delivered("mx.dane.example", required="verify",
                              reached="verified")


@pytest.fixture
def root(world: World, binary: Path,
         request: pytest.FixtureRequest) -> Iterator[Root]:
    raised = Root(world, binary, request.node.name[:20])
    try:
        yield raised
    finally:
        raised.gateway.stop()
        raised.restore()


def test_dns_14_a_new_key_counts_after_30_days_and_a_revoked_one_no_more(
    root: Root,
) -> None:
    old = root.zone.key
    assert old is not None
    root.on_day(0)
    root.deliver()
    assert root.states() == ["VALID"]
    root.new_key()
    root.on_day(1)
    root.deliver()
    assert root.states() == ["ADDPEND", "VALID"]
    root.on_day(DAY_OF_DECISION - 1)
    root.deliver()
    assert root.states() == ["ADDPEND", "VALID"]
    root.on_day(DAY_OF_DECISION + 2)
    root.deliver()
    assert root.states() == ["VALID", "VALID"]
    old.revoke()
    root.zone.key_signs = False
    root.publish()
    root.on_day(DAY_OF_DECISION + 3)
    root.deliver()
    assert root.states() == ["REVOKED", "VALID"]


def test_dns_14_a_key_in_its_hold_down_signs_for_nothing(
    root: Root,
) -> None:
    root.on_day(0)
    root.deliver()
    root.new_key()
    root.on_day(1)
    root.deliver()
    root.zone.key, root.zone.more_keys = root.zone.more_keys[0], [
        key for key in (root.zone.key,) if key is not None]
    try:
        kept = root.zone.more_keys.pop()
        root.publish()
        root.on_day(DAY_OF_DECISION - 1)
        mail = root.gateway.submit("dane.example")
        result = root.gateway.result(mail)
        assert result.arrived == []
        assert result.connections == []
    finally:
        root.zone.key = kept


def test_dns_15_when_all_keys_are_revoked_mail_waits_and_it_is_told(
    root: Root,
) -> None:
    only = root.zone.key
    assert only is not None
    root.on_day(0)
    root.deliver()
    only.revoke()
    root.publish()
    root.on_day(1)
    result = root.send()
    assert result.arrived == []
    assert result.connections == []
    assert result.queued is not None
    log = root.gateway.log()
    assert "resolver-does-not-validate" in log
    assert "revoked" in log
    # Nor is an unsigned domain's mail sent: nobody knows that it is.
    other = root.gateway.send("may.example")
    assert other.arrived == []
