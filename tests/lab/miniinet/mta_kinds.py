# SPDX-License-Identifier: BSD-2-Clause
"""How Postfix, Exim and OpenSMTPD are configured in the lab."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Kind:
    packages: tuple[str, ...]
    config: str  # its name below /lab
    template: str
    start: str  # a shell script, inside
    # What lists its queue, and what that says of an empty one.
    queue: tuple[str, ...]
    empty: str
    # What the log has of a message that was passed on, and of how.
    sent: str
    how: tuple[str, ...]
    smtputf8: bool = True


POSTFIX = Kind(
    ("postfix",),
    "main.cf",
    """\
compatibility_level = 3.6
maillog_file = /lab/postfix-log
maillog_file_prefixes = /lab
message_size_limit = 52428800
virtual_mailbox_limit = 52428800
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
smtp_tls_loglevel = 1
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
showq     unix  n - n - - showq
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
    ("postqueue", "-j"), "", "status=sent (250 ",
    ("TLS connection established to ",),
)

EXIM = Kind(
    ("exim4-daemon-light", "exim4-base", "libidn12", "libgnutls-dane0"),
    "exim4.conf",
    """\
primary_hostname = {host}
local_interfaces = {address}
daemon_smtp_ports = 25
log_file_path = /lab/exim-%slog
log_selector = +pipelining
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = *
dsn_advertise_hosts = *
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
    ("exim4", "-bpc"), "0\n", "Completed",
    # TLS; and PIPELINING and CHUNKING, between the certificate and the reply.
    (" X=TLS1.3:", " L K C=\"250 "),
)

# As Debian 12 has it, the process that speaks TLS marks the key of its
# certificate as one that another process holds; OpenSSL 3 keeps the mark only
# while the key is none of its providers', or every handshake fails for a
# missing private key.  An engine that claims the methods of keys, as the one
# for PKCS #11 does, keeps the providers away, so its STARTTLS works.
OPENSMTPD = Kind(
    ("opensmtpd", "libengine-pkcs11-openssl"),
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
chgrp opensmtpq /usr/sbin/smtpctl
chmod g+s /usr/sbin/smtpctl
chmod 711 /var/spool/smtpd
cp /lab/smtpd.conf /etc/smtpd.conf
cat > /etc/ssl/openssl.cnf <<END
openssl_conf = all
[all]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
default_algorithms = PKEY_CRYPTO
END
cp /lab/chain.pem /lab/key-only.pem /etc/ssl/
chmod 600 /etc/ssl/key-only.pem /lab/key-only.pem
exec smtpd -d -T smtp
""",
    ("smtpctl", "show", "queue"), "", 'result="Ok"',
    (" mta tls ciphers=TLSv1.3:",),
    smtputf8=False,
)

KINDS = {"postfix": POSTFIX, "exim": EXIM, "opensmtpd": OPENSMTPD}

# As they were twenty years ago: TLS 1.0 and nothing newer.  @SECLEVEL, since
# today's libraries no longer agree to that by themselves.
OLD = {
    "old-postfix": replace(POSTFIX, template=POSTFIX.template + """\
smtpd_tls_protocols = >=TLSv1, <=TLSv1
smtpd_tls_ciphers = medium
tls_medium_cipherlist = ALL:@SECLEVEL=0
"""),
    "old-exim": replace(EXIM, template=EXIM.template.replace(
        "tls_advertise_hosts = *\n",
        "tls_advertise_hosts = *\n"
        "tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.0\n")),
}
