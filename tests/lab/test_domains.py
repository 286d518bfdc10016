# SPDX-License-Identifier: BSD-2-Clause
"""What is wrong with domains that receive mail, as a sender sees them."""

from __future__ import annotations

import json
import time

import pytest
from miniinet.gateway import Gateway

OWN = "dane-second.example"
PATIENCE_SECONDS = 120.0  # the first look comes a minute after the start


@pytest.fixture(scope="module")
def options() -> dict:
    return {"own-domains": {"names": [OWN]}}


def check(gateway: Gateway, domain: str, *words: str) -> tuple[int, dict]:
    done = gateway.command("check-domain", "--json", *words, domain)
    one, = json.loads(done.stdout)
    assert one["domain"] == domain
    return done.returncode, one


def found(one: dict, *severities: str) -> set[tuple[str, str]]:
    """Findings of these severities, without the domain in their object."""
    return {(f["finding"], f["object"].removesuffix(one["domain"]))
            for f in one["findings"] if f["severity"] in severities}


def test_a_domain_that_is_well_has_no_problem(gateway: Gateway) -> None:
    status, one = check(gateway, "well.example", "--warnings")
    assert status == 0, one
    assert found(one, "error", "warning", "unknown") == set()
    # The next key's record is there already.
    assert found(one, "note") == {("tlsa-rollover", "_25._tcp.mx."),
                                  ("protected-by-both", "")}


@pytest.mark.parametrize(("domain", "errors"), [
    # A rollover that forgot the record; and one that forgot one host's.
    ("dane-mismatch.example", {("tlsa-mismatch", "_25._tcp.mx.")}),
    (OWN, {("tlsa-mismatch", "_25._tcp.mx1.")}),
    ("dane-unusable.example", {("tlsa-none-usable", "_25._tcp.mx.")}),
    ("dane-stripped.example", {("starttls-missing", "mx.")}),
    ("dane-ta-alien.example", {("certificate-wrong-name", "mx.")}),
    ("sts-mx.example", {("sts-mx-uncovered", "mx.")}),
    ("sts-clear.example", {("starttls-missing", "mx.")}),
    ("sts-expired.example", {("certificate-expired", "mx.")}),
    ("sts-self.example", {("certificate-not-trusted", "mx.")}),
    ("sts-alien.example", {("certificate-wrong-name", "mx.")}),
    ("sts-down.example", {("sts-fetch-failed", "mta-sts.")}),
    ("sts-webpki.example", {("sts-certificate", "mta-sts.")}),
    ("mx-altered.example", {("dnssec-bogus", "")}),
    ("dead-mx.example", {("mx-address-missing", "gone.")}),
])
def test_what_keeps_mail_away_is_found(
    gateway: Gateway, domain: str, errors: set[tuple[str, str]]
) -> None:
    status, one = check(gateway, domain)
    assert found(one, "error") == errors
    assert status == 1


@pytest.mark.parametrize(("domain", "finding"), [
    ("dane-roll.example", ("tlsa-rollover", "_25._tcp.mx.")),
    ("dane.example", ("tlsa-no-rollover", "_25._tcp.mx.")),
    ("dane-odd.example", ("certificate-dates-unheeded", "mx.")),
    ("null-mx.example", ("mx-null", "")),
    ("sts-testing.example", ("sts-mode-testing", "mta-sts.")),
    ("sts-none.example", ("sts-mode-none", "mta-sts.")),
])
def test_what_is_but_worth_knowing_is_noted(
    gateway: Gateway, domain: str, finding: tuple[str, str]
) -> None:
    _, one = check(gateway, domain)
    assert finding in found(one, "note")


def test_a_record_that_fits_none_of_the_keys_names_the_one_that_would(
    gateway: Gateway,
) -> None:
    _, one = check(gateway, "dane-mismatch.example")
    host = gateway.world.servers["mx.dane-mismatch.example"]
    seen, = (f["seen"] for f in one["findings"]
             if f["finding"] == "tlsa-mismatch")
    assert host.identity.tlsa_ee() in seen


def test_a_certificate_that_expires_soon_is_a_warning(
    gateway: Gateway,
) -> None:
    expiring = ("certificate-expiring", "mx.")
    status, one = check(gateway, "sts.example", "--expiry", "365")
    assert expiring in found(one, "warning")
    assert status == 0
    status, _ = check(gateway, "sts.example", "--expiry", "365", "--warnings")
    assert status == 1
    _, one = check(gateway, "sts.example", "--expiry", "0")
    assert expiring not in found(one, "warning")


def test_what_cannot_be_looked_at_has_a_status_of_its_own(
    gateway: Gateway,
) -> None:
    status, one = check(gateway, "mx-servfail.example")
    assert found(one, "unknown") == {("lookup-failed", "")}
    assert status == 2


def test_without_connections_nothing_is_said_of_hosts(
    gateway: Gateway,
) -> None:
    status, one = check(gateway, "dane-mismatch.example", "--no-connect")
    assert not one["connected"]
    assert found(one, "error") == set()
    assert status == 0


def test_the_domains_of_the_configuration_are_the_default(
    gateway: Gateway,
) -> None:
    done = gateway.command("check-domain")
    assert done.returncode == 1
    assert done.stdout.startswith(f"{OWN}: 1 error, 1 warning, ")
    assert gateway.command("check-domain", "[192.0.2.1]").returncode == 2


def test_the_gateway_finds_it_by_itself(gateway: Gateway) -> None:
    told = f"own-domain domain={OWN} finding=tlsa-mismatch " \
           f"object=_25._tcp.mx1.{OWN} state=new"
    end = time.monotonic() + PATIENCE_SECONDS
    while told not in gateway.log() and time.monotonic() < end:
        time.sleep(1)
    assert told in gateway.log()
    assert f"own-domain-checked domain={OWN} errors=1 warnings=1" in (
        gateway.log())
