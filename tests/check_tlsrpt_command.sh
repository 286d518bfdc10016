#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# tierpost report tlsrpt, over reports as others send them, bombs among them:
# what is counted, what is refused and why, and what it comes to, against
# golden/received*.  With --write they are written.

command -v python3 >/dev/null || {
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
export PYTHONDONTWRITEBYTECODE=1
here=$(cd "$(dirname "$0")" && pwd)
exec python3 - "${BUILDDIR:-.}" "$here/golden" "$@" <<'EOP'
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile

TIERPOST = os.path.join(os.path.abspath(sys.argv[1]), "tierpost")
GOLDEN = sys.argv[2]
WRITE = "--write" in sys.argv[3:]
SAMPLES = os.path.join(GOLDEN, "received")
CONF = """
hostname = "gw.example.org"; state-dir = "{0}";
tlsrpt = {{ received-lifetime = "3650d"; }};
listen = ( {{ address = "127.0.0.1:2525"; allow = ["127.0.0.0/8"]; }} );
"""
LISTS = ["domains", "reporters", "policies", "weeks", "days", "results",
         "hosts", "failures", "reports"]


class State:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="check_tlsrpt.")
        self.conf = os.path.join(self.folder, "tierpost.conf")
        with open(self.conf, "w", encoding="utf-8") as out:
            out.write(CONF.format(self.folder))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.folder)

    def run(self, name, *words, **more):
        return subprocess.run(
            [TIERPOST, "report", "tlsrpt", name, "-c", self.conf, *words],
            capture_output=True, check=False, cwd=SAMPLES, **more)

    def ingest(self, *words, status, **more):
        done = self.run("ingest", *words, **more)
        assert done.returncode == status, (done.returncode, done)
        return done.stdout.decode(), done.stderr.decode()

    def received(self, *words):
        done = self.run("received", *words)
        assert done.returncode == 0 and not done.stderr, done
        return done.stdout


def golden(name, got):
    path = os.path.join(GOLDEN, name)
    if WRITE:
        with open(path, "wb") as out:
            out.write(got)
    with open(path, "rb") as file:
        want = file.read()
    assert got == want, f"{name}:\n{got.decode()}"


def fill(state):
    return state.ingest(".", status=1)


def what_is_counted_and_what_is_refused_and_why(state):
    out, err = fill(state)
    golden("received-ingest.txt", (out + err).encode())


def everything_again_is_known_and_changes_nothing(state):
    fill(state)
    before = state.received()
    out, _ = fill(state)
    assert "0 reports added, 8 counted before, 6 refused" in out, out
    assert state.received() == before


def the_overview_for_people(state):
    fill(state)
    golden("received.txt", state.received())


def lists_as_csv_and_json(state):
    fill(state)
    every = json.loads(state.received("--json"))
    for name in LISTS:
        rows = list(csv.DictReader(io.StringIO(
            state.received("--by", name, "--csv").decode())))
        one = json.loads(state.received("--by", name, "--json"))
        assert one[name] == every[name] and len(rows) == len(every[name])
        assert set(one) == {"since", "until", "domain", name}
    for row in every["reports"]:
        del row["arrived"]
    golden("received.json", (json.dumps(
        every, indent=1, ensure_ascii=True) + "\n").encode())
    golden("received-failures.csv",
           state.received("--by", "failures", "--csv"))


def b3_6_nothing_of_a_reporter_reaches_the_terminal(state):
    out, err = fill(state)
    shown = state.received().decode() + state.received(
        "--by", "reports").decode() + out + err
    assert all(c == "\n" or (c.isprintable() and c not in "\u202e\u2066")
               for c in shown)
    assert "Mailer ?evil?[31m" in shown
    text = state.received("--by", "failures", "--csv").decode()
    assert "'=HYPERLINK" in text


def a_part_is_asked_for(state):
    fill(state)
    part = json.loads(state.received("--domain", "EXAMPLE.net", "--json"))
    assert part["domain"] == "example.net"
    assert [r["domain"] for r in part["domains"]] == ["example.net"]
    assert part["failures"] == []
    part = json.loads(state.received(
        "--since", "2024-11-18", "--until", "2024-11-25", "--json"))
    assert [r["week"] for r in part["weeks"]] == ["2024-11-18"]
    text = state.received("--since", "2030-01-01").decode()
    assert text.startswith("no TLS report"), text


