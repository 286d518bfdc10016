#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The stored delivery reports, read by a MIME parser that is not ours.

golden=$(dirname "$0")/golden
command -v python3 >/dev/null || {
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
exec python3 - "$golden"/dsn-*.eml <<'EOF'
import email
import email.policy
import email.utils
import sys


def check(path):
    with open(path, "rb") as f:
        raw = f.read()
    raw.decode("ascii")
    assert b"\n" not in raw.replace(b"\r\n", b""), "bare LF"
    assert max(map(len, raw.split(b"\r\n"))) <= 78, "long line"
    m = email.message_from_bytes(raw, policy=email.policy.strict)
    assert not m.defects
    assert m.get_content_type() == "multipart/report"
    assert m.get_param("report-type") == "delivery-status"
    assert len(m["from"].addresses) == len(m["to"].addresses) == 1
    assert m["date"].datetime.utcoffset() is not None
    assert m["auto-submitted"] == "auto-replied"
    text, status, original = m.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    assert original.get_content_type() == "text/rfc822-headers"
    assert not text.defects and not status.defects
    whole, *rcpts = status.get_payload()
    assert whole["reporting-mta"].startswith("dns; ")
    assert rcpts, "no recipient"
    words = " ".join(text.get_content().split())
    for r in rcpts:
        assert r["final-recipient"].startswith("rfc822; ")
        assert r["action"] == "failed"
        assert r["status"][0] in "45" and r["status"].count(".") == 2
        address = r["final-recipient"][8:]
        assert " ".join(address.split()) in words
    fields = email.message_from_string(original.get_content())
    assert fields["message-id"] == "<1@example.org>"


passed = failed = 0
for name in sys.argv[1:]:
    try:
        check(name)
        passed += 1
    except Exception as e:
        print(f"{name}: {type(e).__name__} {e}")
        failed += 1
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed != 0)
EOF
