/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replication is broken while both agents live. Each side says so, with its fitness as of that
 * moment (chb_fitness(): its health, and whether it has asked for the other's fence); once both
 * have said it, both compare the same two numbers and come to the same answer: the fitter side
 * wins, the primary on a tie. The loser dies and says so (P1), the winner goes solo on that.
 * A secondary that has missed a write is no true copy (R4.3) and loses whatever the numbers.
 */
#include <agent/core/internal.h>

/* The number that both sides compare. It only rises while it is told, so that whichever of two
 * values the other has heard, never both sides lose.
 *
 * A host that was asked to be fenced may be off in a moment, though it is back: the other side must
 * not be the one that dies. Beyond that the health counts. */
uint8_t chb_fitness(const struct chb_core *core)
{
    chb_time over = chb_time_add(core->fence_asked_at, chb_ms(CHB_FENCE_LINGERS_MS));
    bool asked = chb_time_is_set(core->fence_asked_at) && !chb_time_reached(core->now, over);
    return (uint8_t)((asked ? 50 : 0) + core->health / 2);
}

/* The primary wins a tie, so nothing is stronger than its best number. */
#define FITNESS_MAX 100

static void say_broken(struct chb_core *core, struct chb_actions *actions)
{
    core->broken_generation = core->generation;
    core->broken_fitness = chb_fitness(core);
    chb_note(actions, CHB_NOTE_BROKEN, core->peer, core->broken_fitness, core->generation);
}

bool chb_settle(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);
    if (!chb_peer_talks(peer)) {
        return false;
    }
    bool told = peer->msg.broken_generation == core->generation;
    /* The grace is for a death that may explain it. A missed write explains itself. */
    bool due =
        core->copy_failed ||
        (chb_time_is_set(core->broken_at) &&
         chb_time_reached(core->now, chb_time_add(core->broken_at, chb_ms(CHB_BROKEN_GRACE_MS))));
    if (core->broken_generation == 0) {
        if (!told && !due) {
            return false;
        }
        say_broken(core, actions);
    }
    if (core->copy_failed) {
        core->broken_fitness = FITNESS_MAX;
    }
    if (!told) {
        return false;
    }
    bool loses = core->broken_fitness < peer->msg.health ||
                 (core->broken_fitness == peer->msg.health && core->role == CHB_ROLE_SECONDARY);
    if (loses) {
        chb_note(actions, CHB_NOTE_LOST_LINE, peer->node, 0, core->generation);
        chb_kill(core, actions);
    }
    return loses;
}