def nothing_was_received_yet(state):
    assert state.received().decode().startswith("no TLS report")
    assert json.loads(state.received("--json"))["reports"] == []


def a_report_on_standard_input(state):
    with open(os.path.join(SAMPLES, "google.eml"), "rb") as file:
        out, err = state.ingest("-", status=0, stdin=file)
    assert out.startswith("1 reports added") and not err
    out, _ = state.ingest("google.eml", status=0)
    assert "google.eml: counted before: report 2024-11-18" in out, out


def a_maildir(state):
    for name in ("cur", "new", "tmp", ".Trash"):
        os.makedirs(os.path.join(state.folder, "box", name))
    for name, file in (("cur", "google.eml"), ("new", "microsoft.eml"),
                       ("tmp", "named.eml"), (".Trash", "named.eml")):
        shutil.copy(os.path.join(SAMPLES, file),
                    os.path.join(state.folder, "box", name, "1732.M1:2,S"))
    out, err = state.ingest(os.path.join(state.folder, "box"), status=0)
    assert out == ("2 reports added, 0 counted before, 0 refused\n"), out
    assert not err


def b3_12_links_pipes_and_depths_are_refused(state):
    box = os.path.join(state.folder, "box")
    deep = os.path.join(box, *("d" * 10))
    os.makedirs(deep)
    shutil.copy(os.path.join(SAMPLES, "google.eml"), deep)
    os.symlink("/etc/passwd", os.path.join(box, "link"))
    os.symlink(box, os.path.join(box, "loop"))
    os.mkfifo(os.path.join(box, "pipe"))
    with open(os.path.join(box, "a\x1b[2Jb"), "wb"):
        pass
    out, err = state.ingest(box, status=1)
    assert "0 reports added" in out
    assert "link: refused: it is a symbolic link" in err
    assert "loop: refused: it is a symbolic link" in err
    assert "pipe: refused: it is neither a file nor a folder" in err
    assert "refused: it is too deep" in err
    assert "a\\x1b[2Jb: refused: it is empty" in err


def b3_8_one_file_is_bounded(state):
    path = os.path.join(state.folder, "large")
    with open(path, "wb") as out:
        out.truncate((64 << 20) + 1)
    _, err = state.ingest(path, status=1)
    assert "large: refused: it is over 64 MiB: split it" in err, err


def where_it_cannot_be_written_it_is_to_be_tried_again(state):
    path = os.path.join(state.folder, "tlsrpt.db")
    with open(path, "wb") as out:
        out.write(b"no database " * 500)
    _, err = state.ingest("google.eml", status=75)
    assert "move it away" in err, err
    done = state.run("received")
    assert done.returncode == 75 and b"move it away" in done.stderr


def b_usage(state):
    for words in (["ingest"], ["ingest", "-c", state.conf], ["ingest", "-x"],
                  ["received", "--by"], ["received", "--by", "nothing"],
                  ["received", "--csv"], ["received", "file"], ["other"],
                  [], ["received", "--since", "tomorrow"]):
        done = subprocess.run([TIERPOST, "report", "tlsrpt", *words],
                              capture_output=True, check=False)
        assert done.returncode == 2 and done.stderr, words
    done = state.run("received", "-c", "/nonexistent")
    assert done.returncode == 78, done


TESTS = [
    what_is_counted_and_what_is_refused_and_why,
    everything_again_is_known_and_changes_nothing, the_overview_for_people,
    lists_as_csv_and_json, b3_6_nothing_of_a_reporter_reaches_the_terminal,
    a_part_is_asked_for, nothing_was_received_yet, a_report_on_standard_input,
    a_maildir, b3_12_links_pipes_and_depths_are_refused,
    b3_8_one_file_is_bounded,
    where_it_cannot_be_written_it_is_to_be_tried_again, b_usage,
]
failed = 0
for test in TESTS:
    with State() as made:
        try:
            test(made)
        except AssertionError as error:
            print(f"{test.__name__}: {error}")
            failed += 1
print(f"{len(TESTS) - failed} passed, {failed} failed, 0 skipped")
sys.exit(failed > 0)
EOP
