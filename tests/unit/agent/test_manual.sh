#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual is complete and well-formed: every option, command, key and parameter is in it.
# Arguments: list_names, coloctl, the folder of the manual, and colo-hbd if it is built.
list_names=$1
coloctl=$2
man=$3
daemon=${4:-}
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

# need PAGE WORD...: the page names each word in a list item, a command or an option.
need() {
    page=$1
    shift
    for word in "$@"; do
        grep -q -E "^\.(It|Ic|Fl|Cm|Ar|Op|Nm|No|Oo).*(^|[ -])$(printf '%s' "$word" |
            sed 's/[.]/[.]/g')( |$)" "$man/$page" || fail "$page says nothing about $word"
    done
}

# shellcheck disable=SC2046
need ocf_colo_vm.7 $("$list_names")
# shellcheck disable=SC2046
need colo-hbd.conf.5 $("$list_names" conf)
# shellcheck disable=SC2046
need coloctl.8 $("$coloctl" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | sort -u)
# shellcheck disable=SC2046
need coloctl.8 $("$coloctl" --help | grep -o -e '--[a-z-]*' | sed 's/^--//' | sort -u)
if [ -n "$daemon" ]; then
    # shellcheck disable=SC2046
    need colo-hbd.8 $("$daemon" --help | grep -o -e '--[a-z-]*' | sed 's/^--//' | sort -u |
        grep -v '^usage$')
fi

# And the other way round: nothing in it that is not there any more.
for key in $(sed -n '/^\.Sh PARAMETERS/,/^\.Ss/s/^\.It Cm //p' "$man/ocf_colo_vm.7"); do
    "$list_names" | grep -q -x "$key" || fail "ocf_colo_vm.7: there is no parameter $key"
done
for key in $(sed -n 's/^\.It Cm //p' "$man/colo-hbd.conf.5"); do
    "$list_names" conf | grep -q -x "$key" || fail "colo-hbd.conf.5: there is no key $key"
done

if [ "$("$coloctl" --help | wc -l)" -gt 24 ]; then
    fail "coloctl --help does not fit a screen"
fi

if command -v mandoc >/dev/null 2>&1; then
    for page in "$man"/*.[0-9]; do
        # Pages that are not installed here are no mistake of ours.
        lint=$(mandoc -T lint "$page" 2>&1 |
            grep -v -e 'referenced manual not found' -e 'outdated mandoc.db')
        [ -z "$lint" ] || fail "$lint"
    done
else
    echo "mandoc is not here: the pages were not checked for form"
fi
[ "$failed" = 0 ] && echo "the manual is complete"
exit "$failed"
