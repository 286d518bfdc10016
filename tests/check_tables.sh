#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# doc/alarms.md has the rows of report/alarms.def, doc/metrics.md those of
# report/metrics.def, each in the order of the table and no other; the events
# that alarms name are in doc/log.md.

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

TEXTS = r'((?:"[^"]*"\s*)+)'


def table(path, pattern):
    text = re.sub(r"/\*.*?\*/", "", pathlib.Path(path).read_text(), flags=re.S)
    return re.findall(pattern, text)


def joined(texts):
    return "".join(re.findall(r'"([^"]*)"', texts))


def rows(path, prefix):
    lines = pathlib.Path(path).read_text().splitlines()
    return [[cell.strip().strip("`") for cell in line.split("|")[1:-1]]
            for line in lines if line.startswith(prefix)]


wrong, passed = [], 0


def same(what, want, have):
    global passed
    if want == have:
        passed += 1
    else:
        wrong.append(f"{what}: {have!r} in place of {want!r}")


alarms = table("report/alarms.def",
               r'ALARM\(\w+, "([^"]+)", LOG_LEVEL_(\w+),\s*"([^"]+)",'
               r"\s*(\d+),\s*" + TEXTS + r"\)")
listed = [r for r in rows("doc/alarms.md", "| `")
          if not r[0].startswith("TIERPOST_")]
same("doc/alarms.md: names", [a[0] for a in alarms], [r[0] for r in listed])
events = {r[0] for r in rows("doc/log.md", "| `")}
for (name, level, key, hours, advice), row in zip(alarms, listed):
    days = int(hours) // 24
    lapse = "" if days == 0 else "1 day" if days == 1 else f"{days} days"
    severity = {"ERROR": "error", "WARN": "warning"}[level]
    same(f"doc/alarms.md: {name}",
         [name, severity, key, lapse, joined(advice)], row)
    same(f"doc/log.md: {key}", True, key in events)

metrics = table("report/metrics.def",
                r'METRIC\(\w+, (\w+), \w+, (\w+),\s*"([^"]+)",\s*'
                + TEXTS + r"\)")
listed = rows("doc/metrics.md", "| `tierpost_")
same("doc/metrics.md: names",
     [m[2] for m in metrics] + ["tierpost_build_info"],
     [r[0] for r in listed])
for (kind, labels, name, text), row in zip(metrics, listed):
    same(f"doc/metrics.md: {name}",
         [kind.lower(), labels != "NONE", joined(text)],
         [row[1], row[2] != "", row[3]])

for line in wrong:
    print("FAILED", line)
print(f"{passed} passed, {len(wrong)} failed, 0 skipped")
sys.exit(bool(wrong) or passed < 10)
EOP
