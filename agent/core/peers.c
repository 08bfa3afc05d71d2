/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include <agent/core/internal.h>

const struct chb_peer *chb_core_peer(const struct chb_core *core, uint32_t node)
{
    if (node == 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        if (core->peers[i].node == node) {
            return &core->peers[i];
        }
    }
    return NULL;
}

struct chb_peer *chb_peer_slot(struct chb_core *core, uint32_t node)
{
    for (uint32_t i = 0; node != 0 && i < CHB_NODES_MAX; i++) {
        if (core->peers[i].node == node) {
            return &core->peers[i];
        }
    }
    return NULL;
}

/* NULL with more nodes than there are slots: such a node takes no part in this VM. */
struct chb_peer *chb_peer_slot_new(struct chb_core *core, uint32_t node)
{
    struct chb_peer *peer = chb_peer_slot(core, node);
    if (peer != NULL || node == 0 || node == core->self) {
        return peer;
    }
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        if (core->peers[i].node == 0) {
            memset(&core->peers[i], 0, sizeof(core->peers[i]));
            core->peers[i].node = node;
            return &core->peers[i];
        }
    }
    return NULL;
}

bool chb_peer_talks(const struct chb_peer *peer)
{
    return peer != NULL && peer->member && peer->heard && !peer->silent;
}

bool chb_record_is_history(const struct chb_record *record)
{
    return record->kind == CHB_RECORD_SOLO || record->kind == CHB_RECORD_PAIRED;
}

bool chb_phase_has_replica(enum chb_phase phase)
{
    switch (phase) {
    case CHB_PHASE_BOOTING:
    case CHB_PHASE_SOLO:
    case CHB_PHASE_PAIRED:
    case CHB_PHASE_HOLDING:
    case CHB_PHASE_GOING_SOLO:
        return true;
    case CHB_PHASE_STOPPED:
    case CHB_PHASE_SPARE:
    case CHB_PHASE_FILLING:
    case CHB_PHASE_DYING:
    case CHB_PHASE_MAX:
        return false;
    }
    return false;
}

bool chb_peer_has_replica(const struct chb_peer *peer)
{
    return chb_phase_has_replica(peer->msg.phase);
}

/* An image that is absent is made with the right size when it is filled. */
static bool sizes_differ(const struct chb_core *core, const struct chb_peer *peer)
{
    for (uint32_t i = 0; i < CHB_DISKS_MAX; i++) {
        uint64_t own = core->settings.disk_bytes[i];
        uint64_t theirs = peer->msg.disk_bytes[i];
        if (own != 0 && theirs != 0 && own != theirs) {
            return true;
        }
    }
    return false;
}

enum chb_misfit chb_core_misfit(const struct chb_core *core, const struct chb_peer *peer)
{
    if (peer->msg.spec_hash != core->settings.spec_hash) {
        return CHB_MISFIT_SPEC;
    }
    if (peer->msg.qemu_version != core->settings.qemu_version) {
        return CHB_MISFIT_VERSION;
    }
    if (sizes_differ(core, peer)) {
        return CHB_MISFIT_SIZE;
    }
    return peer->msg.health == 0 ? CHB_MISFIT_UNHEALTHY : CHB_MISFIT_NONE;
}

uint64_t chb_newest_generation(const struct chb_core *core)
{
    uint64_t newest = core->record.generation;

    if (core->cib_known && core->cib_generation > newest) {
        newest = core->cib_generation;
    }
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_state_msg *msg = &core->peers[i].msg;
        if (core->peers[i].node == 0) {
            continue;
        }
        newest = msg->record.generation > newest ? msg->record.generation : newest;
        newest = msg->generation > newest ? msg->generation : newest;
        newest = msg->dead_generation > newest ? msg->dead_generation : newest;
    }
    return core->dead_generation > newest ? core->dead_generation : newest;
}

/* R2.2, R4.2. What was heard before a loss stays true: generations only rise. A record of a copy
 * that is being filled counts, too: it is no history, but the generation that it names had a
 * primary. */
const struct chb_peer *chb_find_newer(const struct chb_core *core, uint64_t than)
{
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node == 0) {
            continue;
        }
        if (peer->msg.record.generation > than || peer->msg.generation > than) {
            return peer;
        }
    }
    return NULL;
}
