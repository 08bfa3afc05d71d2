#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# check_symbols.sh LIBRARY: the core needs nothing but memcpy and memset, besides what the
# compiler's own checks bring in (stack protector, sanitizers, coverage).
set -eu
library=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm --defined-only --extern-only "$library" | awk 'NF == 3 { print $3 }' | sort -u > "$work/defined"
nm --undefined-only "$library" | awk 'NF == 2 { print $2 }' | sort -u > "$work/needed"
allowed='^(memcpy|memset|__memcpy_chk|__memset_chk|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_'
allowed="$allowed|__(asan|ubsan|tsan|sanitizer|gcov|llvm|start___sancov|stop___sancov)_.*)\$"

[ -s "$work/defined" ] || { echo "no symbols in $library" >&2; exit 1; }
if comm -13 "$work/defined" "$work/needed" | grep -Ev "$allowed"; then
    echo "the core needs more than it may" >&2
    exit 1
fi
echo "$(wc -l < "$work/defined") symbols, none from outside"
