/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <heartbeat/detector.h>

#define TIMEOUT_MS_MIN 100
#define TIMEOUT_MS_MAX 60000
#define INTERVAL_MS_MIN 10

static struct chb_detector_node *slot_of(struct chb_detector *detector, uint32_t node)
{
    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        if (detector->nodes[i].node == node) {
            return &detector->nodes[i];
        }
    }
    return NULL;
}

/* What the time since the last echo counts for: never more than one echo may add. */
static chb_span since_echo(const struct chb_detector *detector, chb_time now)
{
    if (!chb_time_is_set(detector->echo_at) || chb_time_before(now, detector->echo_at)) {
        return (chb_span){0};
    }
    chb_span since = chb_time_since(now, detector->echo_at);
    return since.ns < detector->config.echo_limit.ns ? since : detector->config.echo_limit;
}

int chb_detector_init(struct chb_detector *ret_detector, uint32_t self, uint64_t boot,
                      const struct chb_detector_config *config)
{
    struct chb_detector_config used = {0};

    if (config != NULL) {
        used = *config;
    }
    if (used.timeout.ns == 0) {
        used.timeout = chb_ms(CHB_HEARTBEAT_TIMEOUT_MS);
    }
    if (used.interval.ns == 0) {
        used.interval = chb_ms(CHB_HEARTBEAT_INTERVAL_MS);
    }
    if (used.timeout.ns < chb_ms(TIMEOUT_MS_MIN).ns ||
        used.timeout.ns > chb_ms(TIMEOUT_MS_MAX).ns ||
        used.interval.ns < chb_ms(INTERVAL_MS_MIN).ns || used.interval.ns > used.timeout.ns / 2) {
        return -EINVAL;
    }
    if (used.echo_limit.ns == 0) {
        used.echo_limit.ns = 2 * used.interval.ns;
    }
    if (self == 0 || boot == 0 || used.echo_limit.ns < used.interval.ns) {
        return -EINVAL;
    }

    memset(ret_detector, 0, sizeof(*ret_detector));
    ret_detector->self = self;
    ret_detector->boot = boot;
    ret_detector->config = used;
    return 0;
}

void chb_detector_reset(struct chb_detector *detector)
{
    detector->echo_at = CHB_TIME_NEVER;
    detector->echoed = false;
    memset(detector->nodes, 0, sizeof(detector->nodes));
}

int chb_detector_joined(struct chb_detector *detector, uint32_t node, chb_time now)
{
    if (node == 0 || node == detector->self) {
        return 0;
    }
    struct chb_detector_node *slot = slot_of(detector, node);
    if (slot == NULL) {
        slot = slot_of(detector, 0);
    }
    if (slot == NULL) {
        return -ENOSPC;
    }
    slot->node = node;
    slot->heard_at = now;
    /* Silence is added at echoes. The next echo will add time from before the join, so that is
     * taken off here. */
    slot->silence = (chb_span){-since_echo(detector, now).ns};
    return 0;
}

void chb_detector_left(struct chb_detector *detector, uint32_t node)
{
    struct chb_detector_node *slot = node == 0 ? NULL : slot_of(detector, node);
    if (slot != NULL) {
        memset(slot, 0, sizeof(*slot));
    }
}

/* Our own message came back: the ring turns, corosync delivers, and this loop runs. */
static void echo(struct chb_detector *detector, chb_time now)
{
    chb_span add = since_echo(detector, now);

    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        struct chb_detector_node *slot = &detector->nodes[i];
        if (slot->node != 0 &&
            __builtin_add_overflow(slot->silence.ns, add.ns, &slot->silence.ns)) {
            slot->silence.ns = INT64_MAX;
        }
    }
    detector->echo_at = now;
    detector->echoed = true;
}

static void alive(struct chb_detector *detector, struct chb_detector_node *slot, chb_time now)
{
    chb_span gap = chb_time_since(now, slot->heard_at);
    if (slot->messages > 0 && gap.ns > slot->gap_max.ns) {
        slot->gap_max = gap;
    }
    slot->heard_at = now;
    slot->messages++;
    slot->silence = (chb_span){-since_echo(detector, now).ns}; /* as in chb_detector_joined() */
}

