#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The stored delivery reports, read by a MIME parser that is not ours and by
# dsn_lint.py; and the latter on reports spoilt on purpose.

here=$(dirname "$0")
command -v python3 >/dev/null || {
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here"
exec python3 - "$here"/golden/dsn-*.eml <<'EOP'
import email
import email.policy
import os
import sys

import dsn_lint


def parse(raw, name):
    """By Python's own parser."""
    policy = email.policy.strict.clone(utf8="utf8-path" in name)
    m = email.message_from_bytes(raw, policy=policy)
    assert not m.defects
    assert m.get_content_type() == "multipart/report"
    assert m.get_param("report-type") == "delivery-status"
    assert len(m["from"].addresses) == len(m["to"].addresses) == 1
    assert m["date"].datetime.utcoffset() is not None
    assert m["auto-submitted"] == "auto-replied"
    text, status, original = m.iter_parts()
    assert text.get_content_type() == "text/plain" and not text.defects
    assert status.get_content_type() in (
        "message/delivery-status", "message/global-delivery-status")
    if status.get_content_type() == "message/delivery-status":
        whole, *rcpts = status.get_payload()
        assert whole["reporting-mta"].startswith("dns; ")
        assert rcpts and all("action" in r for r in rcpts)
    if original.get_content_type() == "text/rfc822-headers":
        fields = email.message_from_string(original.get_content())
        assert fields["message-id"] == "<1@example.org>"
    elif original.get_content_type() == "message/rfc822":
        inner = original.get_payload(0)
        assert inner["message-id"] == "<1@example.org>"
        assert inner.get_payload(decode=True).strip()
    return text.get_content()


def check(path):
    name = os.path.basename(path)
    with open(path, "rb") as f:
        raw = f.read()
    # Long words and octets over 127 are in none of them but these.
    assert name in ("dsn-full-8bit.eml", "dsn-utf8-path.eml") or raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78, "long line"
    rcpts, words = dsn_lint.lint(raw)
    assert " ".join(parse(raw, name).split()) == words
    for r in rcpts:
        address = r["Final-Recipient"].partition("; ")[2]
        address = address.replace("\\x{FC}", "\u00fc")
        assert f"<{' '.join(address.split())}>" in " ".join(words.split())
        if "X-Tierpost-Required" in r:
            host = r["X-Tierpost-Reached"].partition("host=")[2]
            assert host in words
            assert "Required: an encrypted connection" in words
            assert "can do: " in words


SPOILT = [
    ("delayed", b"\r\n\r\nFinal", b"\r\nFinal"),
    ("delayed", b"Action: delayed", b"Action: failed"),
    ("delayed", b"Status: 4.", b"Status: 5."),
    ("delayed", b"Status: 4.7.5", b"Status: 4.7"),
    ("delayed", b"Action: delayed\r\n", b""),
    ("delayed", b"Action: delayed\r\n", b"Action: delayed\r\n" * 2),
    ("delayed", b"Arrival-Date: Tue, 24", b"Arrival-Date: 24"),
    ("delayed", b"21:40 +0000", b"21:40 GMT"),
    ("delayed", b"Reporting-MTA: dns; ", b"Reporting-MTA: "),
    ("delayed", b"source=dane", b"source=da ne"),
    ("delayed", b"From: Mail", b"Bcc: a@b.example\r\nFrom: Mail"),
    ("delayed", b"TLS-Required: No", b"TLS-Required: Yes"),
    ("delayed", b"auto-replied", b"auto-generated"),
    ("delayed", b"--\r\n", b"--\n"),
    ("delayed", b"publish a TLSA", b"publish\ra TLSA"),
    ("delayed", b"publish a TLSA", b"publish \xc3\xbc TLSA"),
    ("delayed", b"publish a TLSA", b"publish a very long line of TLSA"),
    ("delayed", b"figures\r\n", b"figures\r\n--=_a0a1a2a3a4a5a6a7a8a9aaab"
     b"acadaeaf0000\r\n"),
    ("relayed", b"Remote-MTA: dns; mx1.example.net\r\n", b""),
    ("relayed", b"smtp; 250", b"smtp; ok"),
    ("relayed", b"QQ+", b"QQ\0"),
    ("relayed", b"text/rfc822-headers", b"message/global-headers"),
    ("full-8bit", b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n",
     b"MIME-Version: 1.0\r\n"),
    ("full-8bit", b"message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n",
     b"message/rfc822\r\n"),
    ("utf8", b"utf-8; \\x{FC}@", b"utf-8; \xc3\xbc@"),
    ("utf8", b"global-delivery-status", b"delivery-status"),
    ("utf8", b"=C3=BC", b"=c3=bc"),
    ("utf8", b"charset=utf-8", b"charset=us-ascii"),
]


def spoil(golden, name, before, after):
    with open(os.path.join(golden, f"dsn-{name}.eml"), "rb") as f:
        raw = f.read()
    assert before in raw, f"{before} is not in {name}"
    try:
        dsn_lint.lint(raw.replace(before, after, 1))
    except (dsn_lint.Broken, ValueError):
        return
    raise AssertionError(f"{after} in {name} is not found out")


passed = failed = 0
golden = os.path.dirname(sys.argv[1])
for job in [(check, path) for path in sys.argv[1:]] + [
        (spoil, golden, *spoilt) for spoilt in SPOILT]:
    try:
        job[0](*job[1:])
        passed += 1
    except Exception as e:
        print(f"{job[1:]}: {type(e).__name__} {e}")
        failed += 1
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed != 0)
EOP
