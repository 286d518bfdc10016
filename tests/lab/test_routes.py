# SPDX-License-Identifier: BSD-2-Clause
"""Mail by way of a smart host: one gateway behind another."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest
from miniinet.catalogue import GATEWAY_NAME
from miniinet.gateway import SETTLE_SECONDS, Gateway, Mail
from miniinet.world import World

HOST = "127.0.0.1"
SUBMISSION, IMPLICIT = 2587, 2465
PASSWORD = "correct horse"
BY_STARTTLS, BY_IMPLICIT, WRONG_NAME, WRONG_PASSWORD, DIRECT = (
    "dane.example", "sts.example", "may.example", "dane-half.example",
    "strict.example")


def secret(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def relay(world: World, binary: Path) -> Iterator[Gateway]:
    """The smart host: it takes mail of one account."""
    made = Gateway(world, binary, "smart-host")
    account = subprocess.run(
        [binary, "password", "gateway"], input=PASSWORD + "\n",
        capture_output=True, text=True, timeout=60, check=True).stdout
    accounts = made.folder / "accounts"
    accounts.write_text(account)
    accounts.chmod(0o640)
    shutil.chown(accounts, "nobody", "nogroup")
    made.options["intake"] = {"accounts": accounts, "tarpit-delay": "0s"}
    made.options["listen"] += [
        {"address": f"{HOST}:{SUBMISSION}", "role": "submission"},
        {"address": f"{HOST}:{IMPLICIT}", "role": "submission",
         "tls": "implicit"},
    ]
    made.write_config()
    with made as running:
        yield running


@pytest.fixture(scope="module")
def front(
    world: World, binary: Path, relay: Gateway
) -> Iterator[Gateway]:
    """The gateway whose mail for some domains goes by the smart host."""
    made = Gateway(world, binary, "front")
    good = secret(made.folder / "password", PASSWORD + "\n")
    bad = secret(made.folder / "old-password", "guess\n")

    def route(name: str, domain: str, port: int, **more: object) -> dict:
        return {"name": name, "domains": [domain],
                "via": [f"[{HOST}]:{port}"], "names": [GATEWAY_NAME],
                "user": "gateway", "password-file": good, **more}

    made.options["routes"] = [
        route("starttls", BY_STARTTLS, SUBMISSION),
        route("implicit", BY_IMPLICIT, IMPLICIT, tls="implicit"),
        route("wrong-name", WRONG_NAME, SUBMISSION,
              names=["other.example"]),
        {**route("wrong-password", WRONG_PASSWORD, SUBMISSION),
         "password-file": bad},
    ]
    made.write_config()
    with made as running:
        yield running


def until(look: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def arrived(front: Gateway, mail: Mail) -> bool:
    return bool(front.arrivals(mail))


@pytest.mark.parametrize("domain", [BY_STARTTLS, BY_IMPLICIT])
def test_smtp_52_tls_37_mail_goes_by_the_authenticated_smart_host(
    front: Gateway, relay: Gateway, domain: str
) -> None:
    mail = front.submit(domain)
    until(lambda: arrived(front, mail), front.log()[-3000:])
    record = front.evidence("--domain", domain)[-1]
    assert record["host"] == f"[{HOST}]"
    assert record["required"] == "verify"
    assert record["outcome"] == "delivered"
    assert f"account=gateway" in relay.log()
    assert PASSWORD not in front.log() + relay.log()


def test_smtp_52_a_smart_host_of_another_name_gets_nothing(
    front: Gateway, relay: Gateway
) -> None:
    before = relay.log().count("authenticated")
    front.submit(WRONG_NAME)
    until(lambda: front.evidence("--domain", WRONG_NAME), "no attempt")
    record = front.evidence("--domain", WRONG_NAME)[-1]
    assert record["outcome"] == "tls-failed"
    assert relay.log().count("authenticated") == before


def test_smtp_52_a_wrong_password_keeps_the_mail_and_is_an_alarm(
    front: Gateway,
) -> None:
    mail = front.submit(WRONG_PASSWORD)
    until(lambda: "login-refused" in front.log(), "no alarm")
    row, = [r for r in front.queue() if r["id"] == mail.id]
    assert row["state"] in ("deferred", "due", "new")
    assert "guess" not in front.log()


def test_other_domains_go_to_their_own_hosts(front: Gateway) -> None:
    front.send(DIRECT).delivered(f"mx.{DIRECT}", required="may",
                                 reached="encrypted")


def test_explain_names_the_route(front: Gateway) -> None:
    plan = front.explain(BY_STARTTLS)
    host, = plan["hosts"]
    assert "route starttls" in host["why"]
    assert host["required"] == "verify"
