#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# `tierpost check-config`: what it prints where, its exit status, and that
# the example is without mistakes, also with all that it has in comments.

here=$(cd "$(dirname "$0")" && pwd) || exit 1
program=${BUILDDIR:-.}/tierpost
example=$here/../doc/tierpost.conf.example
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

# expect WHAT STATUS ARGUMENT...: leaves out and err in $dir.
expect() {
	what=$1 want=$2
	shift 2
	"$program" check-config "$@" >"$dir/out" 2>"$dir/err"
	status=$?
	if [ "$status" -eq "$want" ]; then
		passed=$((passed + 1))
	else
		echo "FAILED $what: exit status $status, not $want"
		cat "$dir/out" "$dir/err"
		failed=$((failed + 1))
	fi
}

# has FILE PATTERN
has() {
	if grep -q -- "$2" "$dir/$1"; then
		passed=$((passed + 1))
	else
		echo "FAILED $what: no line of $1 has $2"
		cat "$dir/$1"
		failed=$((failed + 1))
	fi
}

is_empty() {
	if [ ! -s "$dir/$1" ]; then
		passed=$((passed + 1))
	else
		echo "FAILED $what: $1 is not empty"
		cat "$dir/$1"
		failed=$((failed + 1))
	fi
}

expect 'the example' 0 -c "$example"
is_empty err
has out ': no mistakes$'
has out '^gw.example.org, 2 listeners, 4 rules, 0 exceptions$'
digest=$(grep '^digest ' "$dir/out")

expect 'the effective configuration' 0 -c "$example" --effective
cp "$dir/out" "$dir/effective.conf"
expect 'reading it again' 0 -c "$dir/effective.conf"
has out "^$digest\$"

# A comment that is configuration begins in the first column, and has "=" or
# is a part of such a block; the others are sentences.
soon=$(date -u -d '+30 days' +%F)
sed -e '/^# tls = {/,/^# };/s/^# \{0,1\}//' \
	-e '/^# own-domains = {/,/^# };/s/^# \{0,1\}//' \
	-e '/^# exceptions = (/,/^# );/s/^# \{0,1\}//' \
	-e '/^# routes = (/,/^# );/s/^# \{0,1\}//' \
	-e '/^# destinations = (/,/^# );/s/^# \{0,1\}//' \
	-e '/^# socketmap = (/,/^# );/s/^# \{0,1\}//' \
	-e '/^# tlsrpt = {/,/^# };/s/^# \{0,1\}//' \
	-e "s/2027-03-31/$soon/" "$example" >"$dir/all.conf"
sed -i -e '/^#	/s/^#//' "$dir/all.conf"
expect 'the example with its comments' 0 -c "$dir/all.conf"
has out "1 exception (the next ends ${soon}T00:00:00Z)\$"
expect 'the same in JSON' 0 -c "$dir/all.conf" --json
is_empty err
has out '"ok": true'
has out "\"next-expiry\": \"${soon}T00:00:00Z\""

cat >"$dir/warned.conf" <<'EOF'
hostname = "gw.example.org";
profile = "regulated";
listen = ( { address = "127.0.0.1:2525"; allow = [ "127.0.0.0/8" ]; } );
rules = ( { name = "staff"; accounts = [ "*" ]; require = "dane-only"; } );
EOF
expect 'a rule that can never apply' 0 -c "$dir/warned.conf"
has err '^warning: .*/warned.conf:4: rule "staff": it can never apply: '
has out ': no mistakes$'
expect 'the same in JSON' 0 -c "$dir/warned.conf" --json
is_empty err
has out '"warning-count": 1'
has out '/warned.conf:4: rule '
expect 'where values come from' 0 -c "$dir/warned.conf" --effective
has out '^profile = "regulated"; # .*/warned.conf:2$'
has out 'floor = "verify"; # profile$'
has out 'port = 25; # default$'

printf 'hostname = "gw";\nworker = 1;\n' >"$dir/bad.conf"
expect 'mistakes' 78 -c "$dir/bad.conf"
is_empty out
has err '/bad.conf: listen is missing'
has err '/bad.conf:1: hostname: '
has err '/bad.conf:2: worker: .*workers'
expect 'mistakes in JSON' 78 -c "$dir/bad.conf" --json
is_empty err
has out '"ok": false'
has out '"mistake-count": 3'
has out '/bad.conf:2: worker: '

expect 'a missing file' 78 -c "$dir/none.conf"
has err '/none.conf: cannot be read: No such file or directory$'

expect 'an unknown argument' 2 --what
has err '^usage: tierpost check-config'
expect '-c without a file' 2 -c
expect 'two forms at once' 2 -c "$example" --json --effective

expect 'the options' 0 --options
has out '^smtp.port$'
has out '^resolver.option$'

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
