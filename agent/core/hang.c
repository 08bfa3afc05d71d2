/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The own QEMU does not answer. It is killed only as part of a pair whose
 * other side is well: that turns a hang into a death with proof (P1). A replica alone is never
 * killed for slowness, and when both sides are slow the machine is, not QEMU.
 */
#include <agent/core/internal.h>

static bool answers(const struct chb_core *core, chb_time pong_at, int64_t within_ns)
{
    return core->qemu_alive && chb_time_since(core->now, pong_at).ns < within_ns;
}

bool chb_oob_alive(const struct chb_core *core)
{
    return !core->frozen && answers(core, core->oob_pong_at, core->settings.hang_timeout.ns / 2);
}

bool chb_main_alive(const struct chb_core *core)
{
    return !core->frozen && answers(core, core->main_pong_at, core->settings.hang_timeout.ns);
}

static chb_time later(chb_time a, chb_time b)
{
    return chb_time_before(a, b) ? b : a;
}

/* Silence counts only while the other side is well: after both were slow, neither is killed for
 * having come back a little later. */
chb_time chb_oob_silent_since(const struct chb_core *core, const struct chb_peer *peer)
{
    return later(core->oob_pong_at, peer->oob_since);
}

chb_time chb_main_silent_since(const struct chb_core *core, const struct chb_peer *peer)
{
    return later(core->main_pong_at, peer->main_since);
}

bool chb_hang(struct chb_core *core, struct chb_actions *actions)
{
    const struct chb_peer *peer = chb_core_peer(core, core->peer);
    int64_t timeout_ns = core->settings.hang_timeout.ns;

    if (core->frozen || !chb_peer_talks(peer) || peer->msg.phase != CHB_PHASE_PAIRED ||
        peer->msg.generation != core->generation || !peer->msg.oob_alive) {
        return false;
    }
    /* A main loop that is stuck may be waiting for the other side, so that must be well in full,
     * and gets the time to show that it is the one that hangs. */
    bool dead = !answers(core, chb_oob_silent_since(core, peer), timeout_ns);
    bool stuck =
        !answers(core, chb_main_silent_since(core, peer), 3 * timeout_ns) && peer->msg.main_alive;
    if (!dead && !stuck) {
        return false;
    }
    chb_time last = dead ? core->oob_pong_at : core->main_pong_at;
    chb_note(actions, CHB_NOTE_HANG, core->self, dead ? 1 : 0,
             (uint64_t)chb_span_ms(chb_time_since(core->now, last)));
    chb_kill(core, actions);
    return true;
}
