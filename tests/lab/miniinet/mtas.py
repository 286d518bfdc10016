# SPDX-License-Identifier: BSD-2-Clause
"""Postfix, Exim and OpenSMTPD, run from the packages without installing them.

The packages conflict with each other and with what a machine may have, so
they are only downloaded.  Each daemon gets a mount namespace whose root is
the machine's own with its packages laid over it, in memory: for the daemon
they are installed, outside nothing has changed, and with the process the
rest is gone.
"""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
import time
from pathlib import Path
from typing import Sequence

from .mta_kinds import KINDS, OLD
from .procs import Child
from .world import World

READY_SECONDS = 30.0
DOWNLOAD_SECONDS = 300.0
COMMAND_SECONDS = 30.0

# Arguments: work folder, folder to show as /lab, packages … -- command …
SETUP = r"""
set -eu
work=$1 lab=$2
shift 2
mount -t tmpfs -o mode=755 none "$work"
mkdir "$work/pkg" "$work/up" "$work/tmp" "$work/root"
while [ "$1" != -- ]; do
	dpkg-deb -x "$1" "$work/pkg"
	shift
done
shift
# On Debian 12 /bin, /sbin and /lib are links; packages may have folders.
for d in bin sbin lib; do
	[ -d "$work/pkg/$d" ] || continue
	mkdir -p "$work/pkg/usr/$d"
	cp -a "$work/pkg/$d/." "$work/pkg/usr/$d/"
	rm -r "$work/pkg/$d"
done
mkdir -p "$work/pkg/etc"
id=5300
cp /etc/passwd /etc/group "$work/pkg/etc/"
for name in postfix postdrop opensmtpd opensmtpq Debian-exim; do
	echo "$name:x:$id:$id::/nonexistent:/usr/sbin/nologin" \
	    >> "$work/pkg/etc/passwd"
	echo "$name:x:$id:" >> "$work/pkg/etc/group"
	id=$((id + 1))
done
mount -t overlay none "$work/root" \
    -o "lowerdir=$work/pkg:/,upperdir=$work/up,workdir=$work/tmp"
mkdir "$work/root/lab"
mount --bind "$lab" "$work/root/lab"
mount --bind /proc "$work/root/proc"
mount --bind /dev "$work/root/dev"
exec chroot "$work/root" sh -eu /lab/start
"""


def cache() -> Path:
    named = os.environ.get("TIERPOST_LAB_CACHE")
    return Path(named) if named else Path("/var/cache/tierpost-lab")


def fetch(names: Sequence[str]) -> list[Path]:
    """The packages' files, downloaded unless they are there.

    Raises OSError or subprocess.SubprocessError when that is not possible.
    This needs the real network: before entering the namespace.
    """
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not list(folder.glob(f"{name}_*.deb"))]
    if missing:
        command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root",
                   "download", *missing]
        if subprocess.run(command, cwd=folder, capture_output=True,
                          timeout=DOWNLOAD_SECONDS).returncode != 0:
            subprocess.run(["apt-get", "-q", "update"], check=True,
                           capture_output=True, timeout=DOWNLOAD_SECONDS)
            subprocess.run(command, cwd=folder, check=True,
                           capture_output=True, timeout=DOWNLOAD_SECONDS)
    return [sorted(folder.glob(f"{name}_*.deb"))[-1] for name in names]


class Mta:
    """One of them, as receiver for its domain and sender for the rest."""

    def __init__(
        self, world: World, kind: str, gateway: tuple[str, int],
        packages: Sequence[Path],
    ) -> None:
        self.name = kind
        self.kind = {**KINDS, **OLD}[kind]
        self.domain = f"{kind}.example"
        self.host = f"mx.{self.domain}"
        self.address, self.identity = world.external[self.host]
        self.gateway = gateway
        self.packages = packages
        self.work = world.folder / f"{kind}-root"
        self.lab = world.folder / kind
        self._child: Child | None = None

    def __enter__(self) -> Mta:
        self._write()
        log = self.lab / "log"
        self._child = Child(
            ["unshare", "--mount", "--propagation", "private", "--",
             "sh", "-c", SETUP, "setup", self.work, self.lab,
             *self.packages, "--"],
            log,
        )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self._child.running():
            if self._takes_mail():
                return self
            time.sleep(0.1)
        self.__exit__()
        raise RuntimeError(f"{self.host} does not answer:\n{self.log()}")

    def __exit__(self, *_error: object) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _write(self) -> None:
        for folder in (self.work, self.lab):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        self.lab.chmod(0o777)
        mail = self.lab / "mail"
        mail.mkdir()
        shutil.chown(mail, "nobody", "nogroup")
        pem = self.identity.path.read_text()
        key = pem[pem.index("-----BEGIN PRIVATE KEY"):]
        # Postfix wants the key before its certificate.
        (self.lab / "key.pem").write_text(key + pem.removesuffix(key))
        (self.lab / "chain.pem").write_text(pem.removesuffix(key))
        (self.lab / "key-only.pem").write_text(key)
        address, port = self.gateway
        (self.lab / self.kind.config).write_text(self.kind.template.format(
            host=self.host, domain=self.domain, address=self.address,
            gateway_address=address, gateway_port=port))
        (self.lab / "start").write_text(self.kind.start)

    def _takes_mail(self) -> bool:
        """All of its processes that a recipient needs are there."""
        try:
            with smtplib.SMTP(self.address, 25, timeout=5) as client:
                client.ehlo("client.sender.example")
                client.mail("")
                return client.rcpt(f"bob@{self.domain}")[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def log(self) -> str:
        return "\n".join(
            path.read_text(errors="replace")
            for path in sorted(self.lab.glob("*log")) if path.is_file())

    def mailbox(self) -> list[bytes]:
        """What it has received, with lines as they are sent."""
        return [path.read_bytes().replace(b"\n", b"\r\n")
                for path in sorted(self.lab.glob("mail/new/*"))]

    def queue(self) -> str:
        """What waits in it, as its own command says; empty: nothing."""
        assert self._child is not None, "it is not running"
        pid = str(self._child.pid)
        listed = subprocess.run(
            ["nsenter", "--target", pid, "--mount", "--root",
             f"--wd=/proc/{pid}/root", "--", *self.kind.queue],
            capture_output=True, text=True, timeout=COMMAND_SECONDS,
            check=True,
        ).stdout
        return "" if listed == self.kind.empty else listed
