/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/text/lonely.h>

static enum chb_lonely lonely_of_peer(const struct chb_core *core, const struct chb_peer *peer)
{
    const struct chb_state_msg *state = &peer->msg;
    if (!peer->member) {
        return peer->lost || !peer->heard ? CHB_LONELY_NODE_DOWN : CHB_LONELY_AGENT_DOWN;
    }
    if (peer->silent || !peer->heard) {
        return CHB_LONELY_SILENT;
    }
    if (state->phase == CHB_PHASE_STOPPED) {
        return CHB_LONELY_STOPPED;
    }
    switch (chb_core_misfit(core, peer)) {
    case CHB_MISFIT_SPEC:
        return CHB_LONELY_SPEC;
    case CHB_MISFIT_VERSION:
        return CHB_LONELY_VERSION;
    case CHB_MISFIT_SIZE:
        return CHB_LONELY_SIZE;
    case CHB_MISFIT_UNHEALTHY:
        return CHB_LONELY_UNHEALTHY;
    case CHB_MISFIT_NONE:
        break;
    }
    return core->join_failures > 0 && core->join_failed_node == peer->node ? CHB_LONELY_FAILED
                                                                           : CHB_LONELY_SOON;
}

enum chb_lonely chb_lonely_of_core(const struct chb_core *core, uint32_t *ret_node,
                                   uint32_t *ret_failures, uint32_t *ret_parts)
{
    enum chb_lonely nearest = CHB_LONELY_NOBODY;
    *ret_node = 0;
    *ret_failures = 0;
    *ret_parts = 0;
    for (unsigned i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_peer *peer = &core->peers[i];
        if (peer->node == 0 || peer->node == core->self || !(peer->expected || peer->member)) {
            continue;
        }
        enum chb_lonely lonely = lonely_of_peer(core, peer);
        if (lonely > nearest || (lonely == nearest && peer->node == core->peer)) {
            nearest = lonely;
            *ret_node = peer->node;
        }
    }
    const struct chb_peer *named = chb_core_peer(core, *ret_node);
    for (unsigned i = 0; nearest == CHB_LONELY_SPEC && i < CHB_SPEC_PARTS; i++) {
        bool differs = named->msg.spec_parts[i] != core->settings.spec_parts[i];
        *ret_parts |= differs ? 1u << i : 0;
    }
    for (unsigned i = 0; nearest == CHB_LONELY_SIZE && i < CHB_DISKS_MAX; i++) {
        uint64_t own = core->settings.disk_bytes[i];
        uint64_t theirs = named->msg.disk_bytes[i];
        *ret_parts |= own != 0 && theirs != 0 && own != theirs ? 1u << i : 0;
    }
    if (nearest == CHB_LONELY_FAILED) {
        *ret_failures = core->join_failures;
    }
    return nearest;
}
