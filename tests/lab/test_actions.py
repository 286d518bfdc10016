# SPDX-License-Identifier: BSD-2-Clause
"""What rules demand beyond a level, and what becomes of mail then."""

from __future__ import annotations

import hashlib
import shutil
import signal
import ssl
import time
from typing import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from miniinet.gateway import SENDER, SETTLE_SECONDS, Gateway
from miniinet.pki import CertSpec, Identity, Issuer
from miniinet.smtp import Behaviour, MailServer
from miniinet.world import World

PINNED, PRIVATE, STRICT, CLEAR, PORTAL = (
    "pinned.example", "private.example", "strict.example",
    "strict-clear.example", "portal.example")
OWN_NAME = "client.sender.example"


def spki_pin(identity: Identity) -> str:
    der = identity.leaf.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)
    return "spki-sha256:" + hashlib.sha256(der).hexdigest()


def cert_pin(identity: Identity) -> str:
    der = identity.leaf.public_bytes(serialization.Encoding.DER)
    return "cert-sha256:" + hashlib.sha256(der).hexdigest()


def rule(domain: str, **more: object) -> dict[str, object]:
    return {"name": "partner", "domains": [domain], "require": "verify",
            **more}


def under(gateway: Gateway, one: dict[str, object], **more: object) -> None:
    gateway.reload({"rules": [one], "routes": [], **more})


