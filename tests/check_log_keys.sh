#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# doc/log.md lists every event and every field that the source logs, and no
# other.
#
# An event is what is passed to a function for its argument "event":
# logline_begin(), log_text(), and those that hand it on to them.

cd "$(dirname "$0")/.." || exit 1
command -v python3 >/dev/null || {
	echo 'skipped: python3 is missing'
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}
exec python3 - <<'EOP'
import pathlib
import re
import sys

FOLDERS = "util smtp dane mtasts policy net spool report gateway".split()
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
found = {"event": set(), "field": set()}
wrong = []


def arguments(text, at):
    """Of the call whose arguments begin at at."""
    out, depth = [""], 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|.', text[at:], re.S):
        c = token.group()
        depth += (c in "([{") - (c in ")]}")
        if depth < 0:
            break
        if c == "," and depth == 0:
            out.append("")
        else:
            out[-1] += c
    return [" ".join(a.split()) for a in out]


def calls(name):
    for path, text in source.items():
        for m in re.finditer(rf"\b{name}\(", text):
            yield path, arguments(text, m.end())


def take(kind, name, place):
    for path, args in calls(name):
        arg = args[place] if place < len(args) else ""
        words = STRING.findall(arg)
        found[kind].update(words)
        # A declaration, a name handed on, or one of a table read below.
        if not words and not re.match(
                r"const char \*|event$|key$|events\[", arg):
            wrong.append(f"{path}: {name}: {arg}: not a plain {kind}")


source = {}
for folder in FOLDERS:
    for path in sorted(pathlib.Path(folder).glob("*.[ch]")):
        source[path] = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
places = {}
for text in source.values():
    for m in re.finditer(r"(\w+)\(([^(){};]*\bconst char \*event\b)", text):
        places[m[1]] = m[2].count(",")
    for m in re.finditer(r"\bchar \*const events\[[^{}]*\{([^}]*)\}", text):
        found["event"].update(STRING.findall(m[1]))
for name, place in places.items():
    take("event", name, place)
for name in "logline_str", "logline_span", "logline_i64":
    take("field", name, 1)

listed = {"event": [], "field": []}
kind = None
for line in pathlib.Path("doc/log.md").read_text().splitlines():
    if line.startswith("## "):
        kind = {"## Events": "event", "## Fields": "field"}.get(line)
    m = re.match(r"\| `([^`]+)` \|", line)
    if kind and m:
        listed[kind].append(m[1])

passed = 0
for kind, names in found.items():
    passed += len(names & set(listed[kind]))
    for name in sorted(names - set(listed[kind])):
        wrong.append(f"doc/log.md lacks the {kind} {name}")
    for name in sorted(set(listed[kind]) - names):
        wrong.append(f"doc/log.md has the {kind} {name}, the source has not")
    for name in sorted({n for n in names if listed[kind].count(n) > 1}):
        wrong.append(f"doc/log.md has the {kind} {name} twice")
for line in wrong:
    print("FAILED", line)
print(f"{passed} passed, {len(wrong)} failed, 0 skipped")
sys.exit(bool(wrong) or passed == 0)
EOP
