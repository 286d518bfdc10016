#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# man/tierpost.conf.5 is what its source and the program's table of options
# give, and the example configuration has no mistakes.
#
#   check_man.sh [--write]      --write makes the page anew

cd "$(dirname "$0")/.." || exit 1
program=${BUILDDIR:-.}/tierpost
passed=0 failed=0
page=$(mktemp) options=$(mktemp) || exit 1
trap 'rm -f "$page" "$options"' EXIT

"$program" check-config --options=man >"$options" || exit 1
sed -e "/^@OPTIONS@\$/{r $options" -e 'd}' man/tierpost.conf.5.in >"$page"
if [ "${1-}" = --write ]; then
	cp "$page" man/tierpost.conf.5
	exit
fi
if cmp -s "$page" man/tierpost.conf.5; then
	passed=$((passed + 1))
else
	echo "FAILED man/tierpost.conf.5 is not what the options give:" \
		"run tests/check_man.sh --write"
	failed=$((failed + 1))
fi
if "$program" check-config -c doc/tierpost.conf.example >/dev/null; then
	passed=$((passed + 1))
else
	echo "FAILED doc/tierpost.conf.example"
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
