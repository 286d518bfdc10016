# SPDX-License-Identifier: BSD-2-Clause
"""What another configuration would change, before it is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from miniinet.gateway import Gateway, after, exception, merge, render

DAY = 86400
LEGACY = "legacy.example"


@pytest.fixture(scope="module")
def options() -> dict:
    return {"exceptions": [exception("legacy", LEGACY, after(DAY))]}


@pytest.fixture(scope="module")
def sent(gateway: Gateway) -> Gateway:
    """One delivery each: verified, unauthenticated, in clear."""
    for domain in ("dane.example", "may.example", LEGACY):
        assert gateway.send(domain).queued is None
    return gateway


def simulate(gateway: Gateway, extra: dict, *words: str) -> tuple[int, dict]:
    """Its exit status and what it found, under other options."""
    other = gateway.folder / "other.conf"
    other.write_text("".join(
        f"{key} = {render(value)};\n"
        for key, value in merge(gateway.options, extra).items()))
    done = gateway.command("simulate", "--json", "--config", str(other),
                           *words)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_same_configuration_would_change_nothing(sent: Gateway) -> None:
    status, found = simulate(sent, {})
    assert status == 0
    assert found["attempts"] == found["same"] == 3
    assert found["changes"] == []
    assert found["old-digest"] == found["new-digest"]


def test_a_rule_for_all_would_hold_what_went_in_clear(sent: Gateway) -> None:
    status, found = simulate(sent, {
        "exceptions": [],
        "rules": [{"name": "all", "domains": ["*"], "require": "encrypt"}],
    })
    assert status == 1
    assert (found["raised"], found["held"], found["lowered"]) == (2, 1, 0)
    legacy, may = found["changes"]
    assert (legacy["domain"], legacy["from"], legacy["to"]) == (
        LEGACY, "plain", "encrypt")
    assert (legacy["held"], may["held"]) == (1, 0)
    assert may["domain"] == "may.example"


def test_an_exception_would_lower_what_is_published(sent: Gateway) -> None:
    status, found = simulate(sent, {
        "exceptions": [exception("dane", "dane.example", after(DAY))],
    }, "--domain", "dane.example")
    assert status == 1
    change, = found["changes"]
    assert change["change"] == "lowered"
    assert (change["from"], change["to"]) == ("verify by dane", "plain")


def test_domains_are_looked_up_where_no_mail_went(sent: Gateway) -> None:
    status, found = simulate(sent, {
        "rules": [{"name": "more", "domains": ["sts-testing.example"],
                   "require": "verify"}],
    }, "sts-testing.example", "sts.example")
    assert status == 0
    assert found["hosts"] == 2
    change, = found["changes"]
    assert change["domain"] == "sts-testing.example"
    assert change["change"] == "raised"


def test_a_domain_that_cannot_be_judged_is_said(sent: Gateway) -> None:
    done = sent.command("simulate", "--config", str(sent.conf),
                        "mx-altered.example")
    assert done.returncode == 75
    assert "mx-altered.example" in done.stderr


def test_a_configuration_with_mistakes_is_refused(
    sent: Gateway, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.conf"
    bad.write_text('hostname = "gw.example.org";\nrules = ( { } );\n')
    done = sent.command("simulate", "--config", str(bad))
    assert done.returncode == 78
    assert "bad.conf:2" in done.stderr
