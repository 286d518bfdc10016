# SPDX-License-Identifier: BSD-2-Clause
"""Postfix, Exim and OpenSMTPD, run from the packages without installing them.

The packages conflict with each other and with what a machine may have, so
they are only downloaded.  Each daemon gets a mount namespace whose root is
the machine's own with its packages laid over it, in memory: for the daemon
they are installed, outside nothing has changed, and with the process the
rest is gone.
"""

from __future__ import annotations

import email
import os
import shutil
import smtplib
import subprocess
import time
from dataclasses import dataclass
from email.message import Message as Mime
from pathlib import Path
from typing import Sequence

from .procs import Child
from .world import World

READY_SECONDS = 30.0
DOWNLOAD_SECONDS = 300.0

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


@dataclass(frozen=True)
class Kind:
    packages: tuple[str, ...]
    config: str  # its name below /lab
    template: str
    start: str  # a shell script, inside


POSTFIX = Kind(
    ("postfix",),
    "main.cf",
    """\
compatibility_level = 3.6
maillog_file = /lab/postfix-log
maillog_file_prefixes = /lab
myhostname = {host}
mydestination =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtp_bind_address = {address}
relayhost = [{gateway_address}]:{gateway_port}
smtp_tls_security_level = encrypt
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = /lab/key.pem
smtpd_tls_received_header = yes
virtual_mailbox_domains = {domain}
virtual_mailbox_base = /lab
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
""",
    r"""
cp /lab/main.cf /etc/postfix/main.cf
address=$(sed -n 's/^smtp_bind_address = //p' /lab/main.cf)
cat > /etc/postfix/master.cf <<END
$address:25 inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
END
# What `postfix check` would make; it wants the control program.
cd /var/spool/postfix
mkdir -p active bounce corrupt defer deferred flush hold incoming maildrop \
    pid private public saved trace
chown postfix /var/lib/postfix active bounce corrupt defer deferred flush \
    hold incoming private saved trace
chown postfix:postdrop maildrop public
chmod 730 maildrop
chmod 710 public
exec /usr/lib/postfix/sbin/master -d -s
""",
)

EXIM = Kind(
    ("exim4-daemon-light", "exim4-base", "libidn12", "libgnutls-dane0"),
    "exim4.conf",
    """\
primary_hostname = {host}
local_interfaces = {address}
daemon_smtp_ports = 25
log_file_path = /lab/exim-%slog
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = *
tls_certificate = /lab/key.pem
tls_privatekey = /lab/key.pem
received_header_text = Received: from $sender_helo_name \\
	by $primary_hostname with $received_protocol id $message_exim_id
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
here:
  driver = accept
  domains = {domain}
  transport = maildir
gateway:
  driver = manualroute
  route_list = * {gateway_address}::{gateway_port}
  self = send
  transport = smarthost
begin transports
maildir:
  driver = appendfile
  directory = /lab/mail
  maildir_format
  user = nobody
  group = nogroup
smarthost:
  driver = smtp
  interface = {address}
  hosts_require_tls = *
  tls_verify_hosts =
  tls_try_verify_hosts =
""",
    """\
mkdir -p /etc/exim4 /var/spool/exim4
chown Debian-exim:Debian-exim /var/spool/exim4
cp /lab/exim4.conf /etc/exim4/exim4.conf
exec exim4 -bdf -q1m
""",
)

# As Debian 12 has it, with OpenSSL 3, its privilege separation breaks every
# handshake of the server with an alert: STARTTLS that is offered and fails.
OPENSMTPD = Kind(
    ("opensmtpd",),
    "smtpd.conf",
    """\
pki here cert "/lab/chain.pem"
pki here key "/lab/key-only.pem"
listen on {address} port 25 tls pki here hostname {host}
table users {{ "@" = "nobody" }}
action "keep" maildir "/lab/mail" virtual <users>
action "gateway" relay host "smtp+tls://{gateway_address}:{gateway_port}" \\
	tls no-verify src {address}
match from any for domain "{domain}" action "keep"
match from any for any action "gateway"
""",
    """\
mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty
chmod 711 /var/spool/smtpd
cp /lab/smtpd.conf /etc/smtpd.conf
cp /lab/chain.pem /lab/key-only.pem /etc/ssl/
chmod 600 /etc/ssl/key-only.pem /lab/key-only.pem
exec smtpd -d
""",
)

KINDS = {"postfix": POSTFIX, "exim": EXIM, "opensmtpd": OPENSMTPD}


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
        self.kind = KINDS[kind]
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

    def mailbox(self) -> list[Mime]:
        """What it has received."""
        return [email.message_from_bytes(path.read_bytes())
                for path in sorted(self.lab.glob("mail/new/*"))]
