#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Alert agent for Pacemaker: sends on what becomes of the VMs that colo-hbd protects. It is called
# once for each event of the cluster, as the user hacluster, and with the event in its environment
# (Pacemaker Explained, "Alerts"). See ocf_colo_vm(7).
#
# The agents of all VMs tell Pacemaker in a node attribute, named as the VM, what they are doing.
set -u

say() {
    echo "colo_alert.sh: $*" >&2
}

# matters VALUE: how urgent it is, in syslog's words; nothing if it is not worth a message. A
# secondary's and a spare's tell what the primary's tells, too, and progress is for status.
matters() {
    case $1 in
    *"filling "*) ;;
    holding:* | waiting:*) echo err ;;
    *" broken, "* | "going solo, "* | "solo by "* | "solo without "*) echo warning ;;
    "solo, "*) echo warning ;;
    "primary, in sync "*) echo notice ;;
    "off: "*) echo notice ;;
    esac
}

# wanted VM: the option vms names those that this alert is for; all of them if it is empty.
wanted() {
    [ -n "${vms:-}" ] || return 0
    case " $vms " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

deliver() {
    level=$1
    line=$2
    recipient=${CRM_alert_recipient:-syslog}
    case $recipient in
    syslog)
        logger -t colo-alert -p "daemon.$level" -- "$line"
        ;;
    exec:/*)
        "${recipient#exec:}" "$level" "$line"
        ;;
    /*)
        printf '%s %s %s\n' "${CRM_alert_timestamp:-$(date '+%F %T')}" "$level" "$line" \
            >>"$recipient"
        ;;
    *)
        say "recipient \"$recipient\": write syslog, /a/file, or exec:/a/command"
        return 1
        ;;
    esac
}

[ "${CRM_alert_kind:-}" = attribute ] || exit 0
vm=${CRM_alert_attribute_name:-}
value=${CRM_alert_attribute_value:-}
wanted "$vm" || exit 0
level=$(matters "$value")
[ -n "$level" ] || exit 0
deliver "$level" "$vm on ${CRM_alert_node:-?}: $value" || {
    say "\"$vm on ${CRM_alert_node:-?}: $value\" was not delivered"
    exit 1
}
