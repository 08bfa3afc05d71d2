/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/shell/resolve.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <agent/shell/daemon.h>
#include <agent/shell/log.h>

#define LOOKUP_TIMEOUT_MS 60000
#define OUTPUT_MAX 4096

static bool is_numeric(const char *text)
{
    struct in6_addr buffer;
    return inet_pton(AF_INET, text, &buffer) == 1 || inet_pton(AF_INET6, text, &buffer) == 1;
}

int chb_resolve_parse(const char *output, char ret_address[static CHB_RESOLVE_ADDRESS_SIZE])
{
    for (const char *line = output; *line != '\0';) {
        char word[CHB_RESOLVE_ADDRESS_SIZE];
        size_t length = strcspn(line, " \t\n");
        if (length < sizeof(word)) {
            memcpy(word, line, length);
            word[length] = '\0';
            if (is_numeric(word)) {
                memcpy(ret_address, word, length + 1);
                return 0;
            }
        }
        line += strcspn(line, "\n");
        line += *line == '\n' ? 1 : 0;
    }
    return -ENOENT;
}

static void on_answer(void *userdata, const struct chb_tool_result *result)
{
    struct chb_resolved *entry = userdata;
    char address[CHB_RESOLVE_ADDRESS_SIZE];
    entry->asking = false;
    if (result->outcome != CHB_OUTCOME_DONE || chb_resolve_parse(result->out, address) < 0) {
        chb_log(LOG_WARNING,
                "the address of \"%s\" in corosync's nodelist is not found%s; write it into "
                "/etc/hosts",
                entry->name, entry->address[0] != '\0' ? ", using the one from before" : "");
        return;
    }
    if (strcmp(address, entry->address) != 0) {
        chb_log(LOG_INFO, "%s is %s", entry->name, address);
        memcpy(entry->address, address, sizeof(entry->address));
    }
}

static struct chb_resolved *entry_of(struct chb_daemon *daemon, const char *name)
{
    struct chb_resolver *resolver = &daemon->resolver;
    for (uint32_t i = 0; i < resolver->count; i++) {
        if (strcmp(resolver->list[i].name, name) == 0) {
            return &resolver->list[i];
        }
    }
    if (resolver->count == CHB_RESOLVE_MAX) {
        return NULL;
    }
    struct chb_resolved *entry = &resolver->list[resolver->count++];
    (void)snprintf(entry->name, sizeof(entry->name), "%s", name);
    entry->daemon = daemon;
    return entry;
}

static void look_up(struct chb_daemon *daemon, const char *name, bool again)
{
    struct chb_resolved *entry = entry_of(daemon, name);
    if (entry == NULL || entry->asking || name[0] == '-' || (entry->address[0] != '\0' && !again)) {
        return;
    }
    const char *argv[] = {"getent", "ahosts", name, NULL};
    entry->asking = chb_tools_run(daemon->images, argv, chb_ms(LOOKUP_TIMEOUT_MS), OUTPUT_MAX,
                                  on_answer, entry, NULL) == 0;
}

void chb_resolve_all(struct chb_daemon *daemon, bool again)
{
    const struct chb_topology *topology = chb_cluster_topology(daemon->cluster);
    for (uint32_t i = 0; topology != NULL && i < topology->n_nodes; i++) {
        for (unsigned link = 0; link < CHB_LINKS_MAX; link++) {
            const char *text = topology->nodes[i].address[link];
            if (text[0] != '\0' && !is_numeric(text)) {
                look_up(daemon, text, again);
            }
        }
    }
}

const char *chb_resolve(const struct chb_daemon *daemon, const char *text)
{
    if (text == NULL || is_numeric(text)) {
        return text;
    }
    const struct chb_resolver *resolver = &daemon->resolver;
    for (uint32_t i = 0; i < resolver->count; i++) {
        if (strcmp(resolver->list[i].name, text) == 0) {
            return resolver->list[i].address[0] != '\0' ? resolver->list[i].address : NULL;
        }
    }
    return NULL;
}
