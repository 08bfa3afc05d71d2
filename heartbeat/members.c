/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <heartbeat/members.h>

#include <string.h>

static struct chb_members_entry *find(struct chb_members *members, uint32_t node)
{
    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        if (members->list[i].node == node) {
            return &members->list[i];
        }
    }
    return NULL;
}

static struct chb_members_entry *find_or_add(struct chb_members *members, uint32_t node)
{
    struct chb_members_entry *entry = find(members, node);
    if (entry == NULL) {
        entry = find(members, 0);
    }
    if (entry == NULL) {
        members->overflow = true;
        return NULL;
    }
    entry->node = node;
    return entry;
}

static void tell(struct chb_members_changes *changes, enum chb_members_change_kind kind,
                 uint32_t node)
{
    if (changes->count < CHB_MEMBERS_CHANGES_MAX) {
        changes->list[changes->count++] = (struct chb_members_change){kind, node};
    }
}

void chb_members_init(struct chb_members *ret_members, uint32_t self, uint32_t self_pid)
{
    memset(ret_members, 0, sizeof(*ret_members));
    ret_members->self = self;
    ret_members->self_pid = self_pid;
}

static bool is_self(const struct chb_members *members, const struct chb_member_process *process)
{
    return process->node == members->self && process->pid == members->self_pid;
}

static void process_left(struct chb_members *members, const struct chb_member_process *process,
                         struct chb_members_changes *changes)
{
    if (is_self(members, process)) {
        members->joined = false;
        tell(changes, CHB_MEMBERS_SELF_OUT, process->node);
        return;
    }
    struct chb_members_entry *entry = process->node == 0 ? NULL : find(members, process->node);
    if (entry == NULL || process->node == members->self) {
        return;
    }
    /* A node is told as lost once, whichever of its processes left with it. */
    if (process->node_lost) {
        bool known = entry->in_ring || entry->pid != 0;
        entry->in_ring = false;
        entry->pid = 0;
        if (known) {
            tell(changes, CHB_MEMBERS_NODE_DOWN, entry->node);
        }
    } else if (entry->pid == process->pid) {
        entry->pid = 0;
        tell(changes, CHB_MEMBERS_AGENT_DOWN, entry->node);
    }
}

static void process_joined(struct chb_members *members, const struct chb_member_process *process,
                           struct chb_members_changes *changes)
{
    /* A second agent on our own node is none of the group's: it is refused by its own control
     * socket, and its messages by chb_members_is_agent(). */
    if (process->node == 0 || process->pid == 0 || process->node == members->self) {
        return;
    }
    struct chb_members_entry *entry = find_or_add(members, process->node);
    if (entry == NULL || entry->pid == process->pid) {
        return;
    }
    if (entry->pid != 0) {
        tell(changes, CHB_MEMBERS_AGENT_DOWN, entry->node);
    }
    entry->in_ring = true;
    entry->pid = process->pid;
    tell(changes, CHB_MEMBERS_NODE_UP, entry->node);
}

void chb_members_group(struct chb_members *members, const struct chb_member_process *present,
                       size_t n_present, const struct chb_member_process *left, size_t n_left,
                       const struct chb_member_process *joined, size_t n_joined,
                       struct chb_members_changes *ret_changes)
{
    ret_changes->count = 0;

    if (!members->joined) {
        for (size_t i = 0; i < n_present && !members->joined; i++) {
            members->joined = is_self(members, &present[i]);
        }
        if (!members->joined) {
            return;
        }
        struct chb_members_entry *own = find_or_add(members, members->self);
        if (own != NULL) {
            own->in_ring = true;
            own->pid = members->self_pid;
        }
        tell(ret_changes, CHB_MEMBERS_SELF_IN, members->self);
        for (size_t i = 0; i < n_present; i++) {
            process_joined(members, &present[i], ret_changes);
        }
        return;
    }
    for (size_t i = 0; i < n_left; i++) {
        process_left(members, &left[i], ret_changes);
    }
    for (size_t i = 0; i < n_joined; i++) {
        process_joined(members, &joined[i], ret_changes);
    }
}

static bool contains(const uint32_t *nodes, size_t n_nodes, uint32_t node)
{
    for (size_t i = 0; i < n_nodes; i++) {
        if (nodes[i] == node) {
            return true;
        }
    }
    return false;
}

void chb_members_ring(struct chb_members *members, const uint32_t *nodes, size_t n_nodes,
                      struct chb_members_changes *ret_changes)
{
    ret_changes->count = 0;

    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        struct chb_members_entry *entry = &members->list[i];
        if (entry->node == 0 || entry->node == members->self ||
            contains(nodes, n_nodes, entry->node)) {
            continue;
        }
        bool known = entry->in_ring || entry->pid != 0;
        entry->in_ring = false;
        entry->pid = 0;
        if (known && members->joined) {
            tell(ret_changes, CHB_MEMBERS_NODE_DOWN, entry->node);
        }
    }
    for (size_t i = 0; i < n_nodes; i++) {
        struct chb_members_entry *entry = nodes[i] == 0 ? NULL : find_or_add(members, nodes[i]);
        if (entry != NULL) {
            entry->in_ring = true;
        }
    }
}

bool chb_members_is_agent(const struct chb_members *members, uint32_t node, uint32_t pid)
{
    for (size_t i = 0; i < CHB_NODES_MAX; i++) {
        const struct chb_members_entry *entry = &members->list[i];
        if (entry->node == node) {
            return pid != 0 && entry->pid == pid;
        }
    }
    return false;
}
