#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What the stored messages say before and after they were converted to 7-bit
# MIME, to a parser that is not ours.

here=$(dirname "$0")
command -v python3 >/dev/null || {
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
export PYTHONDONTWRITEBYTECODE=1
exec python3 - "$here"/golden/convert-*.in <<'EOP'
import email
import quopri
import sys

ENCODINGS = ("7bit", "quoted-printable", "base64")


def fields(m):
    """All but those that say how it is encoded."""
    return [(k, v) for k, v in m.items() if k.lower() not in (
        "content-transfer-encoding", "mime-version", "content-type")]


def decoded(m):
    """It takes message/global for one that must not be encoded."""
    if not m.get_content_type().startswith("message/global"):
        return m.get_payload(decode=True)
    raw = m.get_payload(0).as_bytes()
    encoded = m["content-transfer-encoding"] == "quoted-printable"
    return quopri.decodestring(raw) if encoded else raw


def same(was, now):
    assert fields(was) == fields(now)
    assert was.is_multipart() == now.is_multipart()
    assert not now.defects or was.defects, now.defects
    assert now.get("content-transfer-encoding", "7bit") in ENCODINGS
    if "content-type" in was:
        assert was["content-type"] == now["content-type"]
    if was.is_multipart() and "/global" not in was.get_content_type():
        assert len(was.get_payload()) == len(now.get_payload())
        for a, b in zip(was.get_payload(), now.get_payload()):
            same(a, b)
        return
    assert decoded(was) == decoded(now)


def check(path):
    with open(path, "rb") as f:
        was = f.read()
    with open(path.removesuffix("in") + "out", "rb") as f:
        now = f.read()
    assert now.isascii()
    same(email.message_from_bytes(was), email.message_from_bytes(now))


passed = failed = 0
for path in sys.argv[1:]:
    try:
        check(path)
        passed += 1
    except Exception as e:
        print(f"{path}: {type(e).__name__} {e}")
        failed += 1
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed != 0)
EOP
