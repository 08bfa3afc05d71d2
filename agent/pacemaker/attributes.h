/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this node tells Pacemaker: node attributes, promotion scores and the cluster's copy of each
 * VM's record. All are written with Pacemaker's own tools, because those speak to any version of
 * Pacemaker: 10 ms a write, asynchronous.
 *
 * Each is a *value* that Pacemaker should have, not a message: setting one again before it was
 * written replaces it, one write of a name is under way at a time, and a write that failed or whose
 * end is unknown is repeated, with backoff from 200 ms up to 10 s, until it works or is replaced.
 * So after the attribute daemon was away the newest value arrives, and only that. After a write of
 * unknown end the value is written once more 3 s after its success, because the one that was given
 * up may arrive late.
 *
 * Transient values (attributes, scores) vanish when Pacemaker restarts or the node leaves the
 * cluster: call chb_attributes_republish() then, and from time to time.
 */
#ifndef CHB_PACEMAKER_ATTRIBUTES_H
#define CHB_PACEMAKER_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include <agent/core/outcome.h>
#include <agent/core/time.h>
#include <agent/pacemaker/tool.h>

#define CHB_ATTRIBUTE_NAME_MAX 128  /* with the final NUL */
#define CHB_ATTRIBUTE_VALUE_MAX 512 /* with the final NUL */
#define CHB_ATTRIBUTES_MAX 192      /* values of all kinds */
#define CHB_ATTRIBUTE_SCORE_MAX 999999
#define CHB_SCORE_MINUS_INFINITY (-1000000)

struct chb_attributes;

enum chb_attribute_kind {
    CHB_ATTRIBUTE_TRANSIENT, /* chb_attributes_set() */
    CHB_ATTRIBUTE_SCORE,     /* chb_attributes_set_score(), _clear_score() */
    CHB_ATTRIBUTE_RECORD,    /* chb_attributes_set_record() */
};

/* One attempt to write. Pointers are valid during the call. */
struct chb_attribute_report {
    enum chb_attribute_kind kind;
    const char *name;         /* attribute, resource or VM, as it was given */
    const char *value;        /* what this attempt wrote; NULL for "deleted" */
    uint64_t ticket;          /* newest set call that this value answers */
    enum chb_outcome outcome; /* not DONE: it will be tried again by itself */
    bool newest;              /* no newer value is waiting */
    chb_time at;
    const char *text; /* for people: what the tool said; empty if DONE */
};

typedef void (*chb_attribute_written)(void *userdata, const struct chb_attribute_report *report);

/*
 * tools: must live longer than the result. local_node: the name that Pacemaker knows, copied.
 * written: called after each attempt, from the event loop; may be NULL; may call anything here but
 * chb_attributes_free(). Errors: -EINVAL, -ENOMEM.
 */
int chb_attributes_new(sd_event *event, struct chb_tools *tools, const char *local_node,
                       int64_t priority, chb_attribute_written written, void *userdata,
                       struct chb_attributes **ret);

/* Forgets what is not written. Takes and returns NULL. */
struct chb_attributes *chb_attributes_free(struct chb_attributes *attributes);

/*
 * Sets a transient attribute of this node, shown by crm_mon -A.
 *
 * name: [A-Za-z0-9_.-]+, not beginning with '-'. value: printable UTF-8 without control characters,
 * not empty. ret_ticket: number of this call, found again in the report; may be NULL. A value that
 * Pacemaker already has is not written again, and reported as DONE from the event loop.
 * Errors: -EINVAL, -ENOBUFS (CHB_ATTRIBUTES_MAX names), -ENOMEM.
 */
int chb_attributes_set(struct chb_attributes *attributes, const char *name, const char *value,
                       uint64_t *ret_ticket);

/*
 * Sets this node's promotion score of a resource (attribute master-RESOURCE, transient).
 *
 * resource: name of the primitive, without ":N". score: -CHB_ATTRIBUTE_SCORE_MAX to
 * CHB_ATTRIBUTE_SCORE_MAX, or CHB_SCORE_MINUS_INFINITY: never promote here. Errors: as
 * chb_attributes_set().
 */
int chb_attributes_set_score(struct chb_attributes *attributes, const char *resource, int32_t score,
                             uint64_t *ret_ticket);

/* Deletes this node's promotion score. When every node's is gone Pacemaker demotes. */
int chb_attributes_clear_score(struct chb_attributes *attributes, const char *resource,
                               uint64_t *ret_ticket);

/*
 * Writes this node's record of a VM into the CIB, where it outlives the node (permanent attribute
 * colo-hbd-VM). text: as for chb_attributes_set(). Errors: as there.
 */
int chb_attributes_set_record(struct chb_attributes *attributes, const char *vm, const char *text,
                              uint64_t *ret_ticket);

/*
 * Writes all values again: transient_only after Pacemaker or the node was restarted. Values under
 * way are not disturbed. Nothing is reported that was not asked for: tickets stay.
 */
void chb_attributes_republish(struct chb_attributes *attributes, bool transient_only);

/* Forgets a name of a VM or resource that is gone. What is written stays in Pacemaker. */
void chb_attributes_forget(struct chb_attributes *attributes, enum chb_attribute_kind kind,
                           const char *name);

/* Values not written yet. */
unsigned chb_attributes_dirty(const struct chb_attributes *attributes);

#endif
