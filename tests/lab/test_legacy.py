# SPDX-License-Identifier: BSD-2-Clause
"""Real mail systems whose TLS is too old, and what may be done about it.

Each test sets the knobs that it is about; a reload forgets what is
remembered of hosts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from miniinet.gateway import Gateway, Options, Result, after, exception
from miniinet.mtas import OLD, Mta
from miniinet.world import World

KIND_OF = {"old-postfix": "postfix", "old-exim": "exim"}


@pytest.fixture(scope="module", params=sorted(OLD))
def mta(
    request: pytest.FixtureRequest, world: World, gateway: Gateway,
    mta_packages: dict[str, list[Path] | str],
) -> Iterator[Mta]:
    found = mta_packages[KIND_OF[request.param]]
    if isinstance(found, str):
        pytest.skip(f"{request.param}: {found}")
    with Mta(world, request.param, gateway.listen, found) as running:
        yield running


@pytest.fixture
def settings(gateway: Gateway, mta: Mta) -> Iterator[Gateway]:
    """The gateway, with what a test sets undone after it."""
    yield gateway
    gateway.reload({**smtp(), "rules": [], "exceptions": []})
    gateway.command("queue", "delete", "--domain", mta.domain)


def smtp(oldest: str = "1.2", **more: str) -> Options:
    return {"smtp": {"opportunistic-min-version": oldest,
                     "plaintext": "allow", **more}}


def rungs(result: Result) -> list[tuple[str, str]]:
    return [(r["rung"], r["outcome"]) for r in result.records]


def test_tls_02_old_tls_is_not_used_unless_it_is_let(
    settings: Gateway, mta: Mta
) -> None:
    settings.reload(smtp())
    result = settings.send(mta.domain)
    assert rungs(result) == [("modern", "tls-failed"),
                             ("clear", "delivered")], str(result)
    failed, sent = result.records
    assert failed["failure"] == "legacy-tls", str(result)
    assert sent["reached"] == "plaintext" and sent["clear-retry"]


def test_tls_02_where_it_is_let_an_old_host_gets_old_tls(
    settings: Gateway, mta: Mta
) -> None:
    settings.reload(smtp("1.0"))
    result = settings.send(mta.domain)
    assert rungs(result) == [("modern", "tls-failed"),
                             ("legacy", "delivered")], str(result)
    sent = result.records[-1]
    assert sent["reached"] == "encrypted"
    assert sent["protocol"] == "TLSv1"
    assert not sent["recalled"]
    assert "legacy-retry" in settings.log()


def test_tls_17_the_ladder_is_not_climbed_for_each_message(
    settings: Gateway, mta: Mta
) -> None:
    settings.reload(smtp("1.0", **{"idle-connection": "0s"}))
    settings.send(mta.domain)
    result = settings.send(mta.domain)
    assert rungs(result) == [("legacy", "delivered")], str(result)
    assert result.records[0]["recalled"] or result.records[0]["reused"]


def test_tls_02_the_knob_is_not_for_where_tls_is_required(
    settings: Gateway, mta: Mta
) -> None:
    settings.reload({**smtp("1.0"), "rules": [
        {"name": "tls", "domains": [mta.domain], "require": "encrypt"}]})
    result = settings.send(mta.domain)
    assert rungs(result) == [("modern", "tls-failed")], str(result)
    assert result.queued is not None
    assert result.queued["reached"] == "nothing"


def test_inv_07_clear_text_forbidden_keeps_mail_from_an_old_host(
    settings: Gateway, mta: Mta
) -> None:
    settings.reload(smtp(plaintext="forbid"))
    before = len(mta.mailbox())
    result = settings.send(mta.domain)
    assert result.queued is not None, str(result)
    assert result.records[-1]["failure"] == "plaintext", str(result)
    assert len(mta.mailbox()) == before
    # An exception is somebody's word for it.
    settings.reload({"exceptions": [
        exception("old", mta.domain, after(3600))]})
    settings.command("queue", "retry", "--domain", mta.domain)
    final = settings.wait_delivered(result.mail)
    assert final.records[-1]["reached"] == "plaintext", str(final)
    assert final.records[-1]["exception"] == "old"
