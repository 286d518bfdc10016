# SPDX-License-Identifier: BSD-2-Clause
"""Messages that ask much of everyone on their way, and a client for them."""

from __future__ import annotations

import base64
import hashlib
import random
import secrets
import smtplib
import ssl
from dataclasses import dataclass
from email.utils import formatdate

LARGE_BYTES = 20 << 20
TIMEOUT_SECONDS = 60.0
CLIENT = "client.sender.example"

# Dots that SMTP doubles, a line of the greatest length (RFC 5321 4.5.3.1.6),
# octets that are no UTF-8, blanks and empty lines at the end.
HARD = b"\r\n".join([
    b".", b"..", b".a line that begins with a dot", b"x" * 998,
    bytes(range(0xa1, 0x100)), b"From the beginning of a line", b"blanks \t ",
    b"", b"", b"",
])

ENVID = "QQ314159+2Bx"
ORCPT = "rfc822;bob+2Bbilling@other.example"


@dataclass(frozen=True)
class Letter:
    sender: str
    recipient: str
    canary: str  # a word found nowhere else, in the subject
    content: bytes
    mail: tuple[str, ...] = ()  # parameters of MAIL and RCPT
    rcpt: tuple[str, ...] = ()

    def same(self, content: bytes) -> bool:
        """Whether content is this one, below what others have put on it."""
        own = content[-len(self.content):]
        return (hashlib.sha256(own).digest()
                == hashlib.sha256(self.content).digest())


def letter(kind: str, sender: str, recipient: str) -> Letter:
    """`kind`: 8bit, utf8 (addresses and header), dsn or large."""
    canary = f"canary-{secrets.token_hex(8)}"
    if kind == "large":
        octets = random.Random(canary).randbytes(LARGE_BYTES * 3 // 4)
        body = base64.encodebytes(octets).replace(b"\n", b"\r\n")
        encoding = "base64"
    else:
        body, encoding = HARD, "8bit"
    head = (
        f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {canary}\r\n"
        f"Date: {formatdate()}\r\nMessage-ID: <{canary}@{CLIENT}>\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=iso-8859-1\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n")
    mail, rcpt = {
        "8bit": (("BODY=8BITMIME",), ()),
        "utf8": (("BODY=8BITMIME", "SMTPUTF8"), ()),
        "dsn": (("BODY=8BITMIME", "RET=HDRS", f"ENVID={ENVID}"),
                ("NOTIFY=SUCCESS,FAILURE", f"ORCPT={ORCPT}")),
        "large": ((), ()),
    }[kind]
    return Letter(sender, recipient, canary, head.encode() + body, mail, rcpt)


def submit(
    letter: Letter, address: tuple[str, int], ca: ssl.SSLContext | None = None
) -> str:
    """Hand it in, over STARTTLS if there is a context; the last reply."""
    with smtplib.SMTP(*address, timeout=TIMEOUT_SECONDS) as client:
        client.ehlo(CLIENT)
        if ca is not None:
            client.starttls(context=ca)
            client.ehlo(CLIENT)
        for reply in (client.mail(letter.sender, letter.mail),
                      client.rcpt(letter.recipient, letter.rcpt),
                      client.data(letter.content)):
            assert reply[0] == 250, reply
    return reply[1].decode()


def trusting(ca_file: str) -> ssl.SSLContext:
    """Any name will do, but only with a certificate of these authorities."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(ca_file)
    return context
