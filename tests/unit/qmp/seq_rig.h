/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sequences on the rig's fake QEMU: parameters, a run, and what became of it. Included by one file
 * of each test. */
#ifndef CHB_TEST_SEQ_RIG_H
#define CHB_TEST_SEQ_RIG_H

#include <qmp/sequence.h>
#include <qmp/socket.h>

#include "rig.h"

struct outcome {
    bool over;
    struct chb_seq *seq;
    struct chb_seq_result result;
    char step[80]; /* result.step, which is borrowed */
    unsigned n_progress;
    char milestones[256];            /* their names, in order, each with a space */
    enum chb_seq_milestone abort_at; /* set it before the start */
};

static void seq_on_milestone(void *userdata, enum chb_seq_milestone milestone, chb_time at)
{
    struct outcome *outcome = userdata;
    size_t length = strlen(outcome->milestones);
    assert_true(chb_time_is_set(at));
    (void)snprintf(outcome->milestones + length, sizeof(outcome->milestones) - length, "%s ",
                   chb_seq_milestone_name(milestone));
    if (milestone == outcome->abort_at) {
        chb_seq_abort(outcome->seq);
    }
}

static void seq_on_progress(void *userdata, const struct chb_seq_progress *progress)
{
    struct outcome *outcome = userdata;
    (void)progress;
    outcome->n_progress++;
}

static void seq_on_done(void *userdata, const struct chb_seq_result *result)
{
    struct outcome *outcome = userdata;
    assert_false(outcome->over);
    outcome->over = true;
    outcome->result = *result;
    (void)snprintf(outcome->step, sizeof(outcome->step), "%s", result->step);
    outcome->seq = chb_seq_free(outcome->seq);
}

static const struct chb_seq_callbacks seq_callbacks = {
    .on_milestone = seq_on_milestone,
    .on_progress = seq_on_progress,
    .on_done = seq_on_done,
};

static inline struct chb_seq_params some_params(unsigned n_disks, unsigned n_nics)
{
    struct chb_seq_params params = {
        .n_disks = n_disks,
        .n_nics = n_nics,
        .listen_address = "127.0.0.1",
        .peer_address = "127.0.0.1",
        .socket_prefix = "/run/colo/vm/",
        .peer_reachable = true,
        .memory_mb = 128,
    };
    params.ports.nbd = 10809;
    for (unsigned i = 0; i < n_nics; i++) {
        params.vnet_hdr[i] = true;
        params.ports.mirror[i] = (uint16_t)(9100 + i);
        params.ports.compare[i] = (uint16_t)(9200 + i);
    }
    return params;
}

/* A join needs somebody who listens for the memory: returns it, to be closed. */
static inline int listen_for_memory(struct chb_seq_params *params)
{
    int listener = -1;
    assert_int_equal(chb_tcp_listen("127.0.0.1", 0, &params->ports.migrate, &listener), 0);
    return listener;
}

static inline void start(struct rig *rig, const struct chb_seq_table *table,
                         const struct chb_seq_params *params, struct outcome *outcome)
{
    assert_int_equal(chb_seq_start(rig->client, table, params, &rig->caps, &seq_callbacks, outcome,
                                   &outcome->seq),
                     0);
}

static inline struct outcome run(struct rig *rig, const struct chb_seq_table *table,
                                 const struct chb_seq_params *params)
{
    struct outcome outcome = {0};
    start(rig, table, params, &outcome);
    assert_true(rig_wait(rig, &outcome.over, 10000));
    return outcome;
}

static inline struct outcome run_join(struct rig *rig, struct chb_seq_params *params)
{
    const int listener = listen_for_memory(params);
    const struct outcome outcome = run(rig, &chb_seq_join, params);
    (void)close(listener);
    return outcome;
}

#endif
