#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# tierpost report, over spools of made-up evidence: what it says, as text, as
# CSV and JSON by parsers that are not ours, as a page, and as PDF where
# weasyprint is installed.

command -v python3 >/dev/null || {
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
export PYTHONDONTWRITEBYTECODE=1
exec python3 - "${BUILDDIR:-.}" <<'EOP'
import csv
import html.parser
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(sys.argv[1])
TIERPOST = os.path.join(BUILD, "tierpost")
LISTS = ["plaintext", "unauthenticated", "exceptions", "blocked", "returned",
         "domains", "certificates", "timeline", "configurations", "events"]
REGIMES = ["bsi-tr-03108", "nist-800-177", "nl-forum", "ncsc-uk", "hipaa",
           "pci"]
CONF = """
hostname = "gw.example.org"; state-dir = "{0}";
listen = ( {{ address = "127.0.0.1:2525"; allow = ["127.0.0.0/8"]; }} );
exceptions = ( {{ name = "sohu"; domains = ["sohu.com"]; allow = "plain";
  reason = "=HYPERLINK(1)"; approver = "security@example.org";
  expires = "2027-03-31"; }} );
"""
RESULT = {
    "time": "2026-11-24T00:00:00Z", "version": "0.1.0",
    "configuration": "00", "chain": True, "tests": [
        {"name": "wrong-tlsa", "about": "<b>", "must-be": "held",
         "section": "RFC 7672 2.2", "passed": True}]}


class Spool:
    def __init__(self, folder, records, domains, days=30):
        self.folder = os.path.join(folder, f"spool-{records}-{days}")
        os.mkdir(self.folder)
        self.file = os.path.join(self.folder, "spool.db")
        self.conf = os.path.join(self.folder, "tierpost.conf")
        with open(self.conf, "w", encoding="utf-8") as out:
            out.write(CONF.format(self.folder))
        subprocess.run([os.path.join(BUILD, "tests/report_fill"), self.file,
                        str(records), str(domains), str(days)], check=True)

    def run(self, *words, env=None):
        return subprocess.run(
            [TIERPOST, "report", *words, "-c", self.conf],
            capture_output=True, check=False, env=env)

    def json(self, *words):
        done = self.run(*words)
        assert not done.stderr, done.stderr
        return json.loads(done.stdout)


class Page(html.parser.HTMLParser):
    """Nests, loads nothing, runs nothing."""

    VOID = {"meta", "col", "br", "img", "link", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.words = [], 0, ""
        self.feed(text)
        assert not self.open, self.open

    def handle_startendtag(self, tag, attrs):
        self.look(tag, attrs)

    def look(self, tag, attrs):
        assert tag not in ("script", "img", "link", "iframe", "object", "base")
        for name, value in attrs:
            assert not name.startswith("on") and name != "src", name
            assert name != "href" or value.startswith("#"), value
        self.rows += tag == "tr"

    def handle_starttag(self, tag, attrs):
        self.look(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.words += data


def rows_of(done):
    text = done.stdout.decode("utf-8")
    assert "\r\n" in text and "\n" not in text.replace("\r\n", "")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def each_list_is_the_same_in_all_forms(some):
    for name in LISTS:
        found = some.json(name, "--json")
        rows = rows_of(some.run(name, "--csv"))
        assert len(rows) == len(found[name]), name
        assert (found["first"], found["last"]) == (1, 3000)
        for row, entry in zip(rows, found[name]):
            assert list(row) == list(entry)
            for key, cell in row.items():
                assert cell.removeprefix("'") == str(entry[key]), key
                assert cell[:1] not in ("=", "+", "-", "@"), cell
        assert some.run(name).stdout, name


def the_summary_adds_up(some):
    n = some.json("summary", "--json")
    assert n["attempts"] == n["records"] == 3000
    assert n["delivered"] == (n["verified"] + n["authenticated"]
                              + n["encrypted"] + n["plaintext"])
    assert n["attempts"] == n["delivered"] + n["blocked"] + n["failed"]
    listed = {name: len(some.json(name, "--json")[name]) for name in LISTS}
    assert listed["plaintext"] == n["content-in-clear"] > 0
    assert listed["unauthenticated"] == n["encrypted"]
    assert listed["returned"] == n["returned"] > 0
    days = some.json("timeline", "--json")["timeline"]
    assert sum(d["verified"] for d in days) == n["verified"]
    domains = some.json("domains", "--json")["domains"]
    assert sum(d["blocked"] for d in domains) == n["blocked"]
    assert rows_of(some.run("summary", "--csv"))[0] == {
        "name": "attempts", "count": "3000"}


def a_period_bounds_what_is_read(some):
    whole = some.json("summary", "--json")["records"]
    half = some.json("summary", "--json", "--since", "2026-11-15")["records"]
    rest = some.json("summary", "--json", "--until", "2026-11-15")["records"]
    assert 0 < half < whole and half + rest == whole


def a_sender_is_looked_for_where_addresses_are_left(some):
    found = some.run("summary", "--json", "--sender", "Alice@Sender.Example")
    n = json.loads(found.stdout)
    assert 0 < n["records"] < 2700
    assert n["not-judged-for-want-of-addresses"] == 300
    assert b"300 records of the period have no addresses" in found.stderr
    none = json.loads(some.run("summary", "--json", "--sender",
                               "nobody@sender.example").stdout)
    assert none["records"] == 0


def what_is_in_clear_is_listed_and_a_none_gives_its_range(some):
    text = some.run("plaintext").stdout.decode()
    n = some.json("summary", "--json")["content-in-clear"]
    assert sum(line.startswith("record ") for line in text.split("\n")) == n
    assert "no signed checkpoint covers record 3000 yet" in text
    assert f"{n} of 3000 attempts, records 1 to 3000, sent" in text
    domain = next(d["domain"] for d in some.json("domains", "--json")["domains"]
                  if d["plaintext"] == 0)
    none = some.run("plaintext", "--domain", domain).stdout.decode()
    assert none.startswith("none: of ") and "records" in none


def the_checkpoint_that_proves_a_none_is_in_text_and_json(top):
    spool = Spool(top, 40, 3, 1)
    found = spool.json("plaintext", "--json")
    assert found["checkpoint"] is None
    assert (found["first"], found["last"]) == (1, 40)
    with sqlite3.connect(spool.file) as database:
        for number in (39, 40, 41):
            database.execute(
                "INSERT INTO checkpoint VALUES (?, 1793491200000, ?, ?, ?)",
                (number, bytes([number] * 32), bytes([2] * 8),
                 bytes([3] * 64)))
    database.close()
    assert spool.json("plaintext", "--json")["checkpoint"] == {
        "number": 40, "time-ms": 1793491200000, "hash": "28" * 32,
        "key": "02" * 8, "signature": "03" * 64}
    text = spool.run("plaintext").stdout.decode()
    assert ("signed by the checkpoint of 2026-11-01T00:00:00Z at record 40, "
            "hash " + "28" * 32) in text
    rows = spool.run("plaintext", "--csv").stdout.decode()
    assert "28" * 32 not in rows
    assert "checkpoint" not in spool.json("blocked", "--json")


def would_block_counts_each_delivery_once(some):
    n = some.json("summary", "--json")
    for level, held in (("encrypt", n["plaintext"]),
                        ("verify", n["plaintext"])):
        done = some.run("would-block", "--require", level, "--json")
        w = json.loads(done.stdout)
        assert done.returncode == 1 and w["held"] == held
        assert w["held"] + w["not-tried"] + w["passed"] == n["delivered"]
        assert sum(d["held"] for d in w["domains"]) == held
    assert w["not-tried"] == n["encrypted"]
    dane = json.loads(some.run("would-block", "--require", "dane-only",
                               "--json").stdout)
    assert dane["held"] > w["held"]


def bad_words_are_usage(some):
    for words in (("nothing",), ("would-block",), ("compliance",),
                  ("would-block", "--require", "may"),
                  ("summary", "--require", "verify"),
                  ("summary", "--since", "yesterday"),
                  ("compliance", "--regime", "pci"),
                  ("compliance", "--regime", "x", "--period", "2026"),
                  ("compliance", "--regime", "pci", "--period", "2026-13")):
        done = some.run(*words)
        assert done.returncode == 2 and done.stderr, words


def each_regime_makes_a_page_and_json(some):
    for regime in REGIMES:
        words = ("compliance", "--period", "2026-11", "--regime", regime)
        page = Page(some.run(*words).stdout.decode("utf-8"))
        found = some.json(*words, "--format", "json")
        assert found["regime"] == regime and found["chain"]["verified"]
        for point in found["points"] + found["common"]:
            assert point["asks"] in page.words
            assert point["evidence"] in page.words, point
        assert ("To be confirmed" in page.words) == any(
            p["to-be-confirmed"] for p in found["points"] + found["common"])


def pages_of_nothing_of_one_and_of_years_are_whole(none, one, years):
    for spool in none, one, years:
        page = Page(spool.run("compliance", "--since", "2026-11-01",
                              "--until", "2036-11-01", "--regime",
                              "pci").stdout.decode("utf-8"))
        assert "gw.example.org" in page.words


def a_result_of_the_self_test_is_taken_in(some):
    path = os.path.join(some.folder, "result.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(RESULT, out)
    found = some.json("compliance", "--period", "2026-11", "--regime", "pci",
                      "--format", "json", "--selftest-result", path)
    assert found["selftest"]["passed"] is True
    with open(path, "w", encoding="utf-8") as out:
        out.write("{}")
    done = some.run("compliance", "--period", "2026-11", "--regime", "pci",
                    "--selftest-result", path)
    assert done.returncode == 2 and b"selftest --json" in done.stderr


def a_broken_chain_is_said_and_nothing_is_shown_by_it(folder):
    spool = Spool(folder, 50, 5)
    with sqlite3.connect(spool.file) as database:
        database.execute("DELETE FROM evidence WHERE seq = 20")
    database.close()
    done = spool.run("compliance", "--period", "2026-11", "--regime", "pci",
                     "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and b"record 20 is missing" in done.stderr
    assert found["chain"]["verified"] is False
    assert "shown" not in {p["verdict"] for p in found["points"]}


def without_weasyprint_the_package_is_named(one):
    words = ("compliance", "--period", "2026-11", "--regime", "pci",
             "--format", "pdf")
    empty = os.path.join(one.folder, "empty")
    os.mkdir(empty)
    done = one.run(*words, env={**os.environ, "PATH": empty})
    assert done.returncode == 75 and not done.stdout
    assert b"apt install weasyprint" in done.stderr, done.stderr


def a_pdf_is_made_of_the_page(one):
    path = os.path.join(one.folder, "report.pdf")
    with open(path, "w", encoding="utf-8") as out:
        out.write("older and longer than nothing" * 100000)
    done = one.run("compliance", "--period", "2026-11", "--regime", "pci",
                   "--format", "pdf", "--output", path)
    assert done.returncode == 0, done.stderr
    with open(path, "rb") as made:
        data = made.read()
    assert data.startswith(b"%PDF-") and b"older" not in data


passed = failed = skipped = 0
with tempfile.TemporaryDirectory() as top:
    os.chmod(top, 0o755)
    nothing, single = Spool(top, 0, 1), Spool(top, 1, 1)
    many, long = Spool(top, 3000, 200), Spool(top, 3000, 200, 3000)
    checks = [
        (each_list_is_the_same_in_all_forms, many),
        (the_summary_adds_up, many),
        (a_period_bounds_what_is_read, many),
        (a_sender_is_looked_for_where_addresses_are_left, many),
        (what_is_in_clear_is_listed_and_a_none_gives_its_range, many),
        (the_checkpoint_that_proves_a_none_is_in_text_and_json, top),
        (would_block_counts_each_delivery_once, many),
        (bad_words_are_usage, many),
        (each_regime_makes_a_page_and_json, many),
        (pages_of_nothing_of_one_and_of_years_are_whole, nothing, single,
         long),
        (a_result_of_the_self_test_is_taken_in, many),
        (a_broken_chain_is_said_and_nothing_is_shown_by_it, top),
        (without_weasyprint_the_package_is_named, single),
    ]
    if shutil.which("weasyprint"):
        checks.append((a_pdf_is_made_of_the_page, single))
    else:
        print("skipped: a_pdf_is_made_of_the_page: no weasyprint here")
        skipped += 1
    for check, *given in checks:
        try:
            check(*given)
            passed += 1
        except Exception as why:  # each is told, the others go on
            failed += 1
            print(f"FAILED {check.__name__}: {type(why).__name__} {why}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed > 0)
EOP
