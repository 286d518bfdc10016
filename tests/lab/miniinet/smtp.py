# SPDX-License-Identifier: BSD-2-Clause
"""Scripted mail servers that write down everything, and a man in the middle."""

from __future__ import annotations

import contextlib
import enum
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Mapping

from .pki import Identity

PORT = 25
IDLE_SECONDS = 60.0
MAX_LINE = 4096
MAX_MESSAGE = 32 << 20
PLAIN = ("PIPELINING", "SIZE 10485760", "8BITMIME", "ENHANCEDSTATUSCODES")
RICH = ("PIPELINING", f"SIZE {MAX_MESSAGE}", "8BITMIME",
        "ENHANCEDSTATUSCODES", "CHUNKING", "SMTPUTF8", "DSN")
STALL_SECONDS = 600.0


class Starttls(enum.Enum):
    """What a server does about STARTTLS."""

    OFFERED = "offered"
    ABSENT = "not offered"
    TEMPFAIL = "offered, then answered with 454"
    REFUSED = "offered, then answered with 502"
    CLOSE = "offered, then the connection is closed after the 220"
    STALL = "offered, then silence after the 220"
    ALERT = "offered, then a fatal alert instead of a handshake"
    INJECT = "offered, and a further reply is sent in clear with the 220"


@dataclass(frozen=True)
class Cut:
    """Instead of the reply at a stage: a part of it, and the end."""

    stage: str
    sent: str = ""
    reset: bool = False  # RST, not FIN


@dataclass(frozen=True)
class Behaviour:
    starttls: Starttls = Starttls.OFFERED
    # Replies by stage: greeting, EHLO, MAIL, RCPT, DATA, end (of the data).
    # EHLO is given here only to refuse it.
    replies: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before each reply
    cut: Cut | None = None
    extensions: tuple[str, ...] = PLAIN  # beside STARTTLS
    max_tls: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    # Clients must have a certificate of these authorities.
    client_ca: Path | None = None

    def but(self, **changes: object) -> Behaviour:
        return replace(self, **changes)


@dataclass(frozen=True)
class Tls:
    protocol: str
    cipher: str
    sni: str
    client: str = ""  # name in the client's certificate


@dataclass
class Message:
    sender: str
    recipients: list[str]
    content: bytes
    tls: Tls | None  # None: it came in clear
    mail_parameters: list[str] = field(default_factory=list)
    rcpt_parameters: list[list[str]] = field(default_factory=list)
    chunks: int = 0  # BDAT commands; 0: by DATA


@dataclass
class Session:
    """One connection: what the client said, and over what."""

    client: str
    clear_in: bytearray = field(default_factory=bytearray)
    clear_out: bytearray = field(default_factory=bytearray)
    tls_in: bytearray = field(default_factory=bytearray)
    tls: Tls | None = None
    tls_error: str = ""

    def clear_verbs(self) -> list[str]:
        """The verbs of command lines in clear, in order."""
        return _verbs(self.clear_in)

    def tls_verbs(self) -> list[str]:
        return _verbs(self.tls_in)


def _verbs(stream: bytes) -> list[str]:
    lines = bytes(stream).split(b"\r\n")
    return [line.split(b" ")[0].decode("latin-1").upper()
            for line in lines if line]


class MailServer:
    """A mail server on port 25 of its own address."""

    def __init__(
        self, name: str, address: str, identity: Identity,
        behaviour: Behaviour = Behaviour(),
    ) -> None:
        self.name = name
        self.address = address
        self.identity = identity
        self.behaviour = behaviour
        self.sessions: list[Session] = []
        self.messages: list[Message] = []
        self._listener: socket.socket | None = None
        self._dialogues: set[_Dialogue] = set()

    def start(self) -> None:
        listener = socket.create_server((self.address, PORT), backlog=64)
        self._listener = listener
        threading.Thread(
            target=self._accept, args=(listener,), daemon=True
        ).start()

    def stop(self) -> None:
        """The host goes down: nobody new, and those connected are cut."""
        if self._listener is not None:
            _shut(self._listener)
            self._listener = None
        for dialogue in list(self._dialogues):
            with contextlib.suppress(OSError):
                dialogue.sock.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        self.sessions.clear()
        self.messages.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                return
            session = Session(peer[0])
            self.sessions.append(session)
            threading.Thread(
                target=self._serve, args=(sock, session), daemon=True
            ).start()

    def _serve(self, sock: socket.socket, session: Session) -> None:
        sock.settimeout(IDLE_SECONDS)
        dialogue = _Dialogue(self, sock, session)
        self._dialogues.add(dialogue)
        # A client that hangs up is no error of the server.
        with contextlib.suppress(OSError, EOFError):
            dialogue.run()
        self._dialogues.discard(dialogue)
        dialogue.close()


