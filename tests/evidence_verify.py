#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Verify a file that `tierpost evidence export` wrote.

Shares no code with the program: doc/evidence.md says all it needs.

    evidence_verify.py FILE [--key PUBLIC.pem] [--checkpoints FILE]
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

EVENT = 128


class Broken(Exception):
    """What is wrong, and where."""


def link(before: bytes, number: int, body: bytes) -> bytes:
    return hashlib.sha256(
        b"tierpost evidence 1\n" + before + struct.pack(">Q", number) + body
    ).digest()


def statement(number: int, time_ms: int, digest: bytes) -> bytes:
    return (b"tierpost checkpoint 1\n" + struct.pack(">Qq", number, time_ms)
            + digest)


def check_personal(number: int, body: bytes, personal: bytes) -> None:
    if body[0] == EVENT:
        raise Broken(f"record {number}: an event has no personal part")
    if body[1:33] != hashlib.sha256(personal).digest():
        raise Broken(f"record {number}: its personal part is another")


def check_signature(key: Ed25519PublicKey, number: int, time_ms: int,
                    digest: bytes, signature: bytes) -> None:
    try:
        key.verify(signature, statement(number, time_ms, digest))
    except InvalidSignature:
        raise Broken(f"the checkpoint at record {number} is not signed by "
                     "this key") from None


def raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(raw(key)).digest()[:8]


def kept_checkpoints(path: Path) -> dict[int, str]:
    """Number and hash of each that a log of the gateway tells of."""
    kept = {}
    for line in path.read_text().splitlines():
        fields = dict(word.split("=", 1) for word in line.split()
                      if "=" in word)
        if "checkpoint" in line.split() and "hash" in fields:
            kept[int(fields["number"])] = fields["hash"]
    return kept


def verify(lines: list[str], key: Ed25519PublicKey | None,
           kept: dict[int, str]) -> str:
    head = json.loads(lines[0])
    if head.get("type") != "tierpost evidence export":
        raise Broken("not an export of evidence")
    if key is None and "public-key" in head:
        key = Ed25519PublicKey.from_public_bytes(
            bytes.fromhex(head["public-key"]))
    digest = bytes.fromhex(head["hash-before"])
    hashes: dict[int, bytes] = {}
    signed_to = checkpoints = 0
    expect = head["first"]
    ended = False
    for line in lines[1:]:
        item = json.loads(line)
        if ended:
            raise Broken("there is something behind the end")
        if "number" in item:
            number = item["number"]
            if number != expect:
                raise Broken(f"record {expect} is missing")
            body = base64.b64decode(item["body"], validate=True)
            digest = link(digest, number, body)
            if digest.hex() != item["hash"]:
                raise Broken(f"record {number}: its hash is not that of its "
                             "content and predecessor")
            if "personal" in item:
                check_personal(number, body, base64.b64decode(
                    item["personal"], validate=True))
            if kept.get(number, digest.hex()) != digest.hex():
                raise Broken(f"record {number} is not the one that a kept "
                             "checkpoint speaks of")
            hashes[number] = digest
            expect = number + 1
        elif "checkpoint" in item:
            mark = item["checkpoint"]
            number = mark["number"]
            if hashes.get(number, b"").hex() != mark["hash"]:
                raise Broken(f"record {number} is not the one that its "
                             "checkpoint speaks of")
            checkpoints += 1
            if key is not None and mark["key"] == key_id(key).hex():
                check_signature(key, number, mark["time-ms"],
                                hashes[number],
                                bytes.fromhex(mark["signature"]))
                signed_to = max(signed_to, number)
        elif item.get("end"):
            ended = True
            if item["records"] != len(hashes):
                raise Broken(f"{item['records']} records were written, "
                             f"{len(hashes)} are here")
            if item["last-hash"] != digest.hex():
                raise Broken("the last hash is another")
    if not ended or expect != head["last"] + 1:
        raise Broken(f"the file is cut off: record {expect} and what comes "
                     "behind it are missing")
    return (f"verified: records {head['first']} to {head['last']}, "
            f"{checkpoints} checkpoints, signed up to record {signed_to}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--checkpoints", type=Path)
    args = parser.parse_args()
    key = None
    if args.key:
        key = load_pem_public_key(args.key.read_bytes())
    kept = kept_checkpoints(args.checkpoints) if args.checkpoints else {}
    try:
        print(verify(args.file.read_text().splitlines(), key, kept))
    except (Broken, ValueError, KeyError, IndexError) as wrong:
        print(f"broken: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
