/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both replicas are well, and the secondary's host is fitter to serve: it does. The primary is
 * killed as part of that pair (P1), as in a switchover. And a secondary whose disk has failed
 * cannot follow: it is no second copy any more, only something to wait for.
 *
 * A primary's disk that has failed cannot wait; the secondary does, for both may have become full
 * with the same write, and only one may give way. Whatever else is wrong may pass, as a switch that
 * starts again takes the carrier from both hosts, one a little later than the other: so it must
 * have lasted. Equal hosts stay as they are, hence nothing moves back when it is well again.
 */
#include <agent/core/internal.h>

/* The pair as both sides see it, with nothing broken, and the other side's host is fitter: the
 * secondary's in any way, the primary's if the disk here has failed. */
static bool less_fit(const struct chb_core *core, const struct chb_peer *peer)
{
    return chb_peer_talks(peer) && peer->msg.phase == CHB_PHASE_PAIRED &&
           peer->msg.generation == core->generation && core->broken_generation == 0 &&
           peer->msg.broken_generation == 0 &&
           (core->role == CHB_ROLE_PRIMARY || core->health == 0) && core->health < peer->msg.health;
}

bool chb_health(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);

    if (!less_fit(core, peer)) {
        core->unfit_since = CHB_TIME_NEVER;
        return false;
    }
    if (!chb_time_is_set(core->unfit_since)) {
        core->unfit_since = core->now;
    }
    chb_time due = chb_time_add(core->unfit_since, chb_ms(CHB_UNFIT_PATIENCE_MS));
    bool at_once = core->health == 0 && core->role == CHB_ROLE_PRIMARY;
    if (core->frozen || !peer->msg.oob_alive ||
        (!at_once && (!chb_time_reached(core->now, due) || !peer->msg.main_alive))) {
        return false;
    }
    chb_note(actions, CHB_NOTE_UNFIT, peer->node, (uint32_t)core->role, core->generation);
    chb_kill(core, actions);
    return true;
}
