#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# An include points down and is written from the root; functions that the
# house style bans are absent.  Prints file:line of each breach and fails.

cd "$(dirname "$0")/.." || exit 1

folders='util smtp dane mtasts policy net spool report gateway'
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

# shellcheck disable=SC2086 # a list of folders
files() {
	find $folders -name '*.[ch]' -o -name '*.def'
}

# Folders of one rank do not include each other.
# shellcheck disable=SC2016 # awk has dollars of its own
files | sort | xargs awk '
	BEGIN {
		rank["util"] = 1
		rank["smtp"] = rank["dane"] = rank["mtasts"] = 2
		rank["policy"] = 3
		rank["net"] = rank["spool"] = rank["report"] = 4
		rank["gateway"] = 5
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split(FILENAME, at, "/")
		split($0, quoted, "\"")
		name = quoted[2]
		n = split(name, to, "/")
		if (n < 2 || !(to[1] in rank))
			why = "is not written from the root"
		else if (to[1] != at[1] && rank[to[1]] >= rank[at[1]])
			why = "does not point down from " at[1] "/"
		else
			next
		printf "%s:%d: include \"%s\" %s\n", FILENAME, FNR, name, why
	}' >"$out"

ban() { # WHY PATTERN FILE...
	why=$1 pattern=$2
	shift 2
	grep -nHE "$pattern" "$@" |
		sed -E "s/^([^:]+:[0-9]+):[[:space:]]*(.*)/\1: $why: \2/" >>"$out"
}

word='(^|[^A-Za-z0-9_])'
all=$(files | sort)
outside_util=$(printf '%s\n' "$all" | grep -v '^util/')

# shellcheck disable=SC2086 # a list of files
{
	ban 'unbounded or locale-bound' \
		"$word(strcpy|strcat|strncpy|strncat|stpcpy|sprintf|vsprintf|strtok|strtok_r|sscanf|vsscanf|gets|atoi|atol|atoll|atof)\\(" \
		$all
	ban 'shared buffer or locale' \
		"$word(gmtime|localtime|gmtime_r|localtime_r|ctime|asctime|strftime|mktime|strerror|strerror_r|inet_ntoa|setlocale)\\(" \
		$all
	ban 'runs a shell' "$word(system|popen)\\(" $all
	ban 'stack of unknown size' "$word(alloca|setjmp|longjmp)\\(" $all
	ban 'ctype' '#[[:space:]]*include[[:space:]]*<ctype\.h>' $all
	ban 'numbers are read by span_u32 and span_u64' \
		"${word}strto(l|ul|ll|ull|d|f|ld|imax|umax)\\(" $outside_util
	ban 'name lookups are the advisor'"'"'s, by libunbound' \
		"$word(getaddrinfo|gethostbyname|getnameinfo|res_query)\\(" $all
}

cat "$out"
[ ! -s "$out" ]
