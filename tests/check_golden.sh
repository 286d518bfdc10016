#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What the commands that read a spool print, and what the gateway logs, word
# for word: against golden/report (made-up evidence), golden/command (the
# spool that golden/log/week.rpl leaves) and golden/log (stories played by the
# replay harness).  With --write they are written: then read them.

command -v python3 >/dev/null || {
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
export PYTHONDONTWRITEBYTECODE=1
here=$(cd "$(dirname "$0")" && pwd)
exec python3 - "${BUILDDIR:-.}" "$here" "$@" <<'EOP'
import difflib
import glob
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()
TESTS = pathlib.Path(sys.argv[2])
WRITE = "--write" in sys.argv[3:]
GOLDEN = TESTS / "golden"
REPLAY = BUILD / "tests/replay/replay"
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")

REGIMES = ["bsi-tr-03108", "nist-800-177", "nl-forum", "ncsc-uk", "hipaa",
           "pci"]
LISTS = ["summary", "plaintext", "unauthenticated", "exceptions", "blocked",
         "returned", "domains", "certificates", "timeline", "configurations",
         "events", "would-block"]
# Between them they log what a replay can; each log is short.
STORIES = [
    "dns_04_unvalidating_resolver_holds_mail",
    "sts_08_policy_ends_with_its_max_age",
    "rpt_06_the_record_counts_when_the_report_is_sent",
    "own_domains_are_looked_at_and_what_is_found_is_told",
    "smtp_41_lost_after_the_dot_is_retried",
    "inv_04_a_budget_ends_an_exception",
    "tls_19_unmet_mail_is_held_until_it_is_released",
    "tls_17_broken_tls_is_remembered_for_its_lifetime",
    "inv_04_an_exception_that_is_not_needed_is_told",
    "rpt_45_an_endpoint_that_stays_down_is_given_up_after_a_day",
    "inv_14_keeper_death_loses_nothing",
    "rtls_20_no_host_with_tls_returns_tagged_mail",
    "dns_12_c13_a_clock_years_behind_holds_mail",
    "inv_04_tlsa_mismatch_waived_keeps_tls",
    "inv_07_interference_holds_what_would_go_in_clear",
]
CONF = """
hostname = "gw.example.org"; state-dir = "{0}";
listen = ( {{ address = "127.0.0.1:2525"; allow = ["127.0.0.0/8"]; }} );
tlsrpt = {{ enable = true; contact = "tls@gw.example.org"; }};
exceptions = ( {{ name = "sohu"; domains = ["sohu.com"]; allow = "plain";
  reason = "their STARTTLS is broken"; approver = "security@example.org";
  expires = "2026-12-31"; budget = "500"; }},
  {{ name = "old"; domains = ["old.example"]; waives = ["no-starttls"];
  reason = "being mended"; approver = "sec@gw.example";
  expires = "2026-11-27"; }} );
"""
SELFTEST = """{"time": "2026-11-24T00:00:00Z", "version": "0.1.0",
"configuration": "00", "chain": true, "tests": [{"name": "wrong-tlsa",
"about": "a key that no TLSA record has", "must-be": "held",
"section": "RFC 7672 2.2", "passed": true}]}
"""
NOW = "2026-11-28 09:00:00"
# Keys that are made when a story is played, and what is of the machine: its trust anchors, and the folder as the configuration has it.
VARIES = [
    (r"\b(?!([0-9a-f]{2})\1{31})(?=.{64}\b)[0-9a-f]{64}\b", "<SHA-256>"),
    (r"\b\d+ certificates\b(?! of)", "<N> certificates"),
    (r"key \d+ \(algorithm \d+, digest \d+\) <SHA-256>(; )?", "<KEY>"),
    (r"(<KEY>)+", "<KEYS>"),
    (r'(tierpost |"version": ")\d+\.\d+\.\d+', r"\1<VERSION>"),
]
count = {"passed": 0, "failed": 0, "skipped": 0}


def compare(name, got):
    """What differs from run to run is no part of what is compared."""
    for pattern, instead in VARIES:
        got = re.sub(pattern, instead, got)
    path = GOLDEN / name
    if WRITE:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(got.encode())
    want = path.read_bytes().decode() if path.exists() else ""
    count["passed" if got == want else "failed"] += 1
    if got != want:
        print(f"FAILED golden/{name} (- as it was, + as it is)")
        sys.stdout.writelines(
            line.rstrip("\r\n") + "\n" for line in difflib.unified_diff(
                want.splitlines(), got.splitlines(), lineterm="", n=1))


class State:
    def __init__(self, folder):
        self.folder = folder
        self.conf = folder / "tierpost.conf"
        self.conf.write_text(CONF.format(folder), encoding="utf-8")

    def run(self, *words):
        """At NOW, by a clock that does not go on."""
        env = dict(os.environ, LD_PRELOAD=FAKETIME[0], FAKETIME=NOW,
                   FAKETIME_DONT_FAKE_MONOTONIC="1", TZ="UTC",
                   ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        done = subprocess.run([BUILD / "tierpost", *words, "-c", self.conf],
                              capture_output=True, check=False, env=env,
                              stdin=subprocess.DEVNULL)
        text = (done.stdout + done.stderr).decode("utf-8", "backslashreplace")
        return text.replace(str(self.folder), "STATE")

    def golden(self, name, *words):
        compare(name, self.run(*words))


def reports(top):
    """`tierpost report` and `tierpost evidence`, of made-up evidence."""
    state = State(top)
    subprocess.run([BUILD / "tests/report_fill", top / "spool.db", "24", "4",
                    "20"], check=True)
    (top / "selftest.json").write_text(SELFTEST, encoding="utf-8")
    for name in LISTS:
        more = ["--require", "verify"] if name == "would-block" else []
        for ending, form in (("txt", []), ("csv", ["--csv"]),
                             ("json", ["--json"])):
            state.golden(f"report/{name}.{ending}", "report", name, *more,
                         *form)
    for regime in REGIMES:
        words = ["report", "compliance", "--period", "2026-11", "--regime",
                 regime, "--selftest-result", str(top / "selftest.json")]
        state.golden(f"report/{regime}.json", *words, "--format", "json")
        if regime == "nist-800-177":
            state.golden(f"report/{regime}.html", *words)
    evidence(state)


def evidence(state):
    week = ["--since", "2026-11-12", "--until", "2026-11-15"]
    for ending, form in (("txt", []), ("json", ["--json"])):
        state.golden(f"report/evidence-list.{ending}", "evidence", "list",
                     *week, *form)
        state.golden(f"report/evidence-show.{ending}", "evidence", "show",
                     "17", *form)
        state.golden(f"report/evidence-verify.{ending}", "evidence", "verify",
                     *form)
    state.golden("report/evidence-replay.txt", "evidence", "replay")
    lines = state.run("evidence", "export", "--since", week[1]).splitlines()
    compare("report/evidence-export.jsonl",
            "\n".join(lines[:2] + lines[-1:]) + "\n")


def play(script, folder):
    done = subprocess.run([REPLAY, "--keep", folder, script],
                          capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return (folder / "log").read_text(encoding="utf-8")


def commands(folder):
    """Those about the queue and what a gateway remembers."""
    state = State(folder)
    for name, *words in (
            ("queue-list", "queue", "list"),
            ("queue-summary", "queue", "summary"),
            ("queue-summary-reason", "queue", "summary", "--by", "reason"),
            ("policy-list", "policy", "list"),
            ("policy-show", "policy", "show", "sts.example", "no.example"),
            ("exception-list", "exception", "list"),
            ("exception-show", "exception", "show", "sohu"),
            ("exception-check", "exception", "check"),
            ("tlsrpt-list", "report", "tlsrpt", "list"),
            ("events", "report", "events")):
        state.golden(f"command/{name}.txt", *words)
        state.golden(f"command/{name}.json", *words, "--json")
    state.golden("command/tlsrpt-preview.json", "report", "tlsrpt", "preview",
                 "dane.example", "2026-11-28")
    state.golden("command/tlsrpt-show.json", "report", "tlsrpt", "show",
                 "dane.example", "2026-11-24")
    state.golden("command/alarms.txt", "alarms")


def stories(top):
    """Which events the logs show is printed: of the others no golden tells."""
    logs = [play(GOLDEN / "log/week.rpl", top / "week")]
    compare("log/week.txt", logs[0])
    for name in STORIES:
        logs.append(play(TESTS / f"replay/{name}.rpl", top / name))
        compare(f"log/{name}.txt", logs[-1])
    lines = "".join(logs).splitlines()
    shown = {line.split(" ")[3] for line in lines}
    doc = (TESTS.parent / "doc/log.md").read_text(encoding="utf-8")
    doc = doc.split("## Events")[1].split("## Fields")[0]
    known = set(re.findall(r"^\| `([^`]+)` \|", doc, re.M))
    print(f"{len(shown)} of {len(known)} events are shown; not:",
          " ".join(sorted(known - shown)))
    assert not shown - known, shown - known
    if FAKETIME:
        commands(top / "week")


def main():
    with tempfile.TemporaryDirectory() as name:
        os.environ["TMPDIR"] = name
        top = pathlib.Path(name)
        if REPLAY.exists():
            stories(top)
        else:
            print("skipped: the stories: make tests/replay/replay")
            count["skipped"] += 1
        if not FAKETIME:
            print("skipped: the commands: libfaketime is missing")
            count["skipped"] += 1
            return
        (top / "fill").mkdir()
        reports(top / "fill")


main()
print("{passed} passed, {failed} failed, {skipped} skipped".format(**count))
sys.exit(count["failed"] > 0)
EOP
