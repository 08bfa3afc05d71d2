/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <tests/sim/explore/canon.h>

#include <stddef.h>
#include <string.h>

#define IDS_MAX 24
#define PEERS 2 /* slots of the core that this configuration can use */

struct canon {
    uint64_t key;
    uint64_t base;         /* oldest generation that anybody names */
    uint64_t ids[IDS_MAX]; /* in the order in which they are met */
    uint32_t n_ids;
};

/* ---- the key ---- */

static void mix(struct canon *canon, uint64_t word)
{
    uint64_t x = (canon->key ^ word) * 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    canon->key = x * 0xbf58476d1ce4e5b9u + 0x94d049bb133111ebu;
    canon->key ^= canon->key >> 32;
}

static void mix_bytes(struct canon *canon, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t word = 0;

    while (size >= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        mix(canon, word);
        bytes += sizeof(word);
        size -= sizeof(word);
    }
    word = 0;
    memcpy(&word, bytes, size);
    mix(canon, word + size);
}

/* ---- numbers ---- */

static uint64_t id(struct canon *canon, uint64_t value)
{
    if (value == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < canon->n_ids; i++) {
        if (canon->ids[i] == value) {
            return i + 1;
        }
    }
    if (canon->n_ids == IDS_MAX) {
        return value; /* told apart, though they need not be */
    }
    canon->ids[canon->n_ids++] = value;
    return canon->n_ids;
}

/* A number of a request: only whether its answer can still come counts. */
static uint32_t op(uint32_t pending, uint32_t under_way)
{
    return pending == 0 ? 0 : (pending == under_way ? 1 : 2);
}

static void lower(uint64_t *base, uint64_t generation)
{
    if (generation != 0 && generation < *base) {
        *base = generation;
    }
}

static void lower_state(uint64_t *base, const struct chb_state_msg *state)
{
    lower(base, state->record.generation);
    lower(base, state->generation);
    lower(base, state->dead_generation);
    lower(base, state->broken_generation);
}

static uint64_t oldest(const struct chb_x_world *world)
{
    uint64_t base = UINT64_MAX;

    FOR_X(node)
    {
        const struct chb_x_node *own = &world->node[node];
        const struct chb_core *core = &own->core;
        lower(&base, own->record.generation);
        lower(&base, own->write.op != 0 ? own->write.record.generation : 0);
        for (uint32_t i = 0; i < own->n_items; i++) {
            lower_state(&base, &own->items[i].state);
        }
        if (!own->agent) {
            continue;
        }
        lower(&base, core->generation);
        lower(&base, core->dead_generation);
        lower(&base, core->broken_generation);
        lower(&base, core->record.generation);
        lower(&base, core->record_next.generation);
        lower_state(&base, &core->told);
        for (uint32_t i = 0; i < PEERS; i++) {
            lower(&base, core->peers[i].dead_generation);
            lower_state(&base, &core->peers[i].msg);
        }
    }
    return base;
}

static void shift(const struct canon *canon, uint64_t *generation)
{
    if (*generation != 0) {
        *generation -= canon->base - 1;
    }
}

/* What is behind its last field is whatever lay there, and no part of it. */
static void canon_record(const struct canon *canon, struct chb_record *record)
{
    size_t end = offsetof(struct chb_record, overlays_pending) + sizeof(record->overlays_pending);

    shift(canon, &record->generation);
    memset((char *)record + end, 0, sizeof(*record) - end);
}

static void canon_state(struct canon *canon, struct chb_state_msg *state)
{
    canon_record(canon, &state->record);
    shift(canon, &state->generation);
    shift(canon, &state->dead_generation);
    shift(canon, &state->broken_generation);
    state->join_id = id(canon, state->join_id);
}

/* ---- time ---- */

/* How long ago, up to what counts; 0: never. */
static void since(const struct chb_core *core, chb_time *at, int64_t cap_ms)
{
    if (!chb_time_is_set(*at)) {
        return;
    }
    int64_t ms = (core->now.ns - at->ns + 500000) / 1000000;
    at->ns = 1 + (ms > cap_ms ? cap_ms : ms);
}

/* How long until; what is over is as good as never asked for. */
static void until(const struct chb_core *core, chb_time *at)
{
    if (chb_time_reached(core->now, *at)) {
        *at = CHB_TIME_NEVER;
        return;
    }
    at->ns = 1 + (at->ns - core->now.ns + 500000) / 1000000;
}

static void canon_peer(struct canon *canon, const struct chb_core *core, struct chb_peer *peer)
{
    peer->heard_at = CHB_TIME_NEVER;
    peer->lost_at.ns = 0; /* only a fence that is under way is compared with it: see canon_node */
    since(core, &peer->up_at, 1000);
    since(core, &peer->oob_since, 1000);
    since(core, &peer->main_since, 3000);
    peer->fenced_at.ns = chb_time_is_set(peer->fenced_at) ? 1 : 0;
    shift(canon, &peer->dead_generation);
    canon_state(canon, &peer->msg);
}

