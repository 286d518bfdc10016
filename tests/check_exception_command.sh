#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# `tierpost exception`: what it writes, refuses and lists, without a gateway.

program=${BUILDDIR:-.}/tierpost
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
export SUDO_USER=alice

note() {
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
	else
		echo "FAILED $2"
		cat "$dir/out" "$dir/err"
		failed=$((failed + 1))
	fi
}

# expect WHAT STATUS VERB ARGUMENT...: leaves out and err in $dir.
expect() {
	what=$1 want=$2 verb=$3
	shift 3
	"$program" exception "$verb" -c "$dir/tierpost.conf" "$@" \
		>"$dir/out" 2>"$dir/err"
	status=$?
	[ "$status" -eq "$want" ]
	note $? "$what: exit status $status, not $want"
}

# has FILE PATTERN
has() {
	grep -q -- "$2" "$dir/$1"
	note $? "$what: no line of $1 has $2"
}

# lacks FILE PATTERN
lacks() {
	! grep -q -- "$2" "$dir/$1"
	note $? "$what: a line of $1 has $2"
}

# add NAME OPTION...: with all that is mandatory but what it lowers.
add() {
	what=$1 want=$2
	shift 2
	expect "$what" "$want" add "$@" --domain old.example \
		--reason 'no STARTTLS' --approver sec@gw.example.org
}

cat >"$dir/tierpost.conf" <<EOC
hostname = "gw.example.org";
state-dir = "$dir/state";
user = "$(id -un)";
listen = ( { address = "127.0.0.1:2525"; allow = ["127.0.0.0/8"]; } );
rules = ( { name = "never"; domains = ["secret.example"]; require = "never-plaintext"; } );
EOC

add 'no folder' 1 old --allow plain --days 3
has err 'there is no folder for exceptions'
mkdir "$dir/exceptions.d"

# What is mandatory (INV-04).
expect 'no reason' 2 add x --domain a.example --allow plain \
	--approver me --days 3
has err '--reason: why'
expect 'no approver' 2 add x --domain a.example --allow plain \
	--reason why --days 3
has err '--approver: who'
expect 'no expiry' 2 add x --domain a.example --allow plain \
	--reason why --approver me
has err 'when does it end'
expect 'two expiries' 2 add x --domain a.example --allow plain \
	--reason why --approver me --days 3 --expires 2030-01-01
expect 'no domain' 2 add x --allow plain --reason why --approver me --days 3
expect 'nothing that it lowers' 2 add x --domain a.example \
	--reason why --approver me --days 3
has err '--waives or --allow'
add 'both ways' 2 x --allow plain --waives certificate --days 3
has err '--waives or --allow'
add 'a blank reason' 2 x --allow plain --days 3 --reason ' '
add 'no name' 2 --allow plain --days 3
add 'a name of no file' 2 ../x --allow plain --days 3
has err 'a name is of up to 64'
add 'a hidden name' 2 .x --allow plain --days 3
add 'longer than any' 2 x --allow plain --days 367
add 'no such option' 2 x --allow plain --days 3 --force yes
expect 'no verb' 2 frobnicate

# What the whole configuration says of it.
add 'longer than exception.max-days' 1 x --allow plain --days 91
has err 'exception.max-days'
has err 'nothing was written'
add 'no such level' 1 x --allow verify --days 3
add 'no such failure' 1 x --waives expired --days 3
has err '"tlsa-mismatch", "tlsa-lookup"'
add 'no budget' 1 x --allow plain --days 3 --budget 0
add 'all the world' 1 x --allow plain --days 3 --domain '*'
expect 'below never-plaintext' 1 add x --domain secret.example \
	--waives no-starttls --reason why --approver me --days 3
has err 'never'
[ -z "$(ls "$dir/exceptions.d")" ]
note $? 'something was written'

add 'one that allows' 0 old --allow plain --days 90 --ticket SEC-7
has out 'old.conf written'
has out 'no gateway runs'
add 'one that waives' 0 roll --waives tlsa-mismatch --waives certificate \
	--expires "$(date -u -d '+3 days' +%Y-%m-%dT%H:%M:%SZ)" --budget 500 \
	--mx mx.old.example
grep -q 'waives = ( "tlsa-mismatch", "certificate" );' \
	"$dir/exceptions.d/roll.conf"
note $? 'waives is not in the file'
[ "$(stat -c %a "$dir/exceptions.d/roll.conf")" = 640 ]
note $? 'the mode of the file is not 0640'
add 'the same name again' 1 old --allow plain --days 3
has err 'choose another'

expect 'list' 0 list
has out '^old .*active .*allows plain  used ?$'
has out '^roll .*expiring .*waives tlsa-mismatch certificate  used ?$'
has err 'how often each was used is not known'
expect 'list for programs' 0 list --json
has out '"waives": \['
has out '"budget": 500'
expect 'show' 0 show roll
has out '^waives  *tlsa-mismatch certificate$'
has out '^mx  *mx.old.example$'
lacks out '^allow '
expect 'show old' 0 show old
has out '^allow  *plain$'
has out '^ticket  *SEC-7$'
expect 'show none' 1 show nobody
expect 'check' 1 check
has out '^roll: it expires soon'
lacks out '^old'
expect 'check nearer' 0 check --within 1
has out 'nothing to do'

expect 'revoke without a reason' 2 revoke old
expect 'revoke' 0 revoke old --reason 'they have STARTTLS now'
has out '^old revoked, by alice'
expect 'what was revoked stays in the register' 0 show old
has out '^state  *revoked$'
has out '^revoked by  *alice$'
has out '^because  *they have STARTTLS now$'
expect 'revoke again' 1 revoke old --reason x
has err 'has ended already'
expect 'revoke none' 1 revoke nobody --reason x
expect 'nothing is said of what has ended' 1 check
lacks out '^old'

# A file that anybody may write lowers what is required.
chmod o+w "$dir/exceptions.d/roll.conf"
expect 'a file that others may write' 78 list
has err 'chmod o-w'
chmod o-w "$dir/exceptions.d/roll.conf"
echo 'x' >"$dir/exceptions.d/roll.conf.bak"
expect 'what is no exception' 78 list
has err 'this is no exception'

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
