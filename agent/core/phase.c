/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The legal moves between phases (doc/TABLES.md; doc/SAFETY.md, R3.1). */
#include <agent/core/internal.h>

#define TO(phase) (1u << (phase))

/* A dying replica's QEMU has not yet been seen dead, so DYING leads only to phases without one. */
static const uint32_t may_follow[CHB_PHASE_MAX] = {
    [CHB_PHASE_STOPPED] = TO(CHB_PHASE_SPARE) | TO(CHB_PHASE_SOLO) | TO(CHB_PHASE_PAIRED) |
                          TO(CHB_PHASE_HOLDING) | TO(CHB_PHASE_GOING_SOLO) | TO(CHB_PHASE_DYING),
    [CHB_PHASE_SPARE] = TO(CHB_PHASE_STOPPED) | TO(CHB_PHASE_BOOTING) | TO(CHB_PHASE_FILLING),
    [CHB_PHASE_BOOTING] = TO(CHB_PHASE_SOLO) | TO(CHB_PHASE_SPARE) | TO(CHB_PHASE_DYING),
    [CHB_PHASE_SOLO] = TO(CHB_PHASE_PAIRED) | TO(CHB_PHASE_SPARE) | TO(CHB_PHASE_DYING),
    [CHB_PHASE_FILLING] = TO(CHB_PHASE_PAIRED) | TO(CHB_PHASE_SPARE) | TO(CHB_PHASE_DYING),
    [CHB_PHASE_PAIRED] = TO(CHB_PHASE_HOLDING) | TO(CHB_PHASE_GOING_SOLO) | TO(CHB_PHASE_SPARE) |
                         TO(CHB_PHASE_DYING),
    [CHB_PHASE_HOLDING] =
        TO(CHB_PHASE_PAIRED) | TO(CHB_PHASE_GOING_SOLO) | TO(CHB_PHASE_SPARE) | TO(CHB_PHASE_DYING),
    [CHB_PHASE_GOING_SOLO] =
        TO(CHB_PHASE_SOLO) | TO(CHB_PHASE_HOLDING) | TO(CHB_PHASE_SPARE) | TO(CHB_PHASE_DYING),
    [CHB_PHASE_DYING] = TO(CHB_PHASE_SPARE) | TO(CHB_PHASE_STOPPED),
};

bool chb_phase_may_follow(enum chb_phase from, enum chb_phase to)
{
    return (may_follow[from] & TO(to)) != 0;
}

void chb_enter(struct chb_core *core, struct chb_actions *actions, enum chb_phase phase)
{
    if (core->phase == phase) {
        return;
    }
    CHB_CORE_ASSERT(chb_phase_may_follow(core->phase, phase));
    enum chb_phase old = core->phase;
    core->phase = phase;
    chb_note(actions, CHB_NOTE_PHASE, core->peer, (uint32_t)old, (uint64_t)phase);
}
