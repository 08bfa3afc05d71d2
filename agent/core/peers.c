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

bool chb_peer_has_replica(const struct chb_peer *peer)
{
    switch (peer->msg.phase) {
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

/* A record of a filled copy names the generation that it is filled from, and is no history. */
static bool is_history(const struct chb_record *record)
{
    return record->kind == CHB_RECORD_SOLO || record->kind == CHB_RECORD_PAIRED;
}

/* What was heard before a loss stays true: generations only rise. */
const struct chb_peer *chb_find_newer(const struct chb_core *core, uint64_t than)
{
    for (uint32_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node == 0) {
            continue;
        }
        if ((is_history(&peer->msg.record) && peer->msg.record.generation > than) ||
            peer->msg.generation > than) {
            return peer;
        }
    }
    return NULL;
}
