#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# doc/log.md lists every event and every field that the source logs, and no
# other.
#
#   check_log_keys.sh [--list]      --list prints what the source has
#
# An event is found as the argument that a function calls "event":
# logline_begin(), log_text(), and those that hand one on to them.

cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
source=$(mktemp) doc=$(mktemp) || exit 1
trap 'rm -f "$source" "$doc"' EXIT

folders='util smtp dane mtasts policy net spool report gateway'

# "event NAME" and "field NAME"; "unclear FILE: ARGUMENT" for an event that
# is neither a literal nor handed on.
# shellcheck disable=SC2086 # a list of folders
find $folders -name '*.[ch]' | sort | xargs awk '
	function without_comments(s,    at, end, out) {
		while ((at = index(s, "/*")) > 0) {
			out = out substr(s, 1, at - 1) " "
			s = substr(s, at + 2)
			end = index(s, "*/")
			s = end > 0 ? substr(s, end + 2) : ""
		}
		return out s
	}

	# Which argument is the event?  Learned from declarations.
	function learn(s,    call, before) {
		while (match(s, /[a-z_]+\([^(){};]*const char \*event[,)]/)) {
			call = substr(s, RSTART, RLENGTH)
			s = substr(s, RSTART + RLENGTH)
			before = substr(call, index(call, "("))
			place[substr(call, 1, index(call, "(") - 1)] = \
				gsub(/,/, ",", before) + \
				(call ~ /\)$/ ? 1 : 0)
		}
	}

	# Argument n of the call whose arguments s begins with.
	function argument(s, n,    i, c, depth, quoted, out) {
		for (i = 1; i <= length(s); i++) {
			c = substr(s, i, 1)
			if (quoted && c == "\\") {
				out = out c
				c = substr(s, ++i, 1)
			} else if (c == "\"") {
				quoted = !quoted
			} else if (!quoted && (c == "(" || c == "[")) {
				depth++
			} else if (!quoted && (c == ")" || c == "]")) {
				if (depth-- == 0)
					break
			} else if (!quoted && c == "," && depth == 0) {
				if (--n == 0)
					break
				out = ""
				continue
			}
			out = out c
		}
		gsub(/[ \t\n]+/, " ", out)
		gsub(/^ | $/, "", out)
		return out
	}

	# Every literal in s; false when there is none.
	function literals(kind, s,    any) {
		while (match(s, /"[^"]*"/)) {
			print kind, substr(s, RSTART + 1, RLENGTH - 2)
			s = substr(s, RSTART + RLENGTH)
			any = 1
		}
		return any
	}

	function calls(file, name, n, kind,    s, at, arg) {
		s = text[file]
		while ((at = index(s, name "(")) > 0) {
			arg = substr(s, at - 1, 1)
			s = substr(s, at + length(name) + 1)
			if (at > 1 && arg ~ /[A-Za-z0-9_]/)
				continue
			arg = argument(s, n)
			if (arg ~ /const char/ || arg ~ /^(event|key)$/ ||
				arg ~ /^events\[/)
				continue
			if (!literals(kind, arg))
				print "unclear", file ": " arg
		}
	}

	# A table of events, by what became of something.
	function tables(s) {
		while (match(s, /char \*const events\[[^{]*{[^}]*}/)) {
			literals("event", substr(s, RSTART, RLENGTH))
			s = substr(s, RSTART + RLENGTH)
		}
	}

	{ text[FILENAME] = text[FILENAME] $0 "\n" }
	END {
		for (file in text) {
			text[file] = without_comments(text[file])
			learn(text[file])
		}
		for (file in text) {
			for (name in place)
				calls(file, name, place[name], "event")
			calls(file, "logline_str", 2, "field")
			calls(file, "logline_span", 2, "field")
			calls(file, "logline_i64", 2, "field")
			tables(text[file])
		}
	}' | sort -u >"$source"

# The first column of the two tables.
awk -F'`' '
	/^## / { kind = $0 == "## Events" ? "event" :
		$0 == "## Fields" ? "field" : "" }
	kind != "" && /^\| `/ { print kind, $2 }' doc/log.md | sort >"$doc"

if [ "${1-}" = --list ]; then
	cat "$source"
	exit
fi
fail() { # TEXT
	echo "FAILED $1"
	failed=$((failed + 1))
}
while read -r kind name; do
	if [ "$kind" = unclear ]; then
		fail "$name: the event cannot be read from the source"
	elif grep -qxF "$kind $name" "$doc"; then
		passed=$((passed + 1))
	else
		fail "doc/log.md lacks the $kind $name"
	fi
done <"$source"
while read -r kind name; do
	grep -qxF "$kind $name" "$source" ||
		fail "doc/log.md has the $kind $name, which the source has not"
done <"$doc"
for twice in $(uniq -d "$doc" | tr ' ' '-'); do
	fail "doc/log.md has $twice twice"
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
