#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The agent's meta-data: valid by every schema that is here, and it has exactly the parameters that
# the parser knows. Arguments: the agent, list_names.
agent=$1
list_names=$2
failed=0

tmp=$(mktemp -d /tmp/chb-ra.XXXXXX) || exit 1
trap 'rm -rf "$tmp"' EXIT

fail() {
    echo "FAIL: $*"
    failed=1
}

"$agent" meta-data >"$tmp/full.xml" || fail "meta-data failed"
grep -v '^<!DOCTYPE' "$tmp/full.xml" >"$tmp/plain.xml"

if command -v xmllint >/dev/null 2>&1; then
    for schema in /usr/share/resource-agents/metadata.rng /usr/share/pcs/data/ocf-1.1.rng \
        /usr/share/resource-agents/ra-api-1.rng; do
        [ -e "$schema" ] || continue
        xmllint --noout --relaxng "$schema" "$tmp/plain.xml" 2>"$tmp/err" ||
            fail "$schema: $(cat "$tmp/err")"
    done
    if [ -e /usr/share/resource-agents/ra-api-1.dtd ]; then
        (cd /usr/share/resource-agents && xmllint --noout --valid - <"$tmp/full.xml") ||
            fail "ra-api-1.dtd"
    fi
else
    echo "xmllint is not here: the meta-data was not validated"
fi

sed -n 's/^<parameter name="\([^"]*\)".*/\1/p' "$tmp/full.xml" >"$tmp/described"
"$list_names" >"$tmp/known"
diff "$tmp/known" "$tmp/described" ||
    fail "parameters of the parser (<) and the meta-data (>) differ"

# What pcs copies: two monitors with roles and different intervals; and what makes pcs reject us.
[ "$(grep -c '<action name="monitor"' "$tmp/full.xml")" = 2 ] || fail "two monitors are needed"
intervals=$(sed -n 's/.*name="monitor".*interval="\([^"]*\)".*/\1/p' "$tmp/full.xml" |
    sort -u | wc -l)
[ "$intervals" = 2 ] || fail "the monitors must have different intervals"
for role in Promoted Unpromoted; do
    grep -q "name=\"monitor\".*role=\"$role\"" "$tmp/full.xml" || fail "no monitor for $role"
done
grep -q 'on-fail' "$tmp/full.xml" && fail "pcs rejects an agent with on-fail in its meta-data"
for action in start stop promote demote monitor meta-data validate-all; do
    grep -q "<action name=\"$action\" timeout=" "$tmp/full.xml" || fail "no action $action"
done
grep -q 'name="notify"' "$tmp/full.xml" && fail "notify is not needed"

if command -v shellcheck >/dev/null 2>&1; then
    shellcheck "$agent" || fail shellcheck
fi
if command -v dash >/dev/null 2>&1; then
    dash -n "$agent" || fail "no POSIX shell script"
fi
[ "$failed" = 0 ] && echo "the meta-data is right"
exit "$failed"
