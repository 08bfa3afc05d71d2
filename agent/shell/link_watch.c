/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the replication link whole? A cable that breaks silently leaves both QEMUs waiting for each
 * other for ever, and no event tells of it. So the kernel is asked whether it gets acknowledgements
 * for what QEMU sends to the peer; if it gets none for a while the pair counts as broken, as if
 * QEMU had said so, and the two agents settle over corosync's other links which side goes on. As
 * long as the peer is not heard over those either it is for corosync to judge, which is more
 * patient.
 *
 * Long before that the core is told that nothing gets through (R2.4), and when it does
 * again.
 */
#include <agent/shell/vm.h>

#include <errno.h>
#include <string.h>

#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define LOOK_MS 50
/* A kernel acknowledges within 40 ms (delayed acknowledgements), and a client sends a question
 * again after 200 ms, which is what makes a primary's guest acknowledge it by itself. */
#define STUCK_MS 110
#define FIND_MS 2000

static void forget(struct chb_vm *vm)
{
    vm->link.count = 0;
    vm->link.generation = 0;
    vm->link.find_at = CHB_TIME_NEVER;
}

static void find(struct chb_vm *vm, chb_time now)
{
    struct chb_link *link = &vm->link;
    const char *address = chb_qemu_address(vm, vm->core.peer);
    if (chb_time_is_set(link->find_at) && !chb_time_reached(now, link->find_at)) {
        return;
    }
    link->find_at = chb_time_add(now, chb_ms(FIND_MS));
    link->generation = vm->core.generation;
    link->count = 0;
    if (address == NULL) {
        return;
    }
    int r = chb_flows_find(chb_child_id(vm->qemu.child)->pid, address, link->flows, CHB_FLOWS_MAX);
    if (r >= 0) {
        link->count = (unsigned)r;
    } else if (!link->failed) {
        link->failed = true;
        chb_log(LOG_WARNING, "%s: the kernel does not tell how the replication link is: %s",
                vm->name, strerror(-r));
    }
}

/* A heartbeat has come when it was due. */
static bool is_heard(const struct chb_daemon *daemon, uint32_t node, chb_time now)
{
    const struct chb_detector_node *found = chb_detector_node(&daemon->detector, node);
    chb_span due = {.ns = daemon->options.conf.heartbeat_interval.ns * 3 / 2};
    return found != NULL && !chb_time_reached(now, chb_time_add(found->heard_at, due));
}

/* The longest time for which one of the connections has waited in vain, and the longest for which
 * one has waited at all. */
static chb_span stuck(struct chb_vm *vm, chb_time now, chb_span *ret_waited)
{
    struct chb_link *link = &vm->link;
    chb_span longest = chb_ms(0);
    *ret_waited = chb_ms(0);
    bool heard = is_heard(vm->daemon, vm->core.peer, now);
    for (unsigned i = 0; i < link->count; i++) {
        struct chb_flow_state state;
        int r = chb_flow_read(&link->flows[i], &state);
        if (r == -ENOENT) {
            forget(vm); /* QEMU has closed one: look again which there are */
            return chb_ms(0);
        }
        if (r == 0) {
            chb_span span = chb_flow_stuck(&link->flows[i], &state, heard, now);
            longest = span.ns > longest.ns ? span : longest;
            span = chb_flow_waited(&link->flows[i], now);
            *ret_waited = span.ns > ret_waited->ns ? span : *ret_waited;
        }
    }
    return longest;
}

static void tell(struct chb_vm *vm, bool is_stuck)
{
    if (vm->core.link_stuck != is_stuck) {
        struct chb_event event = {.kind = CHB_EVENT_LINK};
        event.u.link.qemu = vm->qemu.identity;
        event.u.link.stuck = is_stuck;
        chb_vm_event(vm, &event);
    }
}

static void look(struct chb_vm *vm)
{
    const struct chb_core *core = &vm->core;
    chb_time now = chb_now();
    char buffer[CHB_TEXT_NODE_SIZE];
    bool waits = core->phase == CHB_PHASE_HOLDING && core->link_stuck;
    if ((core->phase != CHB_PHASE_PAIRED && !waits) || (vm->qemu.frozen && !waits) ||
        chb_time_is_set(core->broken_at)) {
        forget(vm);
        return;
    }
    if (vm->link.generation != core->generation || vm->link.count == 0) {
        find(vm, now);
    }
    chb_span waited;
    chb_span span = stuck(vm, now, &waited);
    tell(vm, waited.ns >= chb_ms(STUCK_MS).ns);
    /* Half of what a QEMU that hangs is given: both are to be over in about a second. */
    if (span.ns > 0 && span.ns >= core->settings.hang_timeout.ns / 2) {
        chb_log(LOG_WARNING,
                "%s: %s has acknowledged nothing over the replication link for %lld ms", vm->name,
                chb_text_node(&vm->daemon->names, core->peer, buffer),
                (long long)chb_span_ms(span));
        forget(vm);
        chb_vm_qemu_event(vm, CHB_EVENT_COLO_EXIT);
    }
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_vm *vm = userdata;
    (void)usec;
    if (vm->qemu.child == NULL) {
        forget(vm);
        return 0; /* the next QEMU begins it again */
    }
    chb_timer_set(source, chb_time_add(chb_now(), chb_ms(LOOK_MS)));
    look(vm);
    return 0;
}

void chb_link_watch(struct chb_vm *vm)
{
    int enabled = SD_EVENT_OFF;
    if (vm->link.timer == NULL &&
        chb_timer_new(vm->daemon, CHB_PRIORITY_HEARTBEAT, on_look, vm, &vm->link.timer) < 0) {
        return;
    }
    (void)sd_event_source_get_enabled(vm->link.timer, &enabled);
    if (enabled == SD_EVENT_OFF && vm->qemu.child != NULL) {
        chb_timer_set(vm->link.timer, chb_time_add(chb_now(), chb_ms(LOOK_MS)));
    }
}
