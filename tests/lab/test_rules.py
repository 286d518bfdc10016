# SPDX-License-Identifier: BSD-2-Clause
"""Rules about the mail itself: what is said of it before is what happens."""

from __future__ import annotations

import json
import secrets

import pytest
from miniinet.gateway import SENDER, Gateway, Record, Result, merge, render
from miniinet.letters import Letter

DOMAIN = "may.example"  # its certificate proves nothing
FIELD = "Sensitivity: company-confidential"
RULES = [
    {"name": "secret", "header": [FIELD], "require": "verify"},
    {"name": "staff", "senders": [".staff.example", "boss@staff.example"],
     "require": "encrypt"},
    {"name": "abroad", "clients": ["10.0.0.0/8"], "require": "dane-only"},
    {"name": "tagged", "classes": ["normal"], "mx": ["mx.dane.example"],
     "require": "dane-only"},
]


@pytest.fixture(scope="module")
def options() -> dict:
    return {"rules": RULES}


def explain(gateway: Gateway, domain: str, *words: str) -> Record:
    done = gateway.command("explain", "--json", *words, domain)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def send(gateway: Gateway, domain: str, sender: str, *fields: str) -> Result:
    canary = f"canary-{secrets.token_hex(8)}"
    recipient = f"bob@{domain}"
    head = [f"From: <{sender}>", *fields, f"Subject: {canary}"]
    content = "\r\n".join([*head, "", canary, ""]).encode()
    return gateway.result(gateway.hand_in(
        Letter(sender, recipient, canary, content)))


@pytest.mark.parametrize(("sender", "fields", "marks", "required"), [
    (SENDER, [], "", "may"),
    (SENDER, ["sensitivity:  Company-Confidential"], "secret", "verify"),
    ("boss@staff.example", [], "staff", "encrypt"),
    ("clerk@x.staff.example", [FIELD], "secret,staff", "verify"),
    ("clerk@staff.example", [], "", "may"),
])
def test_tls_19_a_message_is_sent_by_the_rules_that_it_meets(
    gateway: Gateway, sender: str, fields: list[str], marks: str,
    required: str,
) -> None:
    described = ["--from", sender, "--client", "127.0.0.1"]
    for field in fields:
        described += ["--header", field]
    plan = explain(gateway, DOMAIN, *described)
    result = send(gateway, DOMAIN, sender, *fields)
    host, = plan["hosts"]
    record = result.at(host["host"])
    assert plan["marks"] == record["marks"] == marks
    assert plan["marks-assumed"] == ""
    assert host["required"] == record["required"] == required
    assert host["row"] == record["row"]
    if required == "verify":
        assert result.queued is not None
        assert result.queued["marks"] == marks
        assert result.arrived == [] and result.violations == []
    else:
        result.delivered(host["host"], required=required, reached="encrypted")


def test_what_is_not_said_of_the_client_is_assumed(gateway: Gateway) -> None:
    plan = explain(gateway, DOMAIN, "--from", SENDER)
    assert plan["marks"] == plan["marks-assumed"] == "abroad"
    assert [host["skip"] for host in plan["hosts"]] == [True]
    text = gateway.command("explain", "--from", SENDER, DOMAIN).stdout
    assert "Not enough is known of it to tell, so these count: abroad." in text


def test_a_rule_about_hosts_is_about_these(gateway: Gateway) -> None:
    host, = explain(gateway, "dane.example")["hosts"]
    assert host["required"] == "dane-only"
    host, = explain(gateway, DOMAIN)["hosts"]
    assert host["required"] == "may"


@pytest.mark.parametrize("words", [
    ("--client", "example.org"), ("--from", "a b"), ("--header", "Sensitivity"),
    ("--header", "A: b\r\n\r\nC: d"), ("--colour", "red"),
])
def test_what_describes_no_message_is_refused(
    gateway: Gateway, words: tuple[str, str]
) -> None:
    done = gateway.command("explain", *words, DOMAIN)
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr != ""


def simulate(gateway: Gateway, rules: list, *words: str) -> Record:
    other = gateway.folder / "other.conf"
    other.write_text("".join(
        f"{key} = {render(value)};\n"
        for key, value in merge(gateway.options, {"rules": rules}).items()))
    done = gateway.command("simulate", "--json", "--config", str(other),
                           *words)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_simulate_judges_what_the_marks_and_senders_tell(
    gateway: Gateway,
) -> None:
    send(gateway, DOMAIN, SENDER)
    send(gateway, DOMAIN, "boss@staff.example")
    more = [RULES[0], {**RULES[1], "require": "dane-only"}, *RULES[2:]]
    found = simulate(gateway, more, "--domain", DOMAIN)
    assert found["unjudged"] == found["lowered"] == 0
    assert found["raised"] >= 1
    assert found["other-configuration"] == 0
    for change in found["changes"]:
        assert change["to"] == "not used"


def test_simulate_says_what_no_record_tells(gateway: Gateway) -> None:
    send(gateway, DOMAIN, SENDER)
    more = [*RULES, {"name": "lists", "header": ["List-Id: *"],
                     "require": "dane-only"}]
    found = simulate(gateway, more, "--domain", DOMAIN)
    assert found["unjudged"] >= 1
    assert "lists" in {change["depends-on"] for change in found["changes"]}


def test_simulate_takes_a_description_for_domains(gateway: Gateway) -> None:
    more = [{**RULES[0], "require": "encrypt"}, *RULES[1:]]
    words = ("--client", "127.0.0.1", "--header", FIELD, DOMAIN)
    change, = simulate(gateway, more, *words)["changes"]
    assert (change["from"], change["to"]) == ("verify by pkix-local",
                                              "encrypt")
    assert simulate(gateway, more, DOMAIN)["same"] == 1
