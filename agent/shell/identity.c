/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who this node is: from corosync, and until that is heard from a file on /run, so that a daemon
 * that is started again while corosync is away still knows whose QEMUs these are. */
#include <agent/shell/daemon.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/shell/log.h>
#include <agent/shell/runtime.h>

#define FILE_MAX 65536

static void file_path(const struct chb_daemon *daemon, char ret_path[static CHB_CONF_PATH_SIZE * 2])
{
    (void)snprintf(ret_path, (size_t)CHB_CONF_PATH_SIZE * 2, "%s/node.json",
                   daemon->options.conf.runtime_dir);
}

static void save(const struct chb_daemon *daemon)
{
    char path[CHB_CONF_PATH_SIZE * 2];
    file_path(daemon, path);
    struct json_object *root = json_object_new_object();
    json_object_object_add(root, "self", json_object_new_int64(daemon->self));
    json_object_object_add(root, "name", json_object_new_string(daemon->name));
    json_object_object_add(root, "cluster", json_object_new_string(daemon->cluster_name));
    struct json_object *nodes = json_object_new_array();
    for (uint32_t i = 0; i < daemon->n_nodes; i++) {
        json_object_array_add(nodes, json_object_new_int64(daemon->nodes[i]));
    }
    json_object_object_add(root, "nodes", nodes);
    int r = chb_file_replace(path, json_object_to_json_string(root));
    if (r < 0) {
        chb_log(LOG_WARNING, "%s cannot be written: %s", path, strerror(-r));
    }
    json_object_put(root);
}

static int64_t number_of(struct json_object *root, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(root, key, &value) ? json_object_get_int64(value) : 0;
}

static void text_of(struct json_object *root, const char *key, char *ret_text, size_t size)
{
    struct json_object *value = NULL;
    if (json_object_object_get_ex(root, key, &value) &&
        json_object_is_type(value, json_type_string)) {
        (void)snprintf(ret_text, size, "%s", json_object_get_string(value));
    }
}

void chb_identity_load(struct chb_daemon *daemon)
{
    char path[CHB_CONF_PATH_SIZE * 2];
    char *text = NULL;
    file_path(daemon, path);
    if (chb_file_read(path, FILE_MAX, &text) < 0) {
        return; /* the first start since the host's own */
    }
    struct json_object *root = json_tokener_parse(text);
    free(text);
    int64_t self = json_object_is_type(root, json_type_object) ? number_of(root, "self") : 0;
    struct json_object *nodes = NULL;
    if (self > 0 && self <= UINT32_MAX) {
        daemon->self = (uint32_t)self;
        text_of(root, "name", daemon->name, sizeof(daemon->name));
        text_of(root, "cluster", daemon->cluster_name, sizeof(daemon->cluster_name));
        (void)json_object_object_get_ex(root, "nodes", &nodes);
    }
    if (json_object_is_type(nodes, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(nodes) && i < CHB_NODES_MAX; i++) {
            daemon->nodes[daemon->n_nodes++] =
                (uint32_t)json_object_get_int64(json_object_array_get_idx(nodes, i));
        }
    }
    json_object_put(root);
}

void chb_identity_update(struct chb_daemon *daemon, const struct chb_topology *topology)
{
    const struct chb_topology_node *own = chb_topology_node(topology, topology->self);
    if (topology->self == 0) {
        return;
    }
    if (daemon->self != 0 && daemon->self != topology->self) {
        chb_log(LOG_ERR,
                "corosync says that this is node %u, and it was node %u: restart colo-hbd once "
                "its VMs are stopped",
                topology->self, daemon->self);
        return;
    }
    daemon->self = topology->self;
    (void)snprintf(daemon->name, sizeof(daemon->name), "%s", own != NULL ? own->name : "");
    (void)snprintf(daemon->cluster_name, sizeof(daemon->cluster_name), "%s",
                   topology->cluster_name);
    daemon->n_nodes = 0;
    for (uint32_t i = 0; i < topology->n_nodes && i < CHB_NODES_MAX; i++) {
        daemon->nodes[daemon->n_nodes++] = topology->nodes[i].id;
    }
    save(daemon);
}

const char *chb_node_name(const struct chb_daemon *daemon, uint32_t node)
{
    const struct chb_topology *topology = chb_cluster_topology(daemon->cluster);
    const struct chb_topology_node *entry =
        topology != NULL ? chb_topology_node(topology, node) : NULL;
    if (entry != NULL) {
        return entry->name;
    }
    return node == daemon->self && daemon->name[0] != '\0' ? daemon->name : NULL;
}

uint32_t chb_node_id(const struct chb_daemon *daemon, const char *name)
{
    const struct chb_topology *topology = chb_cluster_topology(daemon->cluster);
    const struct chb_topology_node *entry =
        topology != NULL ? chb_topology_named(topology, name) : NULL;
    return entry != NULL ? entry->id : 0;
}
