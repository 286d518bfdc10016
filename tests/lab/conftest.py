# SPDX-License-Identifier: BSD-2-Clause
"""What the lab's tests share: the mini-internet and a gateway in it."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest
from miniinet import mtas, netns, node
from miniinet.gateway import Gateway, find_binary
from miniinet.world import World

NEEDED = {"nsd": "nsd", "setpriv": "util-linux"}


@pytest.fixture(scope="session")
def mta_packages() -> dict[str, list[Path] | str]:
    """The packages of each real mail system, or why they are not there.

    Downloading needs the network, so `world` asks for this before it enters
    the namespace.
    """
    found: dict[str, list[Path] | str] = {}
    for name, kind in mtas.KINDS.items():
        try:
            found[name] = mtas.fetch(kind.packages)
        except (OSError, subprocess.SubprocessError) as error:
            found[name] = f"its packages cannot be had: {error}"
    return found


@pytest.fixture(scope="session")
def node_packages() -> Path | str:
    """The packages for Node.js, likewise."""
    try:
        return node.fetch()
    except node.Missing as missing:
        return str(missing)
    except (OSError, subprocess.SubprocessError) as error:
        return f"npm cannot get its packages: {error}"


@pytest.fixture(scope="session")
def world(
    mta_packages: dict[str, list[Path] | str], node_packages: Path | str,
) -> Iterator[World]:
    for program, package in NEEDED.items():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: apt-get install {package}")
    refused = netns.why_not()
    if refused:
        pytest.skip(refused)
    with World() as raised:
        yield raised


@pytest.fixture(scope="session")
def binary() -> Path:
    path = find_binary()
    if path is None:
        pytest.skip("no tierpost to test: run make, or set TIERPOST")
    return path


@pytest.fixture(scope="module")
def options() -> dict:
    """Options of the module's gateway; a module may have its own."""
    return {}


@pytest.fixture(scope="module")
def gateway(
    request: pytest.FixtureRequest, world: World, binary: Path, options: dict
) -> Iterator[Gateway]:
    """A gateway with fresh state for each module.

    After its tests nothing may have crossed in clear to a host where the
    catalogue forbids it, in first attempts or later ones, and the evidence
    must verify.
    """
    since = time.monotonic()
    name = request.module.__name__
    with Gateway(world, binary, name, options) as running:
        yield running
        assert running.child().running(), running.log()[-6000:]
    assert world.violations([b"canary-"], since) == []
    verified = running.command("evidence", "verify")
    assert verified.returncode == 0, verified.stderr
