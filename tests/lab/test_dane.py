# SPDX-License-Identifier: BSD-2-Clause
"""DANE (RFC 7672) against real DNSSEC and real TLS."""

from __future__ import annotations

import pytest
from miniinet.catalogue import MX_FAULTS, STARTTLS_FAULTS, TLSA_FAULTS
from miniinet.gateway import Gateway
from miniinet.world import World

# ---- delivered ----


def test_dane_32_the_published_key_makes_the_peer_verified(
    gateway: Gateway, world: World
) -> None:
    result = gateway.send("dane.example")
    record = result.delivered("mx.dane.example", required="verify",
                              reached="verified")
    assert record["method"] == "dane"
    assert record["dane"] == "D1"
    assert record["mx-secure"] is True
    assert record["tlsa-base"] == "mx.dane.example"
    assert record["protocol"] == "TLSv1.3"
    session = world.servers["mx.dane.example"].sessions[-1]
    assert session.clear_verbs() == ["EHLO", "STARTTLS"]


def test_dane_42_sni_is_the_tlsa_base(gateway: Gateway) -> None:
    result = gateway.send("dane.example")
    record = result.at("mx.dane.example")
    tls = result.arrived[0][1].tls
    assert tls is not None and tls.sni == record["sni"] == "mx.dane.example"


def test_dane_33_neither_name_nor_dates_matter_to_dane_ee(
    gateway: Gateway,
) -> None:
    gateway.send("dane-odd.example").delivered(
        "mx.dane-odd.example", required="verify", reached="verified")


def test_dane_32_one_matching_record_of_several_suffices(
    gateway: Gateway,
) -> None:
    gateway.send("dane-roll.example").delivered(
        "mx.dane-roll.example", required="verify", reached="verified")


def test_dane_35_a_private_authority_in_the_chain_suffices(
    gateway: Gateway,
) -> None:
    gateway.send("dane-ta.example").delivered(
        "mx.dane-ta.example", required="verify", reached="verified")


def test_dane_22_a_domain_without_mx_is_its_own_host(
    gateway: Gateway,
) -> None:
    gateway.send("dane-no-mx.example").delivered(
        "dane-no-mx.example", required="verify", reached="verified")


def test_dane_08_half_dane_is_enforced_but_never_called_verified(
    gateway: Gateway,
) -> None:
    record = gateway.send("dane-half.example").delivered(
        "mx.dane.example", required="verify", reached="authenticated")
    assert record["half-dane"] is True
    assert record["mx-secure"] is False


def test_dane_10_a_later_host_with_tlsa_is_not_preferred(
    gateway: Gateway,
) -> None:
    gateway.send("dane-later.example").delivered(
        "mx1.dane-later.example", required="may", reached="encrypted")


def test_dane_05_no_tlsa_question_for_an_unsigned_host(
    gateway: Gateway, world: World
) -> None:
    gateway.send("unsigned-drop.example").delivered(
        "mx.unsigned-drop.example", required="may", reached="encrypted")
    assert not world.dns.was_asked("_25._tcp.mx.unsigned-drop.example",
                                   "TLSA")


def test_dane_28_unusable_records_require_tls_without_a_name(
    gateway: Gateway,
) -> None:
    record = gateway.send("dane-unusable.example").delivered(
        "mx.dane-unusable.example", required="encrypt", reached="encrypted")
    assert record["dane"] == "D2"


def test_dane_28_unusable_records_never_allow_clear_text(
    gateway: Gateway,
) -> None:
    gateway.send("dane-unusable-clear.example").held(
        "mx.dane-unusable-clear.example", "tls-failed")


def test_dns_25_a_truncated_answer_is_asked_for_again_by_tcp(
    gateway: Gateway, world: World
) -> None:
    gateway.send("tlsa-truncated.example").delivered(
        "mx.tlsa-truncated.example", required="verify", reached="verified")
    assert world.dns.was_asked("_25._tcp.mx.tlsa-truncated.example", "TLSA",
                               tcp=True)


# ---- the next host ----


def test_dane_32_a_mismatch_moves_on_to_the_next_host(
    gateway: Gateway,
) -> None:
    result = gateway.send("dane-second.example")
    result.delivered("mx2.dane-second.example", required="verify",
                     reached="verified")
    first = result.at("mx1.dane-second.example")
    assert first["outcome"] == "tls-failed"
    assert first["reached"] == "nothing"


