# SPDX-License-Identifier: BSD-2-Clause
"""TLS reports of two days: counted, written, signed, mailed and posted."""

from __future__ import annotations

import email
import email.policy
import glob
import gzip
import json
import os
import re
import time
import types
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat)
from miniinet.catalogue import REPORT_ADDRESS
from miniinet.gateway import Gateway, Result
from miniinet.https import Post, ReportHost
from miniinet.pki import CertSpec, Issuer
from miniinet.smtp import Message
from miniinet.world import World

DAY = 86400
CONTACT = "tls-reports@sender.example"
BOUNCES = "tls-bounces@sender.example"
TAKER = "mx.reports.example"
RSA_BITS = 2048
WAIT_SECONDS = 45.0


def private_pem(key: Any) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
                             NoEncryption())


class Days:
    """A gateway that reports, and a clock that is put forward."""

    def __init__(self, world: World, binary: Path) -> None:
        found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        if not found:
            pytest.skip("libfaketime is missing: apt-get install libfaketime")
        self.world = world
        self.clock = world.folder / "tlsrpt-clock"
        self.offset = 0
        self._set_clock()
        self.keys = {"r1": rsa.generate_private_key(65537, RSA_BITS),
                     "e1": ed25519.Ed25519PrivateKey.generate()}
        for name, key in self.keys.items():
            path = world.folder / f"dkim-{name}.pem"
            path.write_bytes(private_pem(key))
            Gateway.own_key(path)
        self.gateway = Gateway(world, binary, "tlsrpt", {
            "tlsrpt": {
                "enable": True,
                "organization": "The Sender",
                "contact": CONTACT,
                "sender": BOUNCES,
                "dkim-rsa-selector": "r1",
                "dkim-rsa-key": world.folder / "dkim-r1.pem",
                "dkim-ed25519-selector": "e1",
                "dkim-ed25519-key": world.folder / "dkim-e1.pem",
                "delay": "1m", "spread": "0s", "retry": "1m",
            },
        }, {
            "LD_PRELOAD": found[0],
            "FAKETIME_TIMESTAMP_FILE": os.fspath(self.clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        })
        self.taker = ReportHost(
            "rpt.reports.example", REPORT_ADDRESS,
            world.pki.issue(CertSpec(issuer=Issuer.SELF, expired=True),
                            "other.example"))

    def _set_clock(self) -> None:
        self.clock.write_text(f"+{self.offset}\n")

    def now(self) -> datetime:
        return datetime.now(timezone.utc) + timedelta(seconds=self.offset)

    def today(self) -> str:
        return self.now().strftime("%Y-%m-%d")

    def next_day(self) -> str:
        """Go to some minutes after midnight; the day that is over."""
        over = self.today()
        midnight = (self.now() + timedelta(days=1)).replace(
            hour=0, minute=0, second=0, microsecond=0)
        self.gateway.stop()
        self.offset += int((midnight - self.now()).total_seconds()) + 120
        self._set_clock()
        self.gateway.start()
        return over

    def drop(self, result: Result, host: str) -> None:
        """It was held for this host; it is not tried again."""
        result.held(host, "tls-failed")
        done = self.gateway.command("queue", "delete", result.mail.id)
        assert done.returncode == 0, done.stderr

    def mails(self) -> list[Message]:
        return [m for m in self.world.servers[TAKER].messages
                if m.recipients == ["tls@reports.example"]]

    def wait(self, mails: int, posts: int) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if (len(self.mails()) >= mails
                    and len(self.taker.posts) >= posts):
                return
            time.sleep(0.1)
        raise AssertionError(
            f"{len(self.mails())} mails, {len(self.taker.posts)} posts\n"
            f"{self.gateway.log()[-6000:]}")

    def list(self) -> list[dict[str, Any]]:
        done = self.gateway.command("report", "tlsrpt", "list", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def publish_keys(self, services: str = "email:tlsrpt") -> dict[str, str]:
        """As `report tlsrpt key` says; what is now at each name."""
        done = self.gateway.command("report", "tlsrpt", "key")
        found = re.findall(r"^(\S+)\._domainkey\.sender\.example\. IN TXT "
                           r"\((.*)\)$", done.stdout, re.MULTILINE)
        assert {name for name, _ in found} == {"r1", "e1"}, done.stdout
        published = {}
        for name, strings in found:
            parts = [part.replace("s=email:tlsrpt", f"s={services}")
                     for part in re.findall(r'"([^"]*)"', strings)]
            self.world.set_txt("sender.example", f"{name}._domainkey",
                               '" "'.join(parts))
            published[f"{name}._domainkey.sender.example."] = "".join(parts)
        return published


@pytest.fixture(scope="module")
def days(world: World, binary: Path) -> Iterator[Days]:
    raised = Days(world, binary)
    raised.taker.start()
    try:
        with raised.gateway:
            yield raised
    finally:
        raised.taker.stop()


def document(mail: Message) -> tuple[EmailMessage, dict[str, Any], bytes]:
    parsed = email.message_from_bytes(mail.content,
                                      policy=email.policy.default)
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "tlsrpt"
    people, attached = parsed.iter_parts()
    assert people.get_content_type() == "text/plain"
    assert attached.get_content_type() == "application/tlsrpt+gzip"
    packed = attached.get_payload(decode=True)
    report = json.loads(gzip.decompress(packed))
    begin, end = (int(datetime.strptime(
        report["date-range"][key], "%Y-%m-%dT%H:%M:%SZ").replace(
            tzinfo=timezone.utc).timestamp())
        for key in ("start-datetime", "end-datetime"))
    left, _, right = report["report-id"].partition("@")
    assert right == "sender.example"
    assert attached.get_filename() == (
        f"sender.example!reported.example!{begin}!{end}!{left}.json.gz")
    return parsed, report, packed


def posted(post: Post) -> dict[str, Any]:
    assert post.host == "rpt.reports.example"
    assert post.media == "application/tlsrpt+gzip"
    assert post.encoding == ""
    return json.loads(gzip.decompress(post.body))


def sessions(world: World, host: str) -> int:
    return len(world.servers[host].sessions)


def test_rpt_33_the_keys_are_published_as_the_command_says(
    days: Days
) -> None:
    done = days.gateway.command("report", "tlsrpt", "key")
    assert done.returncode == 1
    assert done.stdout.count("; it is not published") == 2
    days.publish_keys("tlsrpt")
    # The negative answer of before is remembered nowhere: each is a process.
    done = days.gateway.command("report", "tlsrpt", "key")
    assert done.returncode == 1
    assert done.stdout.count("s= is for TLS reports alone") == 2
    days.publish_keys()
    done = days.gateway.command("report", "tlsrpt", "key")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("; published") == 2


def test_rpt_31_inv_13_two_days_are_reported_by_mail_and_https(
    days: Days, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    dkim = pytest.importorskip("dkim", reason="python3-dkim is missing")
    # It refuses signatures of the future, and the gateway lives in ours.
    monkeypatch.setattr(dkim, "time", types.SimpleNamespace(
        time=lambda: time.time() + days.offset))
    # This verifier takes a list in s= for a service that it does not know.
    published = days.publish_keys("*")
    gateway = days.gateway
    for host in (TAKER, "mx.reported.example", "mx.reported-sts.example"):
        world.servers[host].forget()
    # The first day: three that arrive, one that may not, and one for the
    # domain that takes reports, whose own TLSA nobody meets.
    for _ in range(3):
        gateway.send("reported.example").delivered(
            "mx.reported.example", required="verify", reached="verified")
    refused = gateway.send("reported-sts.example")
    days.drop(refused, "mx.reported-sts.example")
    other = gateway.send("reports.example")
    days.drop(other, TAKER)
    good = sessions(world, "mx.reported.example")
    bad = sessions(world, "mx.reported-sts.example")
    preview = gateway.command("report", "tlsrpt", "preview",
                              "reported.example", days.today())
    assert preview.returncode == 0, preview.stderr
    first = days.next_day()
    days.wait(mails=2, posts=2)
    own = [m for m in days.mails()
           if b"TLS-Report-Domain: reported.example" in m.content]
    assert len(own) == 1
    assert own[0].sender == BOUNCES
    parsed, report, packed = document(own[0])
    assert report["organization-name"] == "The Sender"
    assert report["contact-info"] == CONTACT
    assert report["date-range"] == {
        "start-datetime": f"{first}T00:00:00Z",
        "end-datetime": f"{first}T23:59:59Z"}
    [policy] = report["policies"]
    assert policy["policy"]["policy-type"] == "tlsa"
    assert policy["policy"]["policy-domain"] == "mx.reported.example"
    assert policy["summary"] == {"total-successful-session-count": good,
                                 "total-failure-session-count": 0}
    assert policy["failure-details"] == []
    assert json.loads(preview.stdout)["policies"] == report["policies"]
    # The header fields, and that two signatures by two algorithms hold.
    assert parsed["From"] == CONTACT
    assert parsed["TLS-Report-Submitter"] == "sender.example"
    assert parsed["TLS-Required"] == "No"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["Subject"] == (
        "Report Domain: reported.example Submitter: sender.example "
        f"Report-ID: <{report['report-id']}>")
    def dns(name: bytes, timeout: int = 5) -> bytes:
        return published[name.decode()].encode()
    fields = email.message_from_bytes(own[0].content).get_all(
        "DKIM-Signature")
    assert fields is not None and len(fields) == 2
    assert {re.search(r"a=(\S+?);", f)[1] for f in fields} == {
        "rsa-sha256", "ed25519-sha256"}
    assert not any(re.search(r"[;\s]l=", f) for f in fields)
    for i in range(2):
        assert dkim.DKIM(own[0].content, tlsrpt=True).verify(
            idx=i, dnsfunc=dns)
        flipped = own[0].content.replace(b"Policies applied: 1",
                                         b"Policies applied: 2")
        assert flipped != own[0].content
        with pytest.raises(dkim.ValidationError, match="body hash"):
            dkim.DKIM(flipped, tlsrpt=True).verify(idx=i, dnsfunc=dns)
    # The same by HTTPS, whatever the certificate is like.
    by_path = {post.path: post for post in days.taker.posts}
    assert by_path["/in"].body == packed
    sts = posted(by_path["/sts"])
    [policy] = sts["policies"]
    assert policy["policy"]["policy-type"] == "sts"
    assert policy["policy"]["mx-host"] == ["mx.reported-sts.example"]
    assert policy["summary"] == {"total-successful-session-count": 0,
                                 "total-failure-session-count": bad}
    [detail] = policy["failure-details"]
    assert detail["result-type"] == "certificate-host-mismatch"
    assert detail["receiving-mx-hostname"] == "mx.reported-sts.example"
    assert detail["receiving-ip"] == world.front_address(
        "mx.reported-sts.example")
    assert detail["failed-session-count"] == bad
    rows = {row["domain"]: row for row in days.list()}
    assert {row["state"] for row in rows.values()} == {"sent"}
    assert rows["reported.example"]["report-id"] == report["report-id"]
    lines = gateway.command("report", "tlsrpt", "list").stdout
    assert (f"{first} sent     reported.example, "
            f"{good} session{'' if good == 1 else 's'} met") in lines
    assert "    taken    https://rpt.reports.example/in" in lines
    shown = gateway.command("report", "tlsrpt", "show", "reported.example",
                            first)
    assert json.loads(shown.stdout) == report
    # The second day: one more session; the domain that takes reports got
    # nothing but reports, so nothing is said of it.
    before = sessions(world, "mx.reported.example")
    gateway.send("reported.example").delivered(
        "mx.reported.example", required="verify", reached="verified")
    more = sessions(world, "mx.reported.example") - before
    second = days.next_day()
    days.wait(mails=3, posts=3)
    time.sleep(3)  # nothing else comes
    assert len(days.mails()) == 3
    assert len(days.taker.posts) == 3
    _, again, _ = document(days.mails()[-1])
    assert again["report-id"] != report["report-id"]
    assert again["date-range"]["start-datetime"].startswith(second)
    [policy] = again["policies"]
    assert policy["summary"]["total-successful-session-count"] == more
    assert len(days.list()) == 4


def test_rpt_43_rpt_45_a_post_is_tried_again_and_can_be_hurried(
    days: Days, world: World
) -> None:
    days.taker.status = 500
    days.taker.posts.clear()
    result = days.gateway.send("reported-sts.example")
    days.drop(result, "mx.reported-sts.example")
    over = days.next_day()
    days.wait(mails=0, posts=1)
    [row] = [r for r in days.list() if r["day"] == over
             and r["domain"] == "reported-sts.example"]
    assert row["state"] == "sending"
    assert row["to"][0]["why"] == "HTTP status 500"
    days.taker.status = 201
    done = days.gateway.command("report", "tlsrpt", "send",
                                "reported-sts.example", over)
    assert done.returncode == 0, done.stderr
    days.wait(mails=0, posts=2)
    assert days.taker.posts[0].body == days.taker.posts[1].body
    time.sleep(1)
    [row] = [r for r in days.list() if r["day"] == over
             and r["domain"] == "reported-sts.example"]
    assert row["state"] == "sent"
    done = days.gateway.command("report", "tlsrpt", "send",
                                "reported-sts.example", over)
    assert done.returncode == 1
    assert "it was sent at" in done.stderr
