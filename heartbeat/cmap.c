/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmap: corosync's configuration. Reading blocks and is the servant's; notifications are the loop's
 * and only say that it is time to read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heartbeat/cluster_private.h>

#define NODE_PREFIX "nodelist.node."

/* A node that is being read; cmap knows it by its position in the nodelist. */
struct found {
    uint32_t position;
    struct chb_topology_node node;
};

struct found_list {
    uint32_t count;
    bool truncated;
    struct found list[CHB_NODES_MAX];
};

static struct found *found_at(struct found_list *found, uint32_t position)
{
    for (uint32_t i = 0; i < found->count; i++) {
        if (found->list[i].position == position) {
            return &found->list[i];
        }
    }
    if (found->count == CHB_NODES_MAX) {
        found->truncated = true;
        return NULL;
    }
    struct found *added = &found->list[found->count++];
    memset(added, 0, sizeof(*added));
    added->position = position;
    return added;
}

/* A number of whatever width corosync stores it in. */
static cs_error_t get_number(cmap_handle_t cmap, const char *key, uint32_t *ret_number)
{
    union {
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } value = {0};
    size_t size = sizeof(value);
    cmap_value_types_t type = CMAP_VALUETYPE_UINT8;

    cs_error_t error = cmap_get(cmap, key, &value, &size, &type);
    if (error != CS_OK) {
        return error;
    }
    switch ((int)type) {
    case CMAP_VALUETYPE_INT8:
    case CMAP_VALUETYPE_UINT8:
        *ret_number = value.u8;
        return CS_OK;
    case CMAP_VALUETYPE_INT16:
    case CMAP_VALUETYPE_UINT16:
        *ret_number = value.u16;
        return CS_OK;
    case CMAP_VALUETYPE_INT32:
    case CMAP_VALUETYPE_UINT32:
        *ret_number = value.u32;
        return CS_OK;
    default:
        return CS_ERR_INVALID_PARAM;
    }
}

/* A text that fits; longer ones do not exist in a valid corosync.conf and are left out. */
static cs_error_t get_text(cmap_handle_t cmap, const char *key, char ret_text[CHB_HOST_TEXT_MAX])
{
    char *text = NULL;
    cs_error_t error = cmap_get_string(cmap, key, &text);
    if (error != CS_OK) {
        return error;
    }
    if (strlen(text) < CHB_HOST_TEXT_MAX) {
        strcpy(ret_text, text);
    }
    free(text);
    return CS_OK;
}

/* The key is gone when the configuration is reloaded meanwhile: a notification follows. */
static cs_error_t unless_missing(cs_error_t error)
{
    return error == CS_ERR_NOT_EXIST || error == CS_ERR_INVALID_PARAM ? CS_OK : error;
}

static cs_error_t read_node_key(cmap_handle_t cmap, const char *key, struct found_list *found)
{
    char field[CMAP_KEYNAME_MAXLEN + 1];
    uint32_t position = 0;
    uint32_t link = 0;
    char end = '\0';

    if (sscanf(key, NODE_PREFIX "%u.%255s", &position, field) != 2) {
        return CS_OK;
    }
    struct found *at = found_at(found, position);
    if (at == NULL) {
        return CS_OK;
    }
    if (strcmp(field, "nodeid") == 0) {
        return unless_missing(get_number(cmap, key, &at->node.id));
    }
    if (strcmp(field, "name") == 0) {
        return unless_missing(get_text(cmap, key, at->node.name));
    }
    if (sscanf(field, "ring%u_add%c", &link, &end) == 2 && end == 'r' && link < CHB_LINKS_MAX) {
        return unless_missing(get_text(cmap, key, at->node.address[link]));
    }
    return CS_OK;
}

