# SPDX-License-Identifier: BSD-2-Clause
"""Connections of the courier to real mail systems, and where they come from."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from miniinet.gateway import Gateway
from miniinet.mtas import Mta
from miniinet.world import World

SECONDS = 15.0
EX_CONFIG = 78
FOREIGN = "203.0.113.251"  # no address of any machine (RFC 5737)


@pytest.fixture(scope="module")
def options() -> dict:
    """Every message has a connection of its own."""
    return {"smtp": {"idle-connection": "0s"}}


# Exim gives out no sessions unless it is told to.
@pytest.mark.parametrize(
    "kind, resumed", [("exim", False), ("postfix", True)])
def test_tls_31_smtp_48_a_real_mail_system_is_met_again(
    gateway: Gateway, world: World, kind: str, resumed: bool,
    mta_packages: dict[str, list[Path] | str],
) -> None:
    """The TLS session is resumed and still proves as much, content by BDAT."""
    found = mta_packages[kind]
    if isinstance(found, str):
        pytest.skip(f"{kind}: {found}")
    with Mta(world, kind, gateway.listen, found) as mta:
        first, second = (
            gateway.send(mta.domain).at(mta.host) for _ in range(2))
    for record in (first, second):
        assert record["outcome"] == "delivered", str(record)
        assert record["reached"] == "verified", str(record)
        assert record["chunked"] is True, str(record)
        assert record["reused"] is False, str(record)
    assert (first["resumed"], second["resumed"]) == (False, resumed)
    assert second["spki-sha256"] == first["spki-sha256"]
    assert second["matched"] == first["matched"] != ""


def test_mail_leaves_from_the_address_of_smtp_bind(
    world: World, binary: Path
) -> None:
    options = {"smtp": {"bind": ["127.0.0.1"]}}
    with Gateway(world, binary, "bind", options) as gateway:
        gateway.send("dane.example").delivered(
            "mx.dane.example", required="verify", reached="verified")


def test_smtp_bind_that_is_none_of_this_host_refuses_to_start(
    world: World, binary: Path
) -> None:
    gateway = Gateway(world, binary, "foreign", {"smtp": {"bind": [FOREIGN]}})
    gateway.spawn()
    deadline = time.monotonic() + SECONDS
    while gateway.child().running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gateway.stop() == EX_CONFIG
    assert f"smtp.bind: bind to {FOREIGN}" in gateway.log()


def test_a_reload_with_a_foreign_smtp_bind_is_refused(
    world: World, binary: Path
) -> None:
    with Gateway(world, binary, "reload-bind") as gateway:
        gateway.reload({"smtp": {"bind": [FOREIGN]}}, refused=True)
        gateway.send("dane.example").delivered(
            "mx.dane.example", required="verify", reached="verified")
