/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A history as a story: one line for each event, decision and change of the world. */
#include <stdarg.h>
#include <stdio.h>

#include <agent/text/names.h>
#include <agent/text/note.h>
#include <tests/sim/sim.h>

void chb_sim_trace(struct chb_sim *sim, uint32_t node, const char *format, ...)
{
    va_list args;

    if (!sim->trace.on) {
        return;
    }
    char *line = sim->trace.line[sim->trace.lines++ % CHB_SIM_TRACE_LINES];
    int n = snprintf(line, CHB_SIM_TRACE_WIDTH, "%12.3f  ", (double)sim->now_ns / 1e6);
    if (sim->options.n_vms > 1) {
        n += snprintf(line + n, CHB_SIM_TRACE_WIDTH - (size_t)n, "vm%u ", sim->vm + 1);
    }
    if (node != 0) {
        n += snprintf(line + n, CHB_SIM_TRACE_WIDTH - (size_t)n, "n%u  ", node);
    } else {
        n += snprintf(line + n, CHB_SIM_TRACE_WIDTH - (size_t)n, "--  ");
    }
    va_start(args, format);
    (void)vsnprintf(line + n, CHB_SIM_TRACE_WIDTH - (size_t)n, format, args);
    va_end(args);
    if (sim->trace.print) {
        puts(line);
    }
}

void chb_sim_trace_tail(const struct chb_sim *sim, uint64_t n)
{
    uint64_t kept = sim->trace.lines < CHB_SIM_TRACE_LINES ? sim->trace.lines : CHB_SIM_TRACE_LINES;
    uint64_t first = sim->trace.lines - (n < kept ? n : kept);
    for (uint64_t i = first; i < sim->trace.lines; i++) {
        puts(sim->trace.line[i % CHB_SIM_TRACE_LINES]);
    }
}

static void trace_state(struct chb_sim *sim, uint32_t node, const char *what,
                        const struct chb_state_msg *state)
{
    chb_sim_trace(sim, node, "%s: %s %s g%llu, record %s g%llu by n%u, dead g%llu%s, join %s n%u",
                  what, chb_phase_id(state->phase), chb_role_id(state->role),
                  (unsigned long long)state->generation, chb_record_kind_id(state->record.kind),
                  (unsigned long long)state->record.generation, state->record.author,
                  (unsigned long long)state->dead_generation,
                  state->broken_generation != 0 ? ", broken" : "", chb_join_id(state->join),
                  state->join_node);
}

static void trace_node_event(struct chb_sim *sim, uint32_t node, const struct chb_event *event)
{
    const char *name = chb_event_id(event->kind);

    if (event->kind == CHB_EVENT_STATE) {
        char text[40];
        (void)snprintf(text, sizeof(text), "  <- state of n%u", event->u.msg.from);
        trace_state(sim, node, text, &event->u.msg.state);
    } else if (event->kind == CHB_EVENT_FENCE_RESULT || event->kind == CHB_EVENT_FENCE_NOTICE) {
        chb_sim_trace(sim, node, "  <- %s n%u %s", name, event->u.fence.node,
                      chb_outcome_id(event->u.fence.outcome));
    } else if (event->kind == CHB_EVENT_QUORUM) {
        chb_sim_trace(sim, node, "  <- quorum %s", event->u.quorate ? "yes" : "no");
    } else if (event->kind == CHB_EVENT_CIB) {
        chb_sim_trace(sim, node, "  <- cib g%llu of n%u",
                      (unsigned long long)event->u.cib.generation, event->u.cib.node);
    } else if (event->kind == CHB_EVENT_STALLED) {
        chb_sim_trace(sim, node, "  <- stalled %lld ms", (long long)chb_span_ms(event->u.stall));
    } else {
        chb_sim_trace(sim, node, "  <- %s n%u", name, event->u.node.id);
    }
}

void chb_sim_trace_event(struct chb_sim *sim, uint32_t node, const struct chb_event *event)
{
    enum chb_event_kind kind = event->kind;

    if (!sim->trace.on || kind == CHB_EVENT_PONG || kind == CHB_EVENT_TICK) {
        return;
    }
    if (kind == CHB_EVENT_LOADED) {
        chb_sim_trace(sim, node, "  <- loaded %s g%llu by n%u peer n%u",
                      chb_record_kind_id(event->u.record.kind),
                      (unsigned long long)event->u.record.generation, event->u.record.author,
                      event->u.record.peer);
    } else if (kind == CHB_EVENT_QEMU_STARTED || kind == CHB_EVENT_SEQUENCE ||
               kind == CHB_EVENT_PERSISTED) {
        chb_sim_trace(sim, node, "  <- %s %s", chb_event_id(kind),
                      chb_outcome_id(event->u.result.outcome));
    } else if (kind >= CHB_EVENT_CLUSTER_UP && kind <= CHB_EVENT_FENCE_NOTICE) {
        trace_node_event(sim, node, event);
    } else if (kind == CHB_EVENT_STALLED) {
        trace_node_event(sim, node, event);
    } else {
        chb_sim_trace(sim, node, "  <- %s", chb_event_id(kind));
    }
}

static void trace_note(struct chb_sim *sim, uint32_t node, const struct chb_action *action)
{
    char text[CHB_TEXT_SIZE];
    struct chb_text_about about = {.vm = "vm", .self = node};

    chb_sim_trace(sim, node, "  ** %s",
                  chb_text_note(action->u.note.note, action->u.note.node, action->u.note.arg,
                                action->u.note.value, &about, NULL, text, sizeof(text)));
}

void chb_sim_trace_action(struct chb_sim *sim, uint32_t node, const struct chb_action *action)
{
    const char *name = chb_action_id(action->kind);

    if (!sim->trace.on) {
        return;
    }
    if (action->kind == CHB_ACTION_SEND_STATE) {
        trace_state(sim, node, "  -> state", &action->u.state);
    } else if (action->kind == CHB_ACTION_PERSIST) {
        chb_sim_trace(sim, node, "  -> persist %s g%llu by n%u peer n%u",
                      chb_record_kind_id(action->u.persist.record.kind),
                      (unsigned long long)action->u.persist.record.generation,
                      action->u.persist.record.author, action->u.persist.record.peer);
    } else if (action->kind == CHB_ACTION_SEQUENCE) {
        chb_sim_trace(sim, node, "  -> sequence %s with n%u%s",
                      chb_sequence_id(action->u.sequence.sequence), action->u.sequence.peer,
                      action->u.sequence.yank ? ", yank" : "");
    } else if (action->kind == CHB_ACTION_SCORE) {
        chb_sim_trace(sim, node, "  -> score %s", chb_score_id(action->u.score));
    } else if (action->kind == CHB_ACTION_REPLY) {
        chb_sim_trace(sim, node, "  -> reply %s %s n%u", action->u.reply.ok ? "ok" : "refused",
                      chb_reason_id(action->u.reply.reason), action->u.reply.node);
    } else if (action->kind == CHB_ACTION_FENCE) {
        chb_sim_trace(sim, node, "  -> fence n%u", action->u.fence.node);
    } else if (action->kind == CHB_ACTION_NOTE) {
        trace_note(sim, node, action);
    } else {
        chb_sim_trace(sim, node, "  -> %s", name);
    }
}
