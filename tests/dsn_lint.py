#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Read a delivery report as strictly as its RFCs allow.

  dsn_lint.py FILE...

Says what is wrong with each, and fails if anything is.  Nothing of it comes
from the writer: lines (RFC 5322 2.1.1), the header, multipart/report (RFC
6522 3), transfer encodings (RFC 2045 6), and the fields with their grammar,
order and number (RFC 3464 2, RFC 6533 3).
"""

import quopri
import re
import sys


class Broken(Exception):
    pass


def must(condition, what):
    if not condition:
        raise Broken(what)


DATE = (r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun"
        r"|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
LOCAL = r'(?:"(?:[^"\\]|\\.)*"|[^\s@<>"(),:;\\]+)'
DOMAIN = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
MAILBOX = rf"{LOCAL}@{DOMAIN}"
TEXT = r"\S(?:.*\S)?"
TOKEN = r"[A-Za-z0-9-]+"
PARAMETERS = rf'(?:; {TOKEN}=(?:"(?:[^"\\]|\\.)*"|[^\s;"]+))*'
XTEXT_UTF8 = r"(?:[!-*,-<>-\[\]-~]|\\x\{[0-9A-F]{2,6}\})+"

# (name, value, at least, at most), in the order of the RFC.
HEADER = [
    ("Date", DATE, 1, 1),
    ("From", rf"[A-Za-z ]+ <{MAILBOX}>", 1, 1),
    ("To", rf"<{MAILBOX}>", 1, 1),
    ("Subject", TEXT, 1, 1),
    ("Message-ID", rf"<[0-9a-f]+@{DOMAIN}>", 1, 1),
    ("Auto-Submitted", "auto-replied", 1, 1),
    ("TLS-Required", "No", 0, 1),
    ("MIME-Version", r"1\.0", 1, 1),
    ("Content-Transfer-Encoding", "8bit", 0, 1),
    ("Content-Type", r"multipart/report; report-type=delivery-status; "
     r'boundary="[0-9A-Za-z=_]{1,70}"', 1, 1),
]
OF_MESSAGE = [
    ("Original-Envelope-Id", r"[!-~](?:[ -~]*[!-~])?", 0, 1),
    ("Reporting-MTA", rf"dns; {DOMAIN}", 1, 1),
    ("Arrival-Date", DATE, 0, 1),
    ("X-Tierpost-Queue-Id", r"[0-9a-z]+", 0, 1),
]
OF_RCPT = [
    ("Original-Recipient", rf"{TOKEN}; {TEXT}", 0, 1),
    ("Final-Recipient", rf"(?:rfc822; {MAILBOX}|utf-8; .+)", 1, 1),
    ("Action", "failed|delayed|relayed", 1, 1),
    ("Status", r"[245]\.\d{1,3}\.\d{1,3}", 1, 1),
    ("Remote-MTA", rf"dns; {DOMAIN}", 0, 1),
    ("Diagnostic-Code", rf"smtp; \d{{3}}[ -]{TEXT}", 0, 1),
    ("Last-Attempt-Date", DATE, 0, 1),
    ("Will-Retry-Until", DATE, 0, 1),
    ("X-Tierpost-Required", rf"{TOKEN}{PARAMETERS}", 0, 1),
    ("X-Tierpost-Reached", rf"{TOKEN}{PARAMETERS}", 0, 1),
    ("X-Tierpost-Reason", rf"{TOKEN}(?:; {TEXT})?", 0, 1),
]
PART = [
    ("Content-Type", rf"{TOKEN}/{TOKEN}(?:; charset={TOKEN})?", 1, 1),
    ("Content-Transfer-Encoding", "8bit|quoted-printable", 0, 1),
]
CLASSES = {"failed": "45", "delayed": "4", "relayed": "2"}


def lines_of(raw):
    must(raw.endswith(b"\r\n"), "no CRLF at the end")
    lines = raw[:-2].split(b"\r\n")
    for line in lines:
        must(b"\r" not in line and b"\n" not in line, "a bare CR or LF")
        must(b"\0" not in line, "a NUL")
        must(len(line) <= 998, "a line over 998 bytes")
    return lines


def fields_of(lines, grammar, ordered=True):
    """A group of fields by its grammar: name -> value, unfolded."""
    fields = []
    for line in lines:
        text = line.decode()
        if text.startswith("\t"):
            must(fields and text.strip(), "a continuation of nothing")
            fields[-1][1] += " " + text[1:]
        else:
            name, colon, value = text.partition(":")
            must(colon and re.fullmatch(r"[!-9;-~]+", name),
                 f"no field: {text!r}")
            fields.append([name, value])
    names = [rule[0] for rule in grammar]
    for name, value in fields:
        must(name in names, f"unknown field {name}")
        must(value.startswith(" "), f"{name} has no blank before its value")
    for name, pattern, least, most in grammar:
        values = [value[1:] for found, value in fields if found == name]
        must(least <= len(values) <= most, f"{len(values)} times {name}")
        for value in values:
            must(re.fullmatch(pattern, value.lstrip()),
                 f"{name}: {value!r}")
    order = [names.index(name) for name, _ in fields]
    must(not ordered or order == sorted(order), "fields out of order")
    return {name: value.strip() for name, value in fields}


def split_at_blank(lines):
    groups = [[]]
    for line in lines:
        if line:
            groups[-1].append(line)
        else:
            groups.append([])
    while groups and not groups[-1]:
        groups.pop()
    return groups


def parts_of(lines, boundary):
    mark = b"--" + boundary
    at = [i for i, line in enumerate(lines) if line.startswith(mark)]
    must(len(at) == 4, f"{len(at)} boundaries")
    must([lines[i] for i in at] == [mark] * 3 + [mark + b"--"],
         "what follows a boundary")
    must(at[0] == 0 and at[3] == len(lines) - 1, "preamble or epilogue")
    must(sum(line.count(boundary) for line in lines) == 4,
         "the boundary is in a part")
    for begin, end in zip(at, at[1:]):
        part = lines[begin + 1:end]
        must(b"" in part, "a part without a body")
        cut = part.index(b"")
        # the last line end belongs to the boundary, RFC 2046 5.1.1
        yield fields_of(part[:cut], PART), part[cut + 1:]


def decoded(header, lines):
    """(type, lines, is 8-bit) of a part."""
    encoding = header.get("Content-Transfer-Encoding", "7bit")
    eight = any(byte > 127 for line in lines for byte in line)
    must(eight == (encoding == "8bit"), f"8-bit content in {encoding}")
    if encoding == "quoted-printable":
        for line in lines:
            must(len(line) <= 76, "quoted-printable over 76")
            must(re.fullmatch(rb"(?:[\t -<>-~]|=[0-9A-F]{2})*=?", line),
                 f"not quoted-printable: {line!r}")
            must(not line.endswith((b" ", b"\t")), "a blank at a line's end")
        raw = quopri.decodestring(b"\r\n".join(lines))
        lines = raw.split(b"\r\n")
    return header["Content-Type"], lines, eight


def check_text(kind, lines):
    must(kind in ("text/plain; charset=us-ascii",
                  "text/plain; charset=utf-8"), kind)
    text = [line.decode("ascii" if "ascii" in kind else "utf-8")
            for line in lines]
    must(("utf" in kind) == any(not line.isascii() for line in text),
         "the charset is not that of the text")
    for line in text:
        must(len(line) <= 78, f"over 78: {line!r}")
        must(line.isprintable() and line == line.rstrip(), f"{line!r}")
    must(text[0].startswith("Your message "), "the first sentence")
    return " ".join(" ".join(text).split())


def check_rcpt(fields, is_global, eight):
    action = fields["Action"]
    must(fields["Status"][0] in CLASSES[action], f"{action} and the status")
    must(action == "delayed" or "Will-Retry-Until" not in fields,
         "Will-Retry-Until")
    must("Remote-MTA" in fields or "Diagnostic-Code" not in fields,
         "a reply of nobody")
    for name in ("Original-Recipient", "Final-Recipient"):
        kind, _, address = fields.get(name, "").partition("; ")
        if kind != "utf-8":
            must(address.isascii(), f"{name} is not ASCII")
            continue
        must(is_global or name == "Original-Recipient", f"{name} is utf-8")
        must(eight or re.fullmatch(XTEXT_UTF8, address),
             f"{name} is no utf-8-addr-xtext")


def check_fields(kind, lines, eight):
    must(kind in ("message/delivery-status",
                  "message/global-delivery-status"), kind)
    whole, *rcpts = split_at_blank(lines)
    fields_of(whole, OF_MESSAGE)
    must(rcpts, "no recipient")
    found = []
    for group in rcpts:
        must(group, "two empty lines")
        fields = fields_of(group, OF_RCPT)
        check_rcpt(fields, "global" in kind, eight)
        found.append(fields)
    must(len({fields["Action"] for fields in found}) == 1, "mixed actions")
    return found


def check_original(kind, is_global):
    kinds = (["message/global", "message/global-headers"] if is_global else
             ["message/rfc822", "text/rfc822-headers",
              "text/rfc822-headers; charset=utf-8"])
    must(kind in kinds, f"{kind} is not one of {kinds}")


def lint(raw):
    """The fields of each recipient, and the words for people."""
    lines = lines_of(raw)
    must(len(raw) <= 50000, "over 50 kB")
    must(b"" in lines, "no body")
    cut = lines.index(b"")
    header = fields_of(lines[:cut], HEADER, ordered=False)
    boundary = header["Content-Type"].rpartition("boundary=")[2].strip('"')
    text, fields, original = [
        decoded(*part) for part in parts_of(lines[cut + 1:],
                                            boundary.encode())]
    words = check_text(*text[:2])
    rcpts = check_fields(*fields)
    check_original(original[0], "global" in fields[0])
    eight = text[2] or fields[2] or original[2]
    needs = not all(value.isascii() for value in header.values())
    must(("Content-Transfer-Encoding" in header) == (eight or needs),
         "the transfer encoding of the whole")
    return rcpts, words


def main(paths):
    bad = 0
    for path in paths:
        try:
            with open(path, "rb") as file:
                lint(file.read())
        except (Broken, UnicodeDecodeError, ValueError) as error:
            print(f"{path}: {error}")
            bad += 1
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
