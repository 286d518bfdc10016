#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The built program is hardened: what the ELF file itself shows.
#
#   check_hardening.sh [PROGRAM]      default: $BUILDDIR/tierpost

program=${1:-${BUILDDIR:-.}/tierpost}
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); }
fail() {
	echo "FAILED $1"
	failed=$((failed + 1))
}
skip() {
	echo "skipped: $1"
	skipped=$((skipped + 1))
}

# has WHAT PATTERN TEXT
has() {
	if printf '%s\n' "$3" | grep -qE "$2"; then
		pass
	else
		fail "$1"
	fi
}

if ! command -v readelf >/dev/null; then
	skip 'readelf is missing: apt-get install binutils'
	echo "$passed passed, $failed failed, $skipped skipped"
	exit 0
fi
header=$(readelf -hW "$program") || fail "cannot read $program"
segments=$(readelf -lW "$program")
dynamic=$(readelf -dW "$program")
symbols=$(readelf --dyn-syms -W "$program")

has 'position-independent executable' 'Type:[[:space:]]+DYN' "$header"
has 'PIE flag' '\(FLAGS_1\).*PIE' "$dynamic"
has 'RELRO segment' 'GNU_RELRO' "$segments"
has 'BIND_NOW' '\(FLAGS.*NOW' "$dynamic"
has 'stack that cannot be executed' 'GNU_STACK.* RW ' "$segments"
if printf '%s\n' "$segments" | grep -qE '^  LOAD.* RWE '; then
	fail 'a segment is writable and executable'
else
	pass
fi
if printf '%s\n' "$dynamic" | grep -qE '\((RPATH|RUNPATH|TEXTREL)\)'; then
	fail 'RPATH, RUNPATH or text relocations'
else
	pass
fi
has 'stack protector' '__stack_chk_fail' "$symbols"

sanitized=no
if { nm "$program" 2>/dev/null; printf '%s\n' "$symbols"; } |
	grep -q '__asan_init'; then
	sanitized=yes
fi

# Debian's own start-up objects lack the mark, so it is sought in ours.
archive=$(dirname "$program")/libtierpost.a
if [ "$(uname -m)" != x86_64 ]; then
	skip 'control-flow protection: x86-64 only'
elif [ ! -f "$archive" ]; then
	skip "control-flow protection: no $archive"
else
	objects=$(readelf -nW "$archive" | grep -c '^File: ')
	marked=$(readelf -nW "$archive" | grep -c 'IBT, SHSTK')
	has 'indirect branches and shadow stack' "^$objects\$" "$marked"
fi

if [ "$sanitized" = yes ]; then
	skip 'FORTIFY: the build has sanitizers in its place'
elif nm "$program" 2>/dev/null | grep -q '__gcov'; then
	skip 'FORTIFY: the coverage build is not optimised'
else
	has 'FORTIFY' '__[a-z]+_chk(@|$)' \
		"$(printf '%s\n' "$symbols" | grep -v __stack_chk)"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
