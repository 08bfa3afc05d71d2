#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# compare.sh PROGRAM PAGE: fails, and shows the difference, when PAGE is not what PROGRAM prints.
set -eu
printed=$(mktemp)
trap 'rm -f "$printed"' EXIT
"$1" >"$printed"
if ! diff -u "$2" "$printed"; then
    echo "compare.sh: $2 is out of date; bring it up to date with: $1 > $2" >&2
    exit 1
fi
