#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# `tierpost password`: the line it prints, from a pipe and from a terminal,
# and its exit status.

program=${BUILDDIR:-.}/tierpost
command -v python3 >/dev/null || {
	echo 'skipped: python3 is missing'
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
exec python3 - "$program" <<'EOP'
import os
import pty
import re
import subprocess
import sys

program = sys.argv[1]
passed = failed = 0
HASH = r"\$y\$j9T\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}"


def check(what, ok):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print("FAILED", what)


def piped(words, text):
    return subprocess.run([program, "password", *words], input=text,
                          capture_output=True, timeout=60, check=False)


def typed(lines):
    """At a terminal; what it showed, what came out, the exit status."""
    main, side = pty.openpty()
    child = subprocess.Popen([program, "password", "a"], stdin=side,
                             stdout=subprocess.PIPE, stderr=side)
    os.close(side)
    shown = b""
    for line in lines:
        while not shown.endswith((b"Password: ", b"Again: ")):
            shown += os.read(main, 1024)
        os.write(main, line + b"\n")
        shown += b"|"
    out = child.stdout.read().decode()
    status = child.wait(60)
    while True:
        try:
            more = os.read(main, 1024)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(main)
    return shown, out, status


done = piped(["alice@x.example"], b"secret\n")
check("a line with a name", done.returncode == 0 and re.fullmatch(
    rf"alice@x\.example:{HASH}\n", done.stdout.decode()))
check("nothing else is said", done.stderr == b"")
done = piped([], b"secret")
check("a hash without a name, a line without its end",
      done.returncode == 0 and re.fullmatch(HASH + "\n",
                                            done.stdout.decode()))
check("a new salt each time", done.stdout != piped([], b"secret").stdout)
check("255 bytes are taken", piped([], b"x" * 255 + b"\n").returncode == 0)
for name, text in (("nothing", b""), ("an empty line", b"\n"),
                   ("256 bytes", b"x" * 256 + b"\n"),
                   ("a NUL byte", b"a\0b\n")):
    done = piped([], text)
    check(f"{name}: exit status 1", done.returncode == 1)
    check(f"{name}: no hash", done.stdout == b"")
for words in (["a b"], ["a:b"], ["-x"], ["a", "b"]):
    done = piped(words, b"secret\n")
    check(f"{words}: exit status 2", done.returncode == 2)

shown, out, status = typed([b"secret", b"secret"])
check("typed twice", status == 0 and re.fullmatch(rf"a:{HASH}\n", out))
check("asked for twice", shown.count(b": ") == 2)
check("not shown", b"secret" not in shown)
shown, out, status = typed([b"secret", b"sceret"])
check("two that differ", status == 1 and out == "")
check("it says so", b"not the same" in shown)

print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(bool(failed))
EOP
