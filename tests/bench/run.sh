#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh BUILD [OPTIONS] - the benchmark; BUILD is where `make bench` built.
# Debian's own Python, because dnspython and cryptography are its packages.

exec /usr/bin/python3 "$(dirname "$0")/run.py" "$@"