static void canon_times(struct chb_core *core)
{
    since(core, &core->broken_at, 150);
    since(core, &core->unfit_since, 3000);
    since(core, &core->lost_at, 1000);
    since(core, &core->join_started_at, 30000);
    since(core, &core->cluster_up_at, 1000);
    since(core, &core->loaded_at, 2000);
    since(core, &core->oob_pong_at, 1000);
    since(core, &core->main_pong_at, 3000);
    until(core, &core->join_retry_at);
    until(core, &core->fence_retry_at);
    since(core, &core->fence_asked_at, 10000);
    until(core, &core->record_retry_at);
    until(core, &core->abort_retry_at);
    until(core, &core->off_until);
    core->solo_at = CHB_TIME_NEVER;
}

/* ---- the parts ---- */

static void canon_core(struct canon *canon, const struct chb_x_node *own)
{
    struct chb_core core;

    memcpy(&core, &own->core, offsetof(struct chb_core, peers) + PEERS * sizeof(core.peers[0]));
    size_t rest = offsetof(struct chb_core, oob_pong_at);
    memcpy((char *)&core + rest, (const char *)&own->core + rest, sizeof(core) - rest);
    for (uint32_t i = 0; i < PEERS; i++) {
        canon_peer(canon, &core, &core.peers[i]);
    }
    canon_times(&core);
    core.now = CHB_TIME_NEVER;
    core.boot = 0;
    core.next_op = 0;
    core.next_qemu = 0;
    core.qemu = id(canon, core.qemu);
    core.join_id = id(canon, core.join_id);
    core.pending.persist = op(core.pending.persist, own->write.op);
    core.pending.start = op(core.pending.start, own->qemu.start_op);
    core.pending.sequence = op(core.pending.sequence, own->run.op);
    core.pending.fence = op(core.pending.fence, own->fence.op);
    shift(canon, &core.generation);
    shift(canon, &core.dead_generation);
    shift(canon, &core.broken_generation);
    canon_record(canon, &core.record);
    canon_record(canon, &core.record_next);
    canon_state(canon, &core.told);
    mix_bytes(canon, &core, offsetof(struct chb_core, peers) + PEERS * sizeof(core.peers[0]));
    mix_bytes(canon, (const char *)&core + rest, sizeof(core) - rest);
}

static void canon_items(struct canon *canon, const struct chb_x_node *own)
{
    for (uint32_t i = 0; i < own->n_items; i++) {
        struct chb_x_item item = own->items[i];
        item.boot = 0;
        canon_state(canon, &item.state);
        mix_bytes(canon, &item, sizeof(item));
    }
}

static void canon_node(struct canon *canon, const struct chb_x_node *own)
{
    struct chb_x_node head;
    size_t size = offsetof(struct chb_x_node, n_exits);

    memcpy(&head, own, size);
    head.clock_ns = 0;
    head.qemu.id = id(canon, head.qemu.id);
    head.qemu.start_op = op(head.qemu.start_op, own->core.pending.start);
    head.qemu.solo_op = op(head.qemu.solo_op, own->run.op);
    if (head.write.op != 0) {
        head.write.op = 1;
        canon_record(canon, &head.write.record);
    } else {
        memset(&head.write, 0, sizeof(head.write));
    }
    if (head.run.op != 0) {
        head.run.op = 1;
    } else {
        memset(&head.run, 0, sizeof(head.run));
    }
    head.fence.op = head.fence.op != 0 ? 1 : 0;
    head.fence.off_at.ns = 0;
    if (head.fence.state == CHB_X_FENCE_OVER && own->agent) {
        head.fence.off_at.ns =
            chb_time_before(own->fence.off_at, own->core.peers[0].lost_at) ? 1 : 2;
    }
    canon_record(canon, &head.record);
    mix_bytes(canon, &head, size);
    mix(canon, own->n_exits);
    for (uint32_t i = 0; i < own->n_exits; i++) {
        mix(canon, id(canon, own->exits[i]));
    }
    mix(canon, own->n_items);
    canon_items(canon, own);
    if (own->agent) {
        canon_core(canon, own);
    }
}

uint64_t chb_x_key(const struct chb_x_world *world)
{
    struct canon canon = {.key = 0x2545f4914f6cdd1du, .base = oldest(world)};

    FOR_X(node)
    {
        canon_node(&canon, &world->node[node]);
    }
    mix(&canon, (uint64_t)world->cut | (uint64_t)world->replication_cut << 1 |
                    (uint64_t)world->torn << 2 | (uint64_t)world->faults << 8);
    return canon.key == 0 ? 1 : canon.key;
}
