#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The alert agent, called as Pacemaker calls it. Argument: the agent.
agent=$1
failed=0

tmp=$(mktemp -d /tmp/chb-alert.XXXXXX) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin"
printf '#!/bin/sh\nprintf "<%%s>" "$@" >%s/logged\n' "$tmp" >"$tmp/bin/logger"
printf '#!/bin/sh\nprintf "<%%s>" "$@" >%s/told\n' "$tmp" >"$tmp/command"
chmod 755 "$tmp/bin/logger" "$tmp/command"
PATH="$tmp/bin:$PATH"

fail() {
    echo "FAIL: $*"
    failed=1
}

expect() {
    [ "$2" = "$3" ] || fail "$1: expected \"$3\", got \"$2\""
}

# alert RECIPIENT VALUE [NAME [VMS]]: leaves rc and err.
alert() {
    err=$(CRM_alert_kind=attribute CRM_alert_node=n2 CRM_alert_timestamp=NOW \
        CRM_alert_recipient=$1 CRM_alert_attribute_value=$2 \
        CRM_alert_attribute_name=${3:-web} vms=${4:-} "$agent" 2>&1)
    rc=$?
}

# line VALUE: what a file is told of it.
line() {
    rm -f "$tmp/file"
    alert "$tmp/file" "$1"
    expect "$1: exit code" "$rc" 0
    cat "$tmp/file" 2>/dev/null
}

for words in "err holding: n1 is lost, waiting for its fence" \
    "err waiting: the record of n1 is needed" \
    "warning going solo, peer n1 lost" \
    "warning solo, generation 8" \
    "warning solo by the operator's word, generation 8, no peer: n1 is not in the cluster" \
    "warning primary, replication with n1 broken, generation 7" \
    "notice primary, in sync with n1, generation 7" \
    "notice off: the guest switched itself off"; do
    expect "line" "$(line "${words#* }")" "NOW ${words%% *} web on n2: ${words#* }"
done

# Each of these would be one of many, or is told from the other side.
for words in "" "solo, generation 8, filling n1: 43 %" "solo, generation 8, filling n1" "filling 43 %, from n2" \
    "secondary, in sync with n2, generation 7" "spare, no copy here" "stopped" 10000 -INFINITY; do
    expect "line for \"$words\"" "$(line "$words")" ""
done

alert syslog "solo, generation 8"
expect "logger" "$(cat "$tmp/logged")" "<-t><colo-alert><-p><daemon.warning><--><web on n2: solo, generation 8>"
alert "exec:$tmp/command" "solo, generation 8"
expect "command" "$(cat "$tmp/told")" "<warning><web on n2: solo, generation 8>"

rm -f "$tmp/file"
alert "$tmp/file" "solo, generation 8" mail "web db"
[ -e "$tmp/file" ] && fail "a VM that is not in vms"
alert "$tmp/file" "solo, generation 8" db "web db"
[ -e "$tmp/file" ] || fail "a VM that is in vms"

# What cannot be delivered is said: Pacemaker logs it.
alert "$tmp/nowhere/file" "solo, generation 8"
expect "no such folder: exit code" "$rc" 1
case $err in
*"was not delivered"*) ;;
*) fail "no such folder: \"$err\"" ;;
esac
alert mail@host "solo, generation 8"
expect "no such kind: exit code" "$rc" 1

err=$(CRM_alert_kind=node CRM_alert_recipient=$tmp/other "$agent" 2>&1) || fail "another kind"
[ -e "$tmp/other" ] && fail "another kind has made a line"
exit $failed
