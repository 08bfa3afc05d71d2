/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Pacemaker tells this node: the CIB's records of a VM, cluster properties, fence devices; and
 * the one change that we make to a resource. All asynchronous, each by one run of a Pacemaker tool.
 *
 * The functions are one-shot. `done` is called once, from the event loop, unless the call itself
 * failed; what it gets is valid during the call. Outcome UNKNOWN means no answer in time.
 */
#ifndef CHB_PACEMAKER_CLUSTER_H
#define CHB_PACEMAKER_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/outcome.h>
#include <agent/core/time.h>
#include <agent/pacemaker/attributes.h>
#include <agent/pacemaker/tool.h>

#define CHB_CLUSTER_NODES_MAX 64
#define CHB_CLUSTER_NODE_MAX 256 /* a node's name, with the final NUL */
#define CHB_CLUSTER_DEVICES_MAX 32

/* One node's record of a VM, as the CIB has it. */
struct chb_cib_record {
    char node[CHB_CLUSTER_NODE_MAX];
    char text[CHB_ATTRIBUTE_VALUE_MAX];
};

struct chb_cib_records {
    enum chb_outcome outcome; /* DONE: read; then an absent node has no record */
    size_t count;
    struct chb_cib_record records[CHB_CLUSTER_NODES_MAX];
    char text[256]; /* why not DONE */
};

typedef void (*chb_cib_records_done)(void *userdata, const struct chb_cib_records *records);

/*
 * Reads all nodes' records of a VM (what chb_attributes_set_record() wrote) from the local CIB.
 * Whether that CIB is the cluster's newest is for the caller to know: ask with quorum.
 * vm: as for chb_attributes_set_record(). timeout: 10 s is fair. Errors: as chb_tools_run().
 */
int chb_cluster_read_records(struct chb_tools *tools, const char *vm, chb_span timeout,
                             chb_cib_records_done done, void *userdata);

/* Cluster properties that matter to fencing. Those not set have Pacemaker's defaults. */
struct chb_cluster_properties {
    enum chb_outcome outcome;  /* the others are valid only if DONE */
    bool stonith_enabled;      /* default true */
    char stonith_action[16];   /* "reboot" (default) or "off"; "poweroff" is given as "off" */
    bool have_watchdog;        /* default false */
    bool maintenance_mode;     /* default false */
    chb_span stonith_timeout;  /* default 60 s */
    chb_span watchdog_timeout; /* stonith-watchdog-timeout; 0 if not set; -1 ns: automatic */
    char cluster_name[64];     /* empty if not set */
    char text[256];            /* why not DONE */
};

typedef void (*chb_cluster_properties_done)(void *userdata,
                                            const struct chb_cluster_properties *properties);

/* Reads the cluster properties from the local CIB. Errors: as chb_tools_run(). */
int chb_cluster_read_properties(struct chb_tools *tools, chb_span timeout,
                                chb_cluster_properties_done done, void *userdata);

/* Which fence devices say that they can fence a node. */
struct chb_fence_devices {
    enum chb_outcome outcome; /* DONE: the fencer answered; count 0 then means "none" */
    size_t count;
    char names[CHB_CLUSTER_DEVICES_MAX][CHB_ATTRIBUTE_NAME_MAX];
    char node[CHB_CLUSTER_NODE_MAX];
    char text[256];
};

typedef void (*chb_fence_devices_done)(void *userdata, const struct chb_fence_devices *devices);

/*
 * Asks the local fencer which devices can fence a node (stonith_admin --list). A device that has to
 * look the node up asks its hardware first, so this may take many seconds. Errors: as
 * chb_tools_run(), and -EINVAL for a bad node name.
 */
int chb_cluster_read_devices(struct chb_tools *tools, const char *node, chb_span timeout,
                             chb_fence_devices_done done, void *userdata);

/*
 * Sets a meta attribute of a resource, for example target-role to Stopped after the guest was shut
 * down from inside. resource: the clone's or the primitive's name. done: as for chb_tools_run().
 * Errors: -EINVAL for a bad name or value, and those of chb_tools_run().
 */
int chb_cluster_set_meta(struct chb_tools *tools, const char *resource, const char *name,
                         const char *value, chb_span timeout, chb_tool_done done, void *userdata);

#endif