enum chb_detector_heard chb_detector_heard(struct chb_detector *detector, uint32_t node,
                                           uint64_t boot, uint64_t sequence, chb_time now)
{
    if (node == detector->self && boot == detector->boot) {
        echo(detector, now);
        return CHB_HEARD_OWN;
    }
    struct chb_detector_node *slot = node == 0 ? NULL : slot_of(detector, node);
    if (slot == NULL) {
        return CHB_HEARD_STRANGER;
    }

    enum chb_detector_heard heard = CHB_HEARD_NEW;
    if (slot->boot != boot) {
        slot->incarnations += slot->boot != 0;
        slot->boot = boot;
        slot->messages = 0;
        slot->gap_max = (chb_span){0};
        heard = CHB_HEARD_INCARNATION;
    } else if (sequence <= slot->sequence) {
        slot->duplicates++;
        return CHB_HEARD_DUPLICATE;
    } else if (sequence - slot->sequence > 1) {
        slot->missed += sequence - slot->sequence - 1;
        heard = CHB_HEARD_AFTER_GAP;
    }
    slot->sequence = sequence;
    alive(detector, slot, now);
    return heard;
}

void chb_detector_lateness(struct chb_detector *detector, uint32_t node, uint32_t lateness_ms)
{
    struct chb_detector_node *slot = node == 0 ? NULL : slot_of(detector, node);
    if (slot != NULL) {
        slot->lateness_ms = lateness_ms;
    }
}

void chb_detector_own_stall(struct chb_detector *detector, chb_time now, chb_span stall)
{
    if (stall.ns <= 0) {
        return;
    }
    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        struct chb_detector_node *slot = &detector->nodes[i];
        if (slot->node != 0 && !slot->silent) {
            slot->silence = (chb_span){0};
        }
    }
    /* Counting goes on from the next echo: until it comes, nothing may have been read. */
    detector->echo_at = CHB_TIME_NEVER;
    detector->echoed = false;
    detector->stalled_at = now;
    detector->stalls++;
}

bool chb_detector_poll(struct chb_detector *detector, chb_time now,
                       struct chb_detector_change *ret_change)
{
    chb_span pending = since_echo(detector, now);

    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        struct chb_detector_node *slot = &detector->nodes[i];
        if (slot->node == 0) {
            continue;
        }
        chb_span silence = slot->silence;
        if (__builtin_add_overflow(silence.ns, pending.ns, &silence.ns)) {
            silence.ns = INT64_MAX;
        }
        bool silent = silence.ns >= detector->config.timeout.ns;
        if (silent == slot->silent) {
            continue;
        }
        slot->silent = silent;
        *ret_change = (struct chb_detector_change){
            .node = slot->node,
            .silent = silent,
            .silence = silent ? silence : (chb_span){0},
        };
        return true;
    }
    return false;
}

chb_time chb_detector_deadline(const struct chb_detector *detector)
{
    chb_time deadline = CHB_TIME_FOREVER;

    if (!chb_time_is_set(detector->echo_at)) {
        return deadline;
    }
    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_detector_node *slot = &detector->nodes[i];
        if (slot->node == 0 || slot->silent) {
            continue;
        }
        chb_span left = {detector->config.timeout.ns - slot->silence.ns};
        if (left.ns <= detector->config.echo_limit.ns) {
            deadline = chb_time_min(deadline, chb_time_add(detector->echo_at, left));
        }
    }
    return deadline;
}

chb_span chb_detector_echo_age(const struct chb_detector *detector, chb_time now)
{
    if (!detector->echoed) {
        return (chb_span){0};
    }
    return chb_time_since(now, detector->echo_at);
}

chb_span chb_detector_late(const struct chb_detector *detector, chb_time now)
{
    int64_t late_ns = chb_detector_echo_age(detector, now).ns - detector->config.interval.ns;
    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_detector_node *slot = &detector->nodes[i];
        if (slot->node == 0 || slot->silent || slot->messages == 0) {
            continue;
        }
        int64_t waited_ns = chb_time_since(now, slot->heard_at).ns - detector->config.interval.ns;
        int64_t own_ns = chb_ms(slot->lateness_ms).ns;
        late_ns = waited_ns > late_ns ? waited_ns : late_ns;
        late_ns = own_ns > late_ns ? own_ns : late_ns;
    }
    return (chb_span){.ns = late_ns > 0 ? late_ns : 0};
}

const struct chb_detector_node *chb_detector_node(const struct chb_detector *detector,
                                                  uint32_t node)
{
    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        if (node != 0 && detector->nodes[i].node == node) {
            return &detector->nodes[i];
        }
    }
    return NULL;
}
