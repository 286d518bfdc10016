# SPDX-License-Identifier: BSD-2-Clause
"""Postfix delivers by itself and asks the gateway what to require."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

import pytest
from miniinet.gateway import Gateway
from miniinet.resolver import Resolver
from miniinet.socketmap import Client, Sender, Sent
from miniinet.world import World

TCP = ("127.0.0.1", 8461)
RESOLVER = "127.53.0.53"
POSTFIX = "127.0.0.25"
WAITS = "TEMP "
SECONDS = 20.0
# Without TLSA records at the ports that are asked about.
HOSTS = ("mx.dane.example", "mx.may.example", "mx.sts.example",
         "mx1.dane-later.example")


def secure(*hosts: str) -> str:
    return f"OK secure match={':'.join(hosts)} servername=hostname"


# Domain, answer, where Postfix delivers then (None: nowhere), in TLS.
CASES = [
    ("dane.example", "OK dane-only", "mx.dane.example", True),
    ("dane-odd.example", "OK dane-only", "mx.dane-odd.example", True),
    ("dane-roll.example", "OK dane-only", "mx.dane-roll.example", True),
    ("dane-ta.example", "OK dane-only", "mx.dane-ta.example", True),
    ("dane-no-mx.example", "OK dane-only", "dane-no-mx.example", True),
    ("dane-second.example", "OK dane-only", "mx2.dane-second.example", True),
    ("dane-later.example", "OK dane", "mx1.dane-later.example", True),
    ("dane-half.example", "OK dane", "mx.dane.example", True),
    ("dane-mismatch.example", "OK dane-only", None, True),
    ("dane-ta-alien.example", "OK dane-only", None, True),
    ("dane-stripped.example", "OK dane-only", None, True),
    ("dane-unusable.example", "OK encrypt", "mx.dane-unusable.example", True),
    ("dane-unusable-clear.example", "OK encrypt", None, True),
    ("tlsa-servfail.example", WAITS, None, True),
    ("tlsa-altered.example", WAITS, None, True),
    ("mx-servfail.example", WAITS, None, True),
    ("mx-altered.example", WAITS, None, True),
    ("both-dane-bad.example", "OK dane-only", None, True),
    ("both-sts-bad.example", "OK dane-only", "mx.both-sts-bad.example", True),
    ("both-tlsa-servfail.example", WAITS, None, True),
    ("sts.example", secure("mx.sts.example"), "mx.sts.example", True),
    ("sts-mx.example", WAITS, None, True),
    ("sts-mx-second.example", secure("mx2.sts-mx-second.example"),
     "mx2.sts-mx-second.example", True),
    ("sts-alien.example", secure("mx.sts-alien.example"), None, True),
    ("sts-domain-name.example", secure("mx.sts-domain-name.example"), None,
     True),
    ("sts-expired.example", secure("mx.sts-expired.example"), None, True),
    ("sts-clear.example", secure("mx.sts-clear.example"), None, True),
    ("sts-stripped.example", secure("mx.sts-stripped.example"), None, True),
    ("sts-testing.example", "OK may", "mx.sts-testing.example", True),
    ("sts-none.example", "OK may", "mx.sts-none.example", True),
    ("sts-unknown.example", WAITS, None, True),
    ("may.example", "OK may", "mx.may.example", True),
    ("may-clear.example", "OK may", "mx.may-clear.example", False),
    ("null-mx.example", WAITS, None, True),
]


@pytest.fixture(scope="module")
def gateway(world: World, binary: Path) -> Iterator[Gateway]:
    made = Gateway(world, binary, "socketmap")
    folder = world.folder / "postfix-out"
    folder.mkdir()
    made.options["socketmap"] = [
        {"address": f"unix:{folder}/policy"},
        {"address": f"{TCP[0]}:{TCP[1]}"},
    ]
    made.write_config()
    with made as running:
        yield running
        assert running.child().running(), running.log()[-6000:]


@pytest.fixture(scope="module")
def postfix(
    world: World, gateway: Gateway, mta_packages: dict[str, list[Path] | str]
) -> Iterator[Sender]:
    found = mta_packages["postfix"]
    if isinstance(found, str):
        pytest.skip(f"postfix: {found}")
    with Resolver(RESOLVER, world.trust_anchor, world.root_hints), \
            Sender(world, world.folder / "postfix-out", POSTFIX, RESOLVER,
                   found) as sender:
        yield sender


def held(sent: Sent) -> None:
    assert sent.status == "deferred", sent
    assert sent.arrived == [], sent
    assert sent.violations == []


@pytest.mark.parametrize(
    "domain,answer,host,tls", CASES, ids=[case[0] for case in CASES])
def test_socketmap_a_real_postfix_sends_where_the_gateway_would(
    gateway: Gateway, postfix: Sender, domain: str, answer: str,
    host: str | None, tls: bool,
) -> None:
    with Client(TCP) as client:
        said = client.ask(domain)
    assert said == answer or (answer == WAITS and said.startswith(WAITS))
    sent = postfix.send(domain)
    if host is None and domain == "null-mx.example":
        assert sent.status in ("deferred", "bounced") and not sent.arrived
        return
    if host is None:
        held(sent)
        return
    assert sent.status == "sent", sent
    (where, message), = sent.arrived
    assert where == host
    assert (message.tls is not None) == tls
    assert sent.violations == []


def test_socketmap_postfix_waits_while_nobody_answers(
    gateway: Gateway, postfix: Sender
) -> None:
    """The gateway is down; and a mapper that dies comes back."""
    gateway.stop()
    held(postfix.send("dane.example"))
    held(postfix.send("may.example"))
    gateway.start()
    assert postfix.send("dane.example").status == "sent"
    pid, = gateway.processes()["mapper"]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while gateway.processes().get("mapper", [pid]) == [pid]:
        assert time.monotonic() < deadline, gateway.log()
        time.sleep(0.05)
    assert postfix.send("dane.example").status == "sent"


def test_socketmap_tls_reports_have_the_policy_that_was_found(
    gateway: Gateway
) -> None:
    with Client(TCP) as client:
        said = client.ask("sts.example", "tlsrpt").split(" { ")
        assert client.ask("dane.example", "tlsrpt") == "OK dane-only"
        assert client.ask("may.example", "tlsrpt") == "OK may"
    plain, *strings = said
    words = plain.split()
    assert words[:4] == ["OK", "secure", "match=mx.sts.example",
                         "servername=hostname"]
    ttl, = [int(w.removeprefix("policy_ttl=")) for w in words
            if w.startswith("policy_ttl=")]
    assert 0 < ttl <= 86400
    assert words[5:] == ["policy_type=sts", "policy_domain=sts.example",
                         "mx_host_pattern=mx.sts.example"]
    assert [s.removesuffix(" }") for s in strings] == [
        "policy_string = version: STSv1", "policy_string = mode: enforce",
        "policy_string = mx: mx.sts.example",
        "policy_string = max_age: 86400"]


def test_socketmap_a_rule_and_an_exception_are_told_after_a_reload(
    gateway: Gateway
) -> None:
    with Client(TCP) as client:
        assert client.ask("strict.example") == "OK may"
        gateway.reload({"rules": [{
            "name": "strict", "domains": ["strict.example"],
            "require": "encrypt"}]})
        assert client.ask("strict.example") == "OK encrypt"
        gateway.reload({"rules": []})
        assert client.ask("strict.example") == "OK may"


def test_inv_04_socketmap_tells_at_once_of_a_policy_changed_by_hand(
    world: World, gateway: Gateway
) -> None:
    """What was told before rests on the policy that is gone."""
    domain = "sts.example"
    host = world.policy_hosts[domain]
    enforced = host.policy
    with Client(TCP) as client:
        assert client.ask(domain) == secure("mx.sts.example")
        try:
            host.policy = enforced.replace("enforce", "none")
            world.set_txt(domain, "_mta-sts", "v=STSv1; id=20261104;")
            assert client.ask(domain) == secure("mx.sts.example")
            done = gateway.command("policy", "refresh", domain)
            assert done.returncode == 0, done.stderr
            assert client.ask(domain) == "OK may"
        finally:
            host.policy = enforced
            world.set_txt(domain, "_mta-sts", "v=STSv1; id=20261101;")
            done = gateway.command("policy", "refresh", domain)
        assert done.returncode == 0, done.stderr
        assert client.ask(domain) == secure("mx.sts.example")


def test_b2_8_lookups_at_once_have_each_their_own_answer(
    gateway: Gateway
) -> None:
    """Under a floor an answer names the host that was asked about."""
    gateway.reload({"smtp": {"floor": "verify"}})
    seed = random.Random(20261124)

    def ask(number: int) -> int:
        wrong = 0
        with Client(TCP) as client:
            for _ in range(20):
                port = 1000 + seed.randrange(50)
                if port % 10 == 0:  # one leaves without its answer
                    with Client(TCP) as gone:
                        gone.send(f"[mx.dane.example]:{port}")
                host = HOSTS[(number + port) % len(HOSTS)]
                wrong += client.ask(f"[{host}]:{port}") != secure(host)
                wrong += not client.ask("[gone.may.example]").startswith(WAITS)
        return wrong

    with ThreadPoolExecutor(100) as pool:
        assert sum(pool.map(ask, range(200))) == 0
    gateway.reload({"smtp": {"floor": "plain"}})


def test_socketmap_bad_clients_are_cut_off_and_others_served(
    gateway: Gateway
) -> None:
    with Client(TCP) as good:
        for bad in (b"GET / HTTP/1.0\r\n\r\n", b"99999999999:", b"1:ab"):
            with socket.create_connection(TCP, timeout=10) as sock:
                sock.sendall(bad)
                said = sock.recv(1000)
                assert said == b"" or b"PERM" in said
        assert good.ask("may.example") == "OK may"
        assert good.ask("no such key").startswith("PERM ")
        assert good.ask(".example") == "NOTFOUND "
