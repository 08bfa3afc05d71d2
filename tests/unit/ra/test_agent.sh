#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The resource agent with a coloctl that plays parts. Arguments: the agent, the folder of this file.
agent=$1
here=$2
failed=0

tmp=$(mktemp -d /tmp/chb-ra.XXXXXX) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin"
cp "$here/fake_coloctl" "$tmp/bin/coloctl"
chmod 755 "$tmp/bin/coloctl"

export OCF_ROOT="${OCF_ROOT:-/usr/lib/ocf}" HA_LOGFACILITY=none HA_RSCTMP="$tmp"
export FAKE_CALLS="$tmp/calls" FAKE_TEXT FAKE_RC COLO_COLOCTL="$tmp/bin/coloctl"
export COLO_RUNTIME_DIR="$tmp/run"
export OCF_RESOURCE_INSTANCE OCF_RESKEY_disks OCF_RESKEY_name OCF_CHECK_LEVEL
export OCF_RESKEY_CRM_meta_interval=10000 __OCF_ACTION

fail() {
    echo "FAIL: $*"
    failed=1
}

# run ACTION: leaves rc, out (standard output), err (standard error) and calls.
run() {
    : >"$FAKE_CALLS"
    __OCF_ACTION=$1
    out=$("$agent" "$1" 2>"$tmp/err")
    rc=$?
    err=$(cat "$tmp/err")
    calls=$(cat "$FAKE_CALLS")
}

expect() {
    [ "$2" = "$3" ] || fail "$1: expected \"$3\", got \"$2\""
}

contains() {
    case "$2" in
    *"$3"*) ;;
    *) fail "$1: \"$2\" does not contain \"$3\"" ;;
    esac
}

OCF_RESOURCE_INSTANCE=web:1
OCF_RESKEY_disks="'/a b.raw,format=raw' \"/c\" \$HOME *"

# Each action is one call; blanks, quotes and dollars arrive as they are; the name has no ":1".
for action in start stop promote demote monitor; do
    run "$action"
    expect "$action rc" "$rc" 0
    expect "$action out" "$out" ""
    expect "$action calls" "$calls" \
        "<vm><$action><--resource><web><--><web> disks=<$OCF_RESKEY_disks>"
done
run validate-all
contains validate "$calls" "<vm><validate><--resource><web><--><web>"
OCF_CHECK_LEVEL=10
run validate-all
contains "validate of the host" "$calls" "<validate><--resource><web><--host><--><web>"
OCF_CHECK_LEVEL=0

# A probe asks for the truth.
OCF_RESKEY_CRM_meta_interval=0
run monitor
contains probe "$calls" "<--probe>"
OCF_RESKEY_CRM_meta_interval=10000

OCF_RESKEY_name=other
run start
contains name "$calls" "<--resource><web><--><other>"
unset OCF_RESKEY_name

# Exit codes pass unchanged; the text becomes the exit reason of a failure, and of nothing else.
FAKE_TEXT='n1 has a newer copy: start the VM on n1'
for FAKE_RC in 1 2 5 6 9; do
    run promote
    expect "rc $FAKE_RC" "$rc" "$FAKE_RC"
    contains "reason of $FAKE_RC" "$err" "ocf-exit-reason:$FAKE_TEXT"
done
for FAKE_RC in 0 7 8; do
    run monitor
    expect "rc $FAKE_RC" "$rc" "$FAKE_RC"
    case "$err" in
    *ocf-exit-reason*) fail "$FAKE_RC is no failure, and has an exit reason" ;;
    esac
done
FAKE_RC=
FAKE_TEXT=

# Without coloctl nothing of ours can run: probes and stops are fine, a start says what is missing.
COLO_COLOCTL=$tmp/nowhere/coloctl
run start
expect "start without coloctl" "$rc" 5
contains "start without coloctl" "$err" "install the package"
run stop
expect "stop without coloctl" "$rc" 0
OCF_RESKEY_CRM_meta_interval=0
run monitor
expect "probe without coloctl" "$rc" 7
OCF_RESKEY_CRM_meta_interval=10000
# ... unless a daemon left a note that the VM runs: then nobody may say that it does not.
mkdir -p "$tmp/run/vm/web"
: >"$tmp/run/vm/web/runtime.json"
run stop
expect "stop of a VM that is left" "$rc" 5
OCF_RESKEY_CRM_meta_interval=0
run monitor
expect "probe of a VM that is left" "$rc" 5
OCF_RESKEY_CRM_meta_interval=10000
COLO_COLOCTL=$tmp/bin/coloctl

# A coloctl that is killed, with or without a word, is a plain failure.
FAKE_RC=137
run monitor
expect "killed" "$rc" 1
contains "killed" "$err" "ended with status 137"
FAKE_TEXT="last words"
run monitor
expect "killed" "$rc" 1
contains "killed" "$err" "last words"
FAKE_RC=
FAKE_TEXT=

run nonsense
expect "unknown action" "$rc" 3
run notify
expect "notify" "$rc" 3
run usage
expect "usage" "$rc" 0
run meta-data
expect "meta-data" "$rc" 0
expect "meta-data calls nobody" "$calls" ""
OCF_RESOURCE_INSTANCE=
run start
expect "no instance" "$rc" 2

[ "$failed" = 0 ] && echo "the agent behaves"
exit "$failed"
