/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replication is broken while both agents live. Each side says so, with its health as of that
 * moment; once both have said it, both compare the same two numbers and come to the same answer:
 * the healthier side wins, the primary on a tie. The loser dies and says so (P1), the winner goes
 * solo on that.
 */
#include <agent/core/internal.h>

static void say_broken(struct chb_core *core, struct chb_actions *actions)
{
    core->broken_generation = core->generation;
    core->broken_health = core->health;
    chb_note(actions, CHB_NOTE_BROKEN, core->peer, core->broken_health, core->generation);
}

bool chb_settle(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);
    if (!chb_peer_talks(peer)) {
        return false;
    }
    bool told = peer->msg.broken_generation == core->generation;
    bool due =
        chb_time_is_set(core->broken_at) &&
        chb_time_reached(core->now, chb_time_add(core->broken_at, chb_ms(CHB_BROKEN_GRACE_MS)));
    if (core->broken_generation == 0) {
        if (!told && !due) {
            return false;
        }
        say_broken(core, actions);
    }
    if (!told) {
        return false;
    }
    bool loses = core->broken_health < peer->msg.health ||
                 (core->broken_health == peer->msg.health && core->role == CHB_ROLE_SECONDARY);
    if (loses) {
        chb_note(actions, CHB_NOTE_LOST_LINE, peer->node, 0, core->generation);
        chb_kill(core, actions);
    }
    return loses;
}
