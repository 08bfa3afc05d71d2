/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel knows of a process's TCP connections to one host. When a cable breaks silently
 * QEMU goes on as if nothing had happened and is told nothing; but whatever it sends, the other
 * host's kernel does not acknowledge. A QEMU that hangs or has much to do does not look like that:
 * its kernel acknowledges for it.
 */
#ifndef CHB_PROCESS_FLOWS_H
#define CHB_PROCESS_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <agent/core/time.h>

#define CHB_FLOWS_MAX 48 /* of one QEMU: two for each NIC and for each disk, and the migration */

/* What of a connection is outstanding. */
struct chb_flow_state {
    uint64_t acknowledged;   /* bytes, ever */
    uint32_t outstanding;    /* segments */
    uint32_t retransmission; /* how often in a row the oldest was sent again, by time-out */
};

struct chb_flow {
    int family;
    uint8_t local[16]; /* addresses and ports in network order */
    uint8_t remote[16];
    uint16_t local_port;
    uint16_t remote_port;
    chb_time stuck_since; /* nothing was acknowledged since, though something is outstanding */
    unsigned in_vain;     /* how often since it was sent again while the host was heard otherwise */
    uint64_t acknowledged;
    uint32_t retransmission;
};

/*
 * Finds the established connections of process @pid to the numeric address @remote.
 * @ret_flows: room for @max. Returns how many; -EINVAL: no address; errors of /proc and of
 * NETLINK_SOCK_DIAG (-ENOENT: the kernel cannot tell).
 */
int chb_flows_find(pid_t pid, const char *remote, struct chb_flow *ret_flows, size_t max);

/* How @flow is now. Returns 0; -ENOENT: it is gone; errors of NETLINK_SOCK_DIAG. */
int chb_flow_read(const struct chb_flow *flow, struct chb_flow_state *ret_state);

/*
 * Takes note of @state and says how long @flow has been stuck; zero if it is not, or if it may be
 * something else: one lost frame, or a host that nothing at all is heard of, which is not for this
 * to judge. So it must have been sent again twice, at moments when the host was @heard in other
 * ways. Pure.
 */
chb_span chb_flow_stuck(struct chb_flow *flow, const struct chb_flow_state *state, bool heard,
                        chb_time now);

/* For how long @flow has waited for an acknowledgement, as last noted; zero if it does not. Pure.
 */
chb_span chb_flow_waited(const struct chb_flow *flow, chb_time now);

#endif
