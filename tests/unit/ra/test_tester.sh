#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# ocf-tester on the agent, with the real coloctl and a daemon that is played. Arguments: the agent,
# coloctl, the folder of this file. Skipped (77) without ocf-tester.
agent=$1
coloctl=$2
here=$3

tester=$(PATH="$PATH:/usr/sbin" command -v ocf-tester) || exit 77
tmp=$(mktemp -d /tmp/chb-ra.XXXXXX) || exit 1
trap 'kill "$daemon" 2>/dev/null; rm -rf "$tmp"' EXIT
# As user nobody, ocf-tester reads the meta-data.
chmod 755 "$tmp"
cp "$agent" "$tmp/vm"
chmod 755 "$tmp/vm"

export COLO_HBD_SOCKET="$tmp/control.sock" COLO_COLOCTL="$coloctl" HA_LOGFACILITY=none
/usr/bin/python3 "$here/fake_daemon.py" "$COLO_HBD_SOCKET" &
daemon=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -e "$COLO_HBD_SOCKET" ] && break
    sleep 0.2
done

# Only what is on every host: start looks for what its parameters name.
"$tester" -v -n web -o "disks=$tmp/web.qcow2" -o qemu=/bin/sh -o memory=512M "$tmp/vm" \
    >"$tmp/out" 2>&1
rc=$?
# rc=N lines are findings; the tester counts some of them and passes others over.
grep -e '^\* rc=' -e 'passed all' -e 'failed' -e 'warning' "$tmp/out"
if [ "$rc" != 0 ] || grep -q -e '^\* rc=' "$tmp/out"; then
    cat "$tmp/out"
    exit 1
fi
