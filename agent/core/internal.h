/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the core share. Each step has two halves: facts.c writes down what the event
 * says, and then the handler of the present phase looks at all the facts and decides. A handler
 * never asks which event it was, so an event that comes twice, late or not at all cannot lead it
 * astray.
 */
#ifndef CHB_CORE_INTERNAL_H
#define CHB_CORE_INTERNAL_H

#include <stddef.h>

#include <agent/core/core.h>
#include <agent/core/gate.h>

/* For our own errors only, never for input: stops the agent, and the guest runs on (R9). */
#define CHB_CORE_ASSERT(condition)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

/* How long COLO may be broken before it counts: a death is told over CPG within this time, and is
 * then the better explanation. */
#define CHB_BROKEN_GRACE_MS 150
/* How long a silent agent has, with replication broken, before its node is fenced. A daemon that is
 * started again has taken its QEMU over by then. */
#define CHB_AGENT_GRACE_MS 1000
/* How long an agent that has just begun may be without corosync before that counts as cut off: its
 * replica was on its own while no agent ran, and a freeze at each restart would be felt (R9). */
#define CHB_CLUSTER_GRACE_MS 2000
/* How long a guest that is off may wait for Pacemaker to stop it, which has been told. */
#define CHB_OFF_PATIENCE_MS 60000
/* How long the secondary's host must have been the fitter one before it takes over. */
#define CHB_UNFIT_PATIENCE_MS 3000
#define CHB_FENCE_RETRY_MS 2000
#define CHB_FENCE_LINGERS_MS                                                                       \
    10000                      /* for so long a fence that was asked for may yet be carried out */
#define CHB_FENCE_AGAIN_MS 200 /* after an answer about an earlier fence of the same node */
#define CHB_RECORD_RETRY_MS 1000
#define CHB_PATIENCE_MAX_MS 3600000
#define CHB_MERGE_PATIENCE_MS 30000 /* after going solo, before a join is begun all the same */
#define CHB_JOIN_RETRY_MS 1000
#define CHB_JOIN_RETRY_MAX_MS 30000
/* From "wanted" to "ready": the secondary's QEMU is started and prepared. */
#define CHB_JOIN_READY_TIMEOUT_MS 30000

/* actions.c: makes actions */
struct chb_action *chb_act(struct chb_actions *actions, enum chb_action_kind kind);
void chb_note(struct chb_actions *actions, enum chb_note note, uint32_t node, uint32_t arg,
              uint64_t value);
uint32_t chb_next_op(struct chb_core *core);
uint64_t chb_next_qemu(struct chb_core *core);
void chb_reply(struct chb_actions *actions, uint32_t *id, bool ok, enum chb_reason reason,
               uint32_t node);
void chb_persist(struct chb_core *core, struct chb_actions *actions, struct chb_record record);
void chb_sequence(struct chb_core *core, struct chb_actions *actions, enum chb_sequence sequence,
                  uint32_t peer, bool yank);
void chb_sequence_abort(struct chb_core *core, struct chb_actions *actions);
void chb_kill(struct chb_core *core, struct chb_actions *actions);
void chb_freeze(struct chb_core *core, struct chb_actions *actions);
void chb_thaw(struct chb_core *core, struct chb_actions *actions);

/* phase.c: the only way from phase to phase */
void chb_enter(struct chb_core *core, struct chb_actions *actions, enum chb_phase phase);
bool chb_phase_may_follow(enum chb_phase from, enum chb_phase to);

/* peers.c: what is known of the others */
struct chb_peer *chb_peer_slot(struct chb_core *core, uint32_t node);
struct chb_peer *chb_peer_slot_new(struct chb_core *core, uint32_t node);
bool chb_peer_talks(const struct chb_peer *peer);            /* member, heard and not silent */
bool chb_record_is_history(const struct chb_record *record); /* of a copy that was a true one */
bool chb_phase_has_replica(enum chb_phase phase);            /* of a true copy */
bool chb_peer_has_replica(const struct chb_peer *peer);      /* of a true copy, as last heard */
const struct chb_peer *chb_find_newer(const struct chb_core *core, uint64_t than);
uint64_t chb_newest_generation(const struct chb_core *core); /* that this host has heard of */

/* facts.c */
void chb_facts(struct chb_core *core, const struct chb_event *event, struct chb_actions *actions);
/* answers.c: the part of the facts that answers what the core asked for */
void chb_facts_answer(struct chb_core *core, const struct chb_event *event,
                      struct chb_actions *actions);
/* commands.c: the part of the facts that comes from Pacemaker and operators */
void chb_facts_command(struct chb_core *core, const struct chb_event *event,
                       struct chb_actions *actions);

/* boot.c */
void chb_boot_loaded(struct chb_core *core, struct chb_actions *actions);
void chb_phase_stopped(struct chb_core *core, struct chb_actions *actions);
void chb_phase_spare(struct chb_core *core, struct chb_actions *actions);
void chb_phase_booting(struct chb_core *core, struct chb_actions *actions);
void chb_phase_dying(struct chb_core *core, struct chb_actions *actions);

/* pairing.c */
void chb_phase_solo(struct chb_core *core, struct chb_actions *actions);
void chb_join_failed(struct chb_core *core, struct chb_actions *actions);
/* Either side: the record of the pair is on this host's disk, so it is a true copy from now on. */
void chb_pair_begins(struct chb_core *core, struct chb_actions *actions);
/* The record of the pair is on the disk, or may be: the pair is a fact, and so is what becomes of
 * it (R5.2). */
bool chb_join_is_committed(const struct chb_core *core);
/* R2. Once QEMU has merged its overlays the guest writes below them: from then on a cold start that
 * merged them again would take back what was written. Whatever becomes of the QEMU, the record must
 * say so; what is on its way to become another record says so by itself. */
void chb_record_merge(struct chb_core *core, struct chb_actions *actions);
/* Clears the remains of a join, one try at a time. True if there are none. */
bool chb_join_cleared(struct chb_core *core, struct chb_actions *actions);
/* filling.c */
bool chb_filling_wanted(const struct chb_core *core, const struct chb_peer **ret_primary);
void chb_phase_filling(struct chb_core *core, struct chb_actions *actions);

/* failover.c */
bool chb_cut_off(const struct chb_core *core);
void chb_phase_paired(struct chb_core *core, struct chb_actions *actions);
void chb_phase_holding(struct chb_core *core, struct chb_actions *actions);
void chb_phase_going_solo(struct chb_core *core, struct chb_actions *actions);

uint8_t chb_fitness(const struct chb_core *core); /* settle.c */
/* settle.c: true if this side has lost and is being killed */
bool chb_settle(struct chb_core *core, struct chb_actions *actions);
/* hang.c: likewise */
bool chb_hang(struct chb_core *core, struct chb_actions *actions);
/* health.c: likewise */
bool chb_health(struct chb_core *core, struct chb_actions *actions);
chb_time chb_oob_silent_since(const struct chb_core *core, const struct chb_peer *peer);
chb_time chb_main_silent_since(const struct chb_core *core, const struct chb_peer *peer);
bool chb_oob_alive(const struct chb_core *core);
bool chb_main_alive(const struct chb_core *core);

/* pacemaker.c */
void chb_score(struct chb_core *core, struct chb_actions *actions);
/* True if the replica is to go, at Pacemaker's or the operator's wish or because its line is lost:
 * it is killed, or its guest switches itself off. */
bool chb_wishes(struct chb_core *core, struct chb_actions *actions);

#endif
