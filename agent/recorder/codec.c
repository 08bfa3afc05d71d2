/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/recorder/codec.h>

#include <errno.h>

#include <agent/recorder/bytes.h>
#include <agent/recorder/layout.h>

/* Eight bytes at a time: quick enough to be taken after every step. */
static uint64_t digest(const uint8_t *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0x243f6a8885a308d3) ^ size;
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        hash = (hash ^ chb_get_le64(bytes + at)) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    for (; at < size; at++) {
        rest = rest << 8 | bytes[at];
    }
    hash = (hash ^ rest) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

/* ---- state ---- */

size_t chb_core_put(const struct chb_core *core, uint8_t ret_bytes[static CHB_CORE_BYTES_MAX])
{
    uint8_t *at = chb_layout_put(&chb_layout_core, core, ret_bytes);
    uint8_t *count = at++;
    *count = 0;
    for (unsigned i = 0; i < CHB_NODES_MAX; i++) {
        if (core->peers[i].node != 0) {
            *at++ = (uint8_t)i;
            at = chb_layout_put(&chb_layout_peer, &core->peers[i], at);
            (*count)++;
        }
    }
    return (size_t)(at - ret_bytes);
}

int chb_core_get(const uint8_t *bytes, size_t size, struct chb_core *ret_core)
{
    size_t fixed = chb_layout_bytes(&chb_layout_core);
    size_t each = chb_layout_bytes(&chb_layout_peer) + 1;
    memset(ret_core, 0, sizeof(*ret_core));
    if (size < fixed + 1 || !chb_layout_get(&chb_layout_core, bytes, ret_core)) {
        return -EBADMSG;
    }
    unsigned count = bytes[fixed];
    const uint8_t *at = bytes + fixed + 1;
    if (count > CHB_NODES_MAX || size != fixed + 1 + count * each) {
        return -EBADMSG;
    }
    for (unsigned i = 0; i < count; i++, at += each) {
        if (*at >= CHB_NODES_MAX || ret_core->peers[*at].node != 0 ||
            !chb_layout_get(&chb_layout_peer, at + 1, &ret_core->peers[*at]) ||
            ret_core->peers[*at].node == 0) {
            return -EBADMSG;
        }
    }
    return ret_core->self != 0 && ret_core->boot != 0 &&
                   chb_span_ms(ret_core->settings.hang_timeout) <= CHB_HANG_TIMEOUT_MAX_MS
               ? 0
               : -EBADMSG;
}

uint64_t chb_core_digest(const struct chb_core *core)
{
    uint8_t bytes[CHB_CORE_BYTES_MAX];
    return digest(bytes, chb_core_put(core, bytes));
}

const char *chb_core_difference(const struct chb_core *a, const struct chb_core *b)
{
    const char *name = chb_layout_difference(&chb_layout_core, a, b);
    for (unsigned i = 0; i < CHB_NODES_MAX && name == NULL; i++) {
        if (a->peers[i].node != 0 || b->peers[i].node != 0) {
            name = chb_layout_difference(&chb_layout_peer, &a->peers[i], &b->peers[i]);
        }
    }
    return name;
}

/* ---- events ---- */

size_t chb_event_put(const struct chb_event *event, uint8_t ret_bytes[static CHB_EVENT_BYTES_MAX])
{
    const struct chb_layout *layout = chb_layout_event(event->kind);
    ret_bytes[0] = (uint8_t)event->kind;
    uint8_t *at = chb_put_le64(ret_bytes + 1, (uint64_t)event->at.ns);
    if (layout != NULL) {
        at = chb_layout_put(layout, event, at);
    }
    return (size_t)(at - ret_bytes);
}

int chb_event_get(const uint8_t *bytes, size_t size, struct chb_event *ret_event)
{
    memset(ret_event, 0, sizeof(*ret_event));
    if (size < 9) {
        return -EBADMSG;
    }
    const struct chb_layout *layout = chb_layout_event((enum chb_event_kind)bytes[0]);
    ret_event->kind = (enum chb_event_kind)bytes[0];
    ret_event->at.ns = (int64_t)chb_get_le64(bytes + 1);
    return layout != NULL && ret_event->at.ns >= 0 && size == 9 + chb_layout_bytes(layout) &&
                   chb_layout_get(layout, bytes + 9, ret_event)
               ? 0
               : -EBADMSG;
}

/* ---- actions and results ---- */

static size_t actions_put(const struct chb_actions *actions, uint8_t *ret_bytes)
{
    uint8_t *at = ret_bytes;
    for (uint32_t i = 0; i < actions->count && i < CHB_ACTIONS_MAX; i++) {
        const struct chb_layout *layout = chb_layout_action(actions->list[i].kind);
        *at++ = (uint8_t)actions->list[i].kind;
        if (layout != NULL) {
            at = chb_layout_put(layout, &actions->list[i], at);
        }
    }
    return (size_t)(at - ret_bytes);
}

uint64_t chb_actions_digest(const struct chb_actions *actions)
{
    uint8_t bytes[CHB_ACTIONS_BYTES_MAX];
    return digest(bytes, actions_put(actions, bytes));
}

bool chb_action_equal(const struct chb_action *a, const struct chb_action *b)
{
    const struct chb_layout *layout = chb_layout_action(a->kind);
    return a->kind == b->kind && layout != NULL && chb_layout_difference(layout, a, b) == NULL;
}

size_t chb_result_put(const struct chb_core *after, const struct chb_actions *actions,
                      uint8_t ret_bytes[static CHB_RESULT_BYTES_MAX])
{
    uint8_t bytes[CHB_ACTIONS_BYTES_MAX];
    size_t size = actions_put(actions, bytes);
    bool kept = size <= CHB_ACTIONS_BYTES_KEPT;
    uint8_t *at = chb_put_le64(ret_bytes, digest(bytes, size));
    at = chb_put_le64(at, chb_core_digest(after));
    at = chb_put_le16(at, (uint16_t)actions->count);
    at = chb_put_le16(at, kept ? 1 : 0);
    if (kept) {
        memcpy(at, bytes, size);
        at += size;
    }
    return (size_t)(at - ret_bytes);
}

int chb_result_get(const uint8_t *bytes, size_t size, struct chb_result *ret_result)
{
    memset(ret_result, 0, sizeof(*ret_result));
    if (size < 20) {
        return -EBADMSG;
    }
    ret_result->actions_digest = chb_get_le64(bytes);
    ret_result->state_digest = chb_get_le64(bytes + 8);
    ret_result->n_actions = chb_get_le16(bytes + 16);
    unsigned kept = chb_get_le16(bytes + 18);
    if (ret_result->n_actions > CHB_ACTIONS_MAX || kept > 1) {
        return -EBADMSG;
    }
    ret_result->kept = kept == 1;
    size_t at = 20;
    for (uint32_t i = 0; ret_result->kept && i < ret_result->n_actions; i++) {
        struct chb_action *action = &ret_result->actions.list[i];
        const struct chb_layout *layout =
            at < size ? chb_layout_action((enum chb_action_kind)bytes[at]) : NULL;
        if (layout == NULL || size - at - 1 < chb_layout_bytes(layout) ||
            !chb_layout_get(layout, bytes + at + 1, action)) {
            return -EBADMSG;
        }
        action->kind = (enum chb_action_kind)bytes[at];
        at += 1 + chb_layout_bytes(layout);
        ret_result->actions.count++;
    }
    return at == size ? 0 : -EBADMSG;
}