def until(look: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.fixture
def strict(world: World) -> Iterator[MailServer]:
    """A host that may be given other behaviour."""
    server = world.servers[f"mx.{STRICT}"]
    usual = server.behaviour
    yield server
    server.behaviour = usual


@pytest.mark.parametrize("pin", [spki_pin, cert_pin])
def test_tls_19_a_pin_is_worth_more_than_names_dates_and_authorities(
    gateway: Gateway, world: World, pin: Callable[[Identity], str]
) -> None:
    host = f"mx.{PINNED}"
    identity = world.servers[host].identity
    under(gateway, rule(PINNED, method="pin", pins=[pin(identity)]))
    record = gateway.send(PINNED).delivered(
        host, required="verify", reached="verified")
    assert record["method"] == "pin"
    assert record["method-rule"] == "partner"
    assert pin(identity) in record["matched"]


def test_tls_19_a_host_with_another_key_gets_nothing(
    gateway: Gateway, world: World
) -> None:
    pins = [spki_pin(world.servers[f"mx.{STRICT}"].identity)]
    under(gateway, rule(PINNED, method="pin", pins=pins))
    record = gateway.send(PINNED).held(f"mx.{PINNED}", "tls-failed")
    assert record["failure"] == "pin-mismatch"


def test_inv_04_a_pin_takes_the_place_of_nothing_that_is_published(
    gateway: Gateway, world: World
) -> None:
    """The key is the pinned one, and TLSA names another."""
    domain = "dane-mismatch.example"
    host = f"mx.{domain}"
    pins = [spki_pin(world.servers[host].identity)]
    under(gateway, rule(domain, method="pin", pins=pins))
    record = gateway.send(domain).held(host, "tls-failed")
    assert record["failure"] == "tlsa-mismatch"
    assert record["also-local"] == "pin"


def test_tls_26_the_authorities_of_a_rule_take_the_place_of_the_public(
    gateway: Gateway, world: World
) -> None:
    ca = world.pki.private_file
    under(gateway, rule(PRIVATE, method="ca", names=[f"mx.{PRIVATE}"],
                        **{"ca-file": ca}))
    record = gateway.send(PRIVATE).delivered(
        f"mx.{PRIVATE}", required="verify", reached="verified")
    assert record["method"] == "ca"
    under(gateway, rule(PORTAL, method="ca", names=[f"mx.{PORTAL}"],
                        **{"ca-file": ca}))
    record = gateway.send(PORTAL).held(f"mx.{PORTAL}", "tls-failed")
    assert record["failure"] == "certificate"


@pytest.mark.parametrize("version", [
    ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_43_a_client_certificate_is_shown_to_the_host_of_its_rule(
    gateway: Gateway, world: World, strict: MailServer,
    version: ssl.TLSVersion,
) -> None:
    own = world.pki.issue(CertSpec(issuer=Issuer.PRIVATE, client=True),
                          OWN_NAME)
    own.path.chmod(0o600)
    shutil.chown(own.path, "nobody")
    strict.behaviour = Behaviour(client_ca=world.pki.private_file,
                                 max_tls=version)
    under(gateway, rule(STRICT, require="encrypt",
                        **{"client-certificate": own.path,
                           "client-key": own.path}))
    result = gateway.send(STRICT)
    record = result.delivered(strict.name, required="encrypt",
                              reached="encrypted")
    assert record["identity"] == "partner"
    assert result.arrived[0][1].tls.client == OWN_NAME


def test_tls_43_without_one_the_host_that_insists_takes_nothing(
    gateway: Gateway, world: World, strict: MailServer
) -> None:
    strict.behaviour = Behaviour(client_ca=world.pki.private_file)
    under(gateway, rule(STRICT, require="encrypt"))
    result = gateway.send(STRICT)
    assert result.queued is not None and result.arrived == []
    assert result.violations == []


def test_tls_01_older_tls_than_a_rule_says_is_none(
    gateway: Gateway, strict: MailServer
) -> None:
    strict.behaviour = Behaviour(max_tls=ssl.TLSVersion.TLSv1_2)
    newer = rule(STRICT, require="encrypt", **{"min-tls": "1.3"})
    under(gateway, newer)
    record = gateway.send(STRICT).held(strict.name, "tls-failed")
    assert record["failure"] == "legacy-tls"
    assert record["min-tls"] == "1.3"
    strict.behaviour = Behaviour()
    record = gateway.send(STRICT).delivered(
        strict.name, required="encrypt", reached="encrypted")
    assert record["protocol"] == "TLSv1.3"


def test_tls_19_unmet_mail_goes_back_at_once_with_its_reason(
    gateway: Gateway, world: World
) -> None:
    under(gateway, rule(CLEAR, unmet="bounce"))
    mail = gateway.submit(CLEAR)
    gateway.wait_for_report(mail)
    home = world.servers[f"mx.{SENDER.rpartition('@')[2]}"]
    report = next(m.content.decode() for m in home.messages
                  if mail.canary.encode() in m.content)
    assert "Status: 5.7.5" in report
    assert "X-Tierpost-Reason: no-starttls" in report
    assert gateway.evidence("--domain", CLEAR)[-1]["unmet"] == "bounce"


def test_tls_19_unmet_mail_is_held_until_it_is_released(
    gateway: Gateway, strict: MailServer
) -> None:
    strict.behaviour = Behaviour(max_tls=ssl.TLSVersion.TLSv1_2)
    demand = {"min-tls": "1.3", "unmet": "hold"}
    under(gateway, rule(STRICT, require="encrypt", **demand))
    mail = gateway.submit(STRICT)
    until(lambda: [r["state"] for r in gateway.queue()
                   if r["id"] == mail.id] == ["held"], "not held")
    strict.behaviour = Behaviour()
    assert gateway.command("queue", "release", mail.id).returncode == 0
    result = gateway.wait_delivered(mail)
    assert [host for host, _ in result.arrived] == [strict.name]


def test_tls_19_unmet_mail_goes_by_a_portal_that_must_prove_itself(
    gateway: Gateway
) -> None:
    portal = f"mx.{PORTAL}"
    by = {"unmet": "route", "unmet-route": "portal"}
    route = {"name": "portal", "use": "unmet", "via": [f"[{portal}]"]}
    under(gateway, rule(CLEAR, **by), routes=[route])
    mail = gateway.submit(CLEAR)
    result = gateway.wait_delivered(mail)
    assert [host for host, _ in result.arrived] == [portal], str(result)
    record = result.at(portal)
    assert record["alternate"] is True and record["route"] == "portal"
    assert record["reached"] == "verified"
    # A portal that proves nothing is no way around the requirement.
    route = {**route, "via": [f"[mx.{PRIVATE}]"]}
    under(gateway, rule(CLEAR, **by), routes=[route])
    gateway.send(CLEAR).held(f"mx.{PRIVATE}", "tls-failed")


def test_a_mistake_in_a_file_of_a_rule_changes_nothing(
    gateway: Gateway, world: World
) -> None:
    pins = [spki_pin(world.servers[f"mx.{PINNED}"].identity)]
    under(gateway, rule(PINNED, method="pin", pins=pins))
    empty = gateway.folder / "empty.pem"
    empty.write_text("")
    told = gateway.log().count("not-reloaded")
    before = dict(gateway.options)
    gateway.options["rules"] = [
        rule(PINNED, method="ca", **{"ca-file": empty})]
    gateway.write_config()
    gateway.child().send(signal.SIGHUP)
    until(lambda: gateway.log().count("not-reloaded") > told, "taken")
    assert f"{empty}: empty" in gateway.log()
    gateway.send(PINNED).delivered(
        f"mx.{PINNED}", required="verify", reached="verified")
    gateway.options = before