static cs_error_t read_nodes(cmap_handle_t cmap, struct found_list *found)
{
    cmap_iter_handle_t iterator;
    cs_error_t error = cmap_iter_init(cmap, NODE_PREFIX, &iterator);
    if (error != CS_OK) {
        return error;
    }
    char key[CMAP_KEYNAME_MAXLEN + 1] = "";
    while ((error = cmap_iter_next(cmap, iterator, key, NULL, NULL)) == CS_OK) {
        error = read_node_key(cmap, key, found);
        if (error != CS_OK) {
            break;
        }
    }
    (void)cmap_iter_finalize(cmap, iterator);
    return error == CS_ERR_NO_SECTIONS ? CS_OK : error;
}

static int by_id(const void *a, const void *b)
{
    const struct chb_topology_node *first = a;
    const struct chb_topology_node *second = b;
    return (first->id > second->id) - (first->id < second->id);
}

static void take_nodes(const struct found_list *found, struct chb_topology *topology)
{
    topology->n_nodes = 0;
    topology->truncated = found->truncated;
    memset(topology->nodes, 0, sizeof(topology->nodes));

    for (uint32_t i = 0; i < found->count; i++) {
        struct chb_topology_node node = found->list[i].node;
        if (node.id == 0) {
            continue;
        }
        for (size_t link = 0; link < CHB_LINKS_MAX && node.name[0] == '\0'; link++) {
            strcpy(node.name, node.address[link]);
        }
        topology->nodes[topology->n_nodes++] = node;
    }
    qsort(topology->nodes, topology->n_nodes, sizeof(topology->nodes[0]), by_id);
}

cs_error_t chb_cmap_read(cmap_handle_t cmap, struct chb_topology *topology)
{
    struct found_list *found = calloc(1, sizeof(*found));
    if (found == NULL) {
        return CS_ERR_NO_MEMORY;
    }
    cs_error_t error = read_nodes(cmap, found);
    if (error == CS_OK) {
        take_nodes(found, topology);
    }
    free(found);
    if (error != CS_OK) {
        return error;
    }

    uint32_t two_node = 0;
    error = unless_missing(get_number(cmap, "runtime.votequorum.two_node", &two_node));
    if (error == CS_OK) {
        topology->two_node = two_node != 0;
        topology->token_ms = 0;
        error = unless_missing(get_number(cmap, "runtime.config.totem.token", &topology->token_ms));
    }
    if (error == CS_OK) {
        topology->cluster_name[0] = '\0';
        error = unless_missing(get_text(cmap, "totem.cluster_name", topology->cluster_name));
    }
    return error;
}

static void on_notify(cmap_handle_t cmap, cmap_track_handle_t track, int32_t event, const char *key,
                      struct cmap_notify_value new_value, struct cmap_notify_value old_value,
                      void *userdata)
{
    (void)cmap;
    (void)track;
    (void)event;
    (void)key;
    (void)new_value;
    (void)old_value;
    chb_cluster_topology_changed(userdata);
}

cs_error_t chb_cmap_track(cmap_handle_t cmap, void *context)
{
    static const char *const keys[] = {"nodelist.", "runtime.config.totem.token",
                                       "runtime.votequorum.two_node"};
    const int32_t changes = CMAP_TRACK_ADD | CMAP_TRACK_DELETE | CMAP_TRACK_MODIFY;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        cmap_track_handle_t track;
        cs_error_t error =
            cmap_track_add(cmap, keys[i], changes | CMAP_TRACK_PREFIX, on_notify, context, &track);
        if (error != CS_OK) {
            return error;
        }
    }
    return CS_OK;
}

cs_error_t chb_cmap_dispatch(cmap_handle_t cmap)
{
    for (int i = 0; i < CHB_CLUSTER_DISPATCH_MAX; i++) {
        cs_error_t error = cmap_dispatch(cmap, CS_DISPATCH_ONE_NONBLOCKING);
        if (error != CS_OK) {
            return error == CS_ERR_TRY_AGAIN ? CS_OK : error;
        }
    }
    return CS_OK;
}