class _Dialogue:
    """The server's side of one session."""

    def __init__(
        self, server: MailServer, sock: socket.socket, session: Session
    ) -> None:
        self.server = server
        self.behaviour = server.behaviour  # as it was at the connection
        self.sock = sock
        self.session = session
        self.buffer = bytearray()
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.mail_parameters: list[str] = []
        self.rcpt_parameters: list[list[str]] = []
        self.chunks: list[bytes] = []
        self.reset = False

    def run(self) -> None:
        self.say(self.reply("greeting", f"220 {self.server.name} ESMTP"),
                 "greeting")
        commands = {
            "EHLO": self.ehlo, "HELO": self.helo, "STARTTLS": self.starttls,
            "MAIL": self.mail, "RCPT": self.rcpt, "DATA": self.data,
            "RSET": self.rset,
        }
        if "CHUNKING" in self.behaviour.extensions:
            commands["BDAT"] = self.bdat
        while True:
            line = self.line().decode(errors="surrogateescape")
            verb = line.split(" ")[0].upper()
            if verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            command = commands.get(verb)
            if command is None:
                self.say("502 5.5.1 no such command")
            elif command(line) is False:
                return

    def close(self) -> None:
        if self.reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
            self.sock.close()
            return
        # ValueError: stop() cut it before.
        with contextlib.suppress(OSError, ValueError):
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.settimeout(1.0)
                self.sock = self.sock.unwrap()
        _shut(self.sock)

    # ---- bytes ----

    def receive(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        in_clear = self.session.tls is None
        (self.session.clear_in if in_clear else self.session.tls_in).extend(
            data
        )
        self.buffer.extend(data)

    def line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > MAX_LINE:
                raise EOFError
            self.receive()
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line

    def say(self, text: str, stage: str = "") -> None:
        time.sleep(self.behaviour.delay)
        data = text.encode("latin-1").replace(b"\n", b"\r\n") + b"\r\n"
        cut = self.behaviour.cut
        if cut is not None and cut.stage == stage:
            self.sock.sendall(cut.sent.encode("latin-1"))
            self.reset = cut.reset
            raise EOFError
        if self.session.tls is None:
            self.session.clear_out.extend(data)
        self.sock.sendall(data)

    def reply(self, stage: str, usual: str) -> str:
        return self.behaviour.replies.get(stage, usual)

    # ---- commands; False ends the session ----

    def ehlo(self, _line: str) -> None:
        self.rset_state()
        lines = [self.server.name, *self.behaviour.extensions]
        offers = self.behaviour.starttls is not Starttls.ABSENT
        if offers and self.session.tls is None:
            lines.insert(1, "STARTTLS")
        usual = "\n".join(
            f"250{' ' if i == len(lines) - 1 else '-'}{text}"
            for i, text in enumerate(lines)
        )
        self.say(self.reply("EHLO", usual), "EHLO")

    def helo(self, _line: str) -> None:
        self.rset_state()
        self.say(self.reply("EHLO", f"250 {self.server.name}"))

    def starttls(self, _line: str) -> bool | None:
        how = self.behaviour.starttls
        if how is Starttls.ABSENT or self.session.tls is not None:
            self.say("502 5.5.1 no such command")
            return None
        if how is Starttls.TEMPFAIL:
            self.say("454 4.7.0 TLS not available due to temporary reason")
            return None
        if how is Starttls.REFUSED:
            self.say("502 5.5.1 command not implemented")
            return None
        if how is Starttls.INJECT:
            self.say("220 2.0.0 ready\n250-injected\n250 AUTH PLAIN")
        else:
            self.say("220 2.0.0 ready to start TLS")
        if how is Starttls.CLOSE:
            return False
        if how is Starttls.STALL:
            time.sleep(STALL_SECONDS)
            return False
        if how is Starttls.ALERT:
            self.receive()
            # Record: alert, TLS 1.2, 2 bytes: fatal, handshake_failure.
            self.sock.sendall(bytes.fromhex("15030300020228"))
            return False
        return self.handshake()

    def handshake(self) -> bool | None:
        """False when it fails; bytes that came too early are not read."""
        names: list[str] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server.identity.path)
        context.maximum_version = self.behaviour.max_tls
        if self.behaviour.client_ca is not None:
            context.load_verify_locations(self.behaviour.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        context.sni_callback = lambda _sock, name, _ctx: names.append(
            name or ""
        )
        try:
            sock = context.wrap_socket(self.sock, server_side=True)
        except (OSError, ValueError) as error:
            self.session.tls_error = str(error)
            return False
        self.sock = sock
        self.session.tls = Tls(
            sock.version() or "", (sock.cipher() or ("",))[0],
            names[0] if names else "", _common_name(sock.getpeercert()),
        )
        self.buffer.clear()
        self.rset_state()
        return None

    def rset_state(self) -> None:
        self.sender = None
        self.recipients = []
        self.mail_parameters = []
        self.rcpt_parameters = []
        self.chunks = []

    def rset(self, _line: str) -> None:
        self.rset_state()
        self.say("250 2.0.0 ok")

    def mail(self, line: str) -> None:
        reply = self.reply("MAIL", "250 2.1.0 ok")
        if reply.startswith("2"):
            self.sender = _path(line)
            self.mail_parameters = _parameters(line)
        self.say(reply, "MAIL")

    def rcpt(self, line: str) -> None:
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
            return
        reply = self.reply("RCPT", "250 2.1.5 ok")
        if reply.startswith("2"):
            self.recipients.append(_path(line))
            self.rcpt_parameters.append(_parameters(line))
        self.say(reply, "RCPT")

    def data(self, _line: str) -> None:
        if not self.recipients:
            self.say("503 5.5.1 RCPT first")
            return
        reply = self.reply("DATA", "354 go on")
        self.say(reply, "DATA")
        if not reply.startswith("354"):
            return
        self.take(self.content())

    def bdat(self, line: str) -> None:
        """The chunk is on its way whatever is said about it (RFC 3030 2)."""
        _verb, size, *last = line.split()
        chunk = self.octets(int(size))
        if not self.recipients:
            self.say("503 5.5.1 RCPT first")
            return
        self.chunks.append(chunk)
        if last:
            self.take(b"".join(self.chunks))
        else:
            self.say("250 2.0.0 go on")

    def take(self, content: bytes) -> None:
        """The whole message is here."""
        reply = self.reply("end", "250 2.0.0 taken")
        if reply.startswith("2"):
            self.server.messages.append(Message(
                self.sender or "", self.recipients, content,
                self.session.tls, self.mail_parameters,
                self.rcpt_parameters, len(self.chunks),
            ))
        self.rset_state()
        self.say(reply, "end")

    def octets(self, count: int) -> bytes:
        if count > MAX_MESSAGE:
            raise EOFError
        while len(self.buffer) < count:
            self.receive()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def content(self) -> bytes:
        """Up to the lone dot, unstuffed."""
        lines = bytearray()
        while (line := self.line()) != b".":
            lines += line[1:] if line.startswith(b".") else line
            lines += b"\r\n"
            if len(lines) > MAX_MESSAGE:
                raise EOFError
        return bytes(lines)


def _common_name(certificate: Mapping[str, object] | None) -> str:
    """Of a certificate that was verified; no other is told of."""
    subject = (certificate or {}).get("subject", ())
    found = [value for part in subject for key, value in part
             if key == "commonName"]
    return found[0] if found else ""


def _path(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def _parameters(line: str) -> list[str]:
    return line.partition(">")[2].split()


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


class Stripper:
    """A man in the middle: passes everything on but the word STARTTLS.

    The form is the one seen in the wild: the offer is overwritten, so that
    the reply keeps its length.
    """

    def __init__(self, address: str, upstream: str) -> None:
        self.address = address
        self.upstream = upstream
        self.connections = 0
        self._listener: socket.socket | None = None

    def start(self) -> None:
        listener = socket.create_server((self.address, PORT), backlog=64)
        self._listener = listener
        threading.Thread(
            target=self._accept, args=(listener,), daemon=True
        ).start()

    def stop(self) -> None:
        if self._listener is not None:
            _shut(self._listener)
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _peer = listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection((self.upstream, PORT))
            for source, sink, strip in (
                (client, server, False), (server, client, True),
            ):
                threading.Thread(
                    target=_pass_on, args=(source, sink, strip), daemon=True
                ).start()


def _pass_on(source: socket.socket, sink: socket.socket, strip: bool) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if strip:
                data = data.replace(b"STARTTLS", b"XXXXXXXA")
            sink.sendall(data)
    _shut(sink)
