/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * corosync's nodelist may hold host names (pcs writes them by default), and QEMU is to be given
 * addresses. Names are looked up by getent(1), outside of the loop: a resolver may hang for a
 * minute. What was found once stays until something else is found.
 */
#ifndef CHB_SHELL_RESOLVE_H
#define CHB_SHELL_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include <agent/core/limits.h>
#include <heartbeat/topology.h>

#define CHB_RESOLVE_MAX (CHB_NODES_MAX * CHB_LINKS_MAX)
#define CHB_RESOLVE_ADDRESS_SIZE 64

struct chb_daemon;

struct chb_resolved {
    char name[CHB_HOST_TEXT_MAX];
    char address[CHB_RESOLVE_ADDRESS_SIZE]; /* numeric; empty: not found (yet) */
    bool asking;
    struct chb_daemon *daemon;
};

struct chb_resolver {
    uint32_t count;
    struct chb_resolved list[CHB_RESOLVE_MAX];
};

/* Looks up every name of the nodelist. @again: those that are known as well. */
void chb_resolve_all(struct chb_daemon *daemon, bool again);

/* The numeric address of what the nodelist says: itself, or what was found; NULL: not known. */
const char *chb_resolve(const struct chb_daemon *daemon, const char *text);

/* The first numeric address in the output of `getent ahosts`: each line begins with one. Pure.
 * Returns 0, -ENOENT; @ret_address is untouched on failure. */
int chb_resolve_parse(const char *output, char ret_address[static CHB_RESOLVE_ADDRESS_SIZE]);

#endif