def test_dane_04_a_failed_address_lookup_removes_that_host_only(
    gateway: Gateway,
) -> None:
    result = gateway.send("dane-one-bad-address.example")
    result.delivered("mx2.dane-one-bad-address.example", required="verify",
                     reached="verified")
    assert result.connections == ["mx2.dane-one-bad-address.example"]


# ---- held ----


def test_dane_45_a_mismatch_at_the_only_host_holds_the_mail(
    gateway: Gateway, world: World
) -> None:
    result = gateway.send("dane-mismatch.example")
    record = result.held("mx.dane-mismatch.example", "tls-failed")
    assert record["required"] == "verify"
    assert result.queued is not None
    assert result.queued["required"] == "verify"
    for session in world.servers["mx.dane-mismatch.example"].sessions:
        assert "MAIL" not in session.tls_verbs()


def test_dane_40_dane_ta_needs_the_name(gateway: Gateway) -> None:
    gateway.send("dane-ta-alien.example").held(
        "mx.dane-ta-alien.example", "tls-failed")


@pytest.mark.parametrize("word", TLSA_FAULTS)
def test_dane_06_a_failed_tlsa_lookup_skips_the_host(
    gateway: Gateway, word: str
) -> None:
    result = gateway.send(f"tlsa-{word}.example")
    record = result.held(f"mx.tlsa-{word}.example", "policy-skip")
    assert record["dane"] == "D5"
    assert record["skip"] is True
    assert result.connections == []


def test_dns_06_a_denial_without_proof_is_no_denial(gateway: Gateway) -> None:
    result = gateway.send("tlsa-no-proof.example")
    record = result.held("mx.tlsa-no-proof.example", "policy-skip")
    assert record["dane"] == "D5"
    assert result.connections == []


@pytest.mark.parametrize("word", MX_FAULTS)
def test_dane_03_a_failed_mx_lookup_never_falls_back_to_the_domain(
    gateway: Gateway, word: str
) -> None:
    result = gateway.send(f"mx-{word}.example")
    result.held("", "no-route")
    assert result.connections == []


@pytest.mark.parametrize("word", STARTTLS_FAULTS)
def test_dane_45_b2_2_whatever_starttls_does_nothing_leaves_in_clear(
    gateway: Gateway, word: str
) -> None:
    record = gateway.send(f"dane-{word}.example").held(
        f"mx.dane-{word}.example", "tls-failed")
    assert record["required"] == "verify"
    assert record["clear-retry"] is False


def test_dane_45_stripped_starttls_holds_the_mail(
    gateway: Gateway, world: World
) -> None:
    result = gateway.send("dane-stripped.example")
    record = result.held("mx.dane-stripped.example", "tls-failed")
    assert record["required"] == "verify"
    assert record["result-type"] == "starttls-not-supported"
    address = world.front_address("mx.dane-stripped.example")
    said = b"".join(line for connection in world.wire.to(address)
                    for line in connection.clear_lines())
    assert said.startswith(b"EHLO ") and b"MAIL" not in said


# ---- with MTA-STS ----


def test_sts_41_inv_01_mta_sts_never_rescues_a_failing_dane(
    gateway: Gateway,
) -> None:
    record = gateway.send("both-dane-bad.example").held(
        "mx.both-dane-bad.example", "tls-failed")
    assert record["method"] == "dane"
    assert record["sts"] == "enforce"


def test_sts_41_inv_01_mta_sts_never_rescues_a_failed_tlsa_lookup(
    gateway: Gateway,
) -> None:
    result = gateway.send("both-tlsa-servfail.example")
    result.held("mx.both-tlsa-servfail.example", "policy-skip")
    assert result.connections == []


def test_dane_50_dane_alone_decides_by_default(gateway: Gateway) -> None:
    record = gateway.send("both-sts-bad.example").delivered(
        "mx.both-sts-bad.example", required="verify", reached="verified")
    assert record["method"] == "dane"


def test_dane_50_both_must_pass_when_the_operator_says_so(
    world: World, binary
) -> None:
    options = {"dane": {"and-sts": "both"}}
    with Gateway(world, binary, "both", options) as strict:
        strict.send("both-sts-bad.example").held(
            "mx.both-sts-bad.example", "tls-failed")
