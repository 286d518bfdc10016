# SPDX-License-Identifier: BSD-2-Clause
"""nodemailer as client and smtp-server as mail hosts, run by Node.js.

Versions and checksums of the packages are pinned in node/package-lock.json;
npm puts them into a folder of the cache, named after that file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import smtplib
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

from .letters import Letter
from .mtas import cache
from .procs import Child
from .world import World

SOURCE = Path(__file__).resolve().parents[1] / "node"
INSTALL_SECONDS = 120.0
READY_SECONDS = 20.0
SUBMIT_SECONDS = 60.0


class Missing(Exception):
    """Something to install first, and how."""


def fetch() -> Path:
    """The folder of the packages, filled unless it is there.

    Raises Missing, OSError or subprocess.SubprocessError.  This needs the
    real network: before entering the namespace.
    """
    for program, package in (("node", "nodejs"), ("npm", "npm")):
        if shutil.which(program) is None:
            raise Missing(f"{program} is missing: apt-get install {package}")
    lock = (SOURCE / "package-lock.json").read_bytes()
    folder = cache() / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as made:
        part = Path(made) / "part"
        part.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, part)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
             "--no-update-notifier"],
            cwd=part, check=True, capture_output=True, timeout=INSTALL_SECONDS)
        part.rename(folder)
    return folder


def _run_by(packages: Path) -> dict[str, str]:
    return {"NODE_PATH": str(packages / "node_modules")}


def submit(
    packages: Path, transport: dict[str, Any], mail: dict[str, Any]
) -> dict[str, Any]:
    """What nodemailer says about a message it was to hand in."""
    done = subprocess.run(
        ["node", SOURCE / "submit.js"],
        input=json.dumps({"transport": transport, "mail": mail}),
        capture_output=True, text=True, timeout=SUBMIT_SECONDS,
        env={**os.environ, **_run_by(packages)}, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def raw(letter: Letter, **envelope: Any) -> dict[str, Any]:
    """A message that is sent as it is."""
    return {
        "envelope": {"from": letter.sender, "to": [letter.recipient],
                     **envelope},
        "rawBase64": base64.b64encode(letter.content).decode(),
    }


@dataclass(frozen=True)
class Received:
    content: bytes
    envelope: dict[str, Any]
    tls: dict[str, Any] | bool  # False: it came in clear


@dataclass(frozen=True)
class MailHost:
    """A host that smtp-server is for; options as its constructor has them."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)


class MailHosts:
    """smtp-server on port 25 of each host's address; a context manager."""

    def __init__(
        self, world: World, packages: Path, hosts: Sequence[MailHost]
    ) -> None:
        self.world = world
        self.packages = packages
        self.hosts = hosts
        self.folder = world.folder / "node"
        self._child: Child | None = None

    def __enter__(self) -> MailHosts:
        shutil.rmtree(self.folder, ignore_errors=True)
        settings = []
        for host in self.hosts:
            address, identity = self.world.external[host.name]
            folder = self.folder / host.name
            folder.mkdir(parents=True)
            settings.append({
                "host": host.name, "address": address,
                "pem": str(identity.path), "folder": str(folder),
                "options": host.options})
        config = self.folder / "hosts.json"
        config.write_text(json.dumps(settings))
        self._child = Child(["node", SOURCE / "receive.js", config],
                            self.folder / "log", _run_by(self.packages))
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self._child.running():
            if all(self._greets(host) for host in self.hosts):
                return self
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError(f"smtp-server does not answer:\n{self.log()}")

    def __exit__(self, *_error: object) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _greets(self, host: MailHost) -> bool:
        try:
            with smtplib.SMTP(self.world.external[host.name][0], timeout=5):
                return True
        except (OSError, smtplib.SMTPException):
            return False

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def received(self, host: str, letter: Letter) -> list[Received]:
        """How often, and how, the letter has come to a host."""
        found = []
        for path in sorted((self.folder / host).glob("*.json")):
            content = path.with_suffix(".eml").read_bytes()
            if letter.canary.encode() in content:
                about = json.loads(path.read_text())
                found.append(Received(content, about["envelope"],
                                      about["tls"]))
        return found
