/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of a COLO pair do, as QEMU 7.2 was seen to do them: events, states and error
 * texts.
 *
 * Two fakes that share a migration socket are a pair: the primary writes one byte when it enters
 * COLO, and the end of the socket is the end of COLO on the other side.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_qemu.h"

#define COPY_MS 3
#define STEP_MS 2
#define MERGE_MS 20

static const char *text_of(struct json_object *in, const char *name)
{
    struct json_object *found = NULL;
    return json_object_object_get_ex(in, name, &found) ? json_object_get_string(found) : "";
}

static void set_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text));
}

static void emit_migration(struct fake_qemu *fake, const char *status)
{
    char data[64];
    fake_qemu_model(fake)->migration = status;
    (void)snprintf(data, sizeof(data), "{\"status\": \"%s\"}", status);
    fake_qemu_emit(fake, "MIGRATION", data);
}

static void set_running(struct fake_qemu *fake, bool running)
{
    struct fake_model *model = fake_qemu_model(fake);
    const char *state = running ? "running" : "paused";
    if (strcmp(model->run_state, state) != 0) {
        model->run_state = state;
        fake_qemu_emit(fake, running ? "RESUME" : "STOP", NULL);
    }
}

void fake_model_colo_exit(struct fake_qemu *fake)
{
    struct fake_model *model = fake_qemu_model(fake);
    char data[80];
    if (strcmp(model->colo_mode, "none") == 0 || model->colo_exited) {
        return;
    }
    model->colo_exited = true;
    (void)snprintf(data, sizeof(data), "{\"mode\": \"%s\", \"reason\": \"error\"}",
                   model->colo_mode);
    fake_qemu_emit(fake, "COLO_EXIT", data);
}

static void resume_in_colo(struct fake_qemu *fake)
{
    if (fake_qemu_model(fake)->refused_by_peer) {
        fake_model_colo_exit(fake);
    } else {
        set_running(fake, true);
    }
}

/* What the primary does reaches the secondary's guest too. */
static void tell_secondary(const struct fake_model *model, char what)
{
    if (model->migrate_fd >= 0) {
        (void)send(model->migrate_fd, &what, 1, MSG_NOSIGNAL);
    }
}

static void enter_colo(struct fake_qemu *fake)
{
    struct fake_model *model = fake_qemu_model(fake);
    if (model->migration == NULL || strcmp(model->migration, "active") != 0) {
        return; /* cancelled meanwhile */
    }
    set_running(fake, false);
    model->colo_mode = "primary";
    model->peer_lost = false;
    model->colo_exited = false;
    emit_migration(fake, "colo");
    tell_secondary(model, 'c');
    fake_qemu_later(fake, STEP_MS, resume_in_colo);
}

void fake_model_drop_migration(struct fake_model *model)
{
    model->migrate_io = sd_event_source_disable_unref(model->migrate_io);
    if (model->migrate_fd >= 0) {
        (void)close(model->migrate_fd);
        model->migrate_fd = -1;
    }
}

static void drop_nbd(struct fake_model *model)
{
    if (model->nbd_fd >= 0) {
        (void)close(model->nbd_fd);
        model->nbd_fd = -1;
    }
}

static void lose_peer(struct fake_qemu *fake)
{
    struct fake_model *model = fake_qemu_model(fake);
    fake_model_drop_migration(model);
    if (strcmp(model->colo_mode, "none") != 0) {
        fake_model_colo_exit(fake);
    } else if (model->migration != NULL && (strcmp(model->migration, "active") == 0 ||
                                            strcmp(model->migration, "setup") == 0)) {
        emit_migration(fake, "failed");
    }
}

static void power_off(struct fake_qemu *fake)
{
    struct fake_model *model = fake_qemu_model(fake);
    fake_qemu_emit(fake, "SHUTDOWN", "{\"guest\": true, \"reason\": \"guest-shutdown\"}");
    model->run_state = "shutdown";
    fake_qemu_emit(fake, "STOP", NULL);
}

static void obey_primary(struct fake_qemu *fake, char what)
{
    struct fake_model *model = fake_qemu_model(fake);
    if (what == 'c') {
        model->colo_mode = "secondary";
        model->colo_exited = false;
        emit_migration(fake, "colo");
        model->run_state = "running";
        fake_qemu_emit(fake, "RESUME", NULL);
    } else if (what == 's') {
        power_off(fake);
    } else if (what == 'r') {
        fake_qemu_emit(fake, "RESET", "{\"guest\": true, \"reason\": \"guest-reset\"}");
    }
}

/* The other side of the migration spoke, or is gone. A primary in COLO does not notice that before
 * its next checkpoint. */
static int on_migration_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    char what = 0;
    (void)events;
    struct fake_qemu *fake = userdata;
    struct fake_model *model = fake_qemu_model(fake);
    if (recv(fd, &what, 1, MSG_DONTWAIT) > 0) {
        obey_primary(fake, what);
    } else if (strcmp(model->colo_mode, "primary") == 0) {
        model->peer_lost = true;
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
    } else {
        lose_peer(fake);
    }
    return 0;
}

static void watch_migration(struct fake_qemu *fake)
{
    struct fake_model *model = fake_qemu_model(fake);
    model->migrate_io = sd_event_source_disable_unref(model->migrate_io);
    if (model->migrate_fd >= 0) {
        (void)sd_event_add_io(fake_qemu_event(fake), &model->migrate_io, model->migrate_fd, EPOLLIN,
                              on_migration_io, fake);
    }
}

static struct json_object *query_status(const struct fake_model *model)
{
    struct json_object *result = json_object_new_object();
    set_text(result, "status", model->run_state);
    json_object_object_add(result, "running",
                           json_object_new_boolean(strcmp(model->run_state, "running") == 0));
    return result;
}

static struct json_object *query_colo(const struct fake_model *model)
{
    struct json_object *result = json_object_new_object();
    set_text(result, "mode", model->colo_mode);
    set_text(result, "last-mode", model->colo_last_mode);
    set_text(result, "reason", strcmp(model->colo_last_mode, "none") == 0 ? "none" : "request");
    return result;
}

static struct json_object *query_migrate(struct fake_qemu *fake)
{
    struct fake_model *model = fake_qemu_model(fake);
    struct json_object *result = json_object_new_object();
    if (model->migration == NULL) {
        return result;
    }
    if (strcmp(model->migration, "active") == 0) {
        struct json_object *ram = json_object_new_object();
        model->passes++;
        model->remaining /= 4;
        json_object_object_add(ram, "dirty-sync-count", json_object_new_int((int)model->passes));
        json_object_object_add(ram, "remaining", json_object_new_int64((int64_t)model->remaining));
        json_object_object_add(ram, "transferred", json_object_new_int64(1000 * model->passes));
        json_object_object_add(result, "ram", ram);
        if (model->converges && model->passes == 2) {
            enter_colo(fake);
        }
    }
    set_text(result, "status", model->migration);
    return result;
}

static int job_index(const char *job)
{
    return strncmp(job, "disk", 4) == 0 && job[4] >= '0' && job[4] <= '7' ? job[4] - '0' : -1;
}

static void copies_ready(struct fake_qemu *fake)
{
    struct fake_model *model = fake_qemu_model(fake);
    for (int i = 0; i < 8; i++) {
        if (model->jobs[i] && !model->job_ready[i]) {
            char data[128];
            model->job_ready[i] = true;
            (void)snprintf(data, sizeof(data),
                           "{\"type\": \"mirror\", \"device\": \"disk%d-job\", \"len\": 1000, "
                           "\"offset\": 1000, \"speed\": 0}",
                           i);
            fake_qemu_emit(fake, "BLOCK_JOB_READY", data);
        }
    }
}

static struct json_object *query_jobs(const struct fake_model *model)
{
    struct json_object *result = json_object_new_array();
    for (int i = 0; i < 8; i++) {
        if (model->jobs[i]) {
            char job[16];
            struct json_object *entry = json_object_new_object();
            (void)snprintf(job, sizeof(job), "disk%d-job", i);
            set_text(entry, "device", job);
            json_object_object_add(entry, "ready", json_object_new_boolean(model->job_ready[i]));
            json_object_object_add(entry, "offset", json_object_new_int(500));
            json_object_object_add(entry, "len", json_object_new_int(1000));
            json_object_array_add(result, entry);
        }
    }
    return result;
}

static const char *end_job(struct fake_qemu *fake, const char *job)
{
    struct fake_model *model = fake_qemu_model(fake);
    const int i = job_index(job);
    char data[160];
    if (i < 0 || !model->jobs[i]) {
        return "Block job not found";
    }
    (void)snprintf(data, sizeof(data),
                   "{\"type\": \"mirror\", \"device\": \"%s\", \"len\": 1000, \"offset\": 1000, "
                   "\"speed\": 0}",
                   job);
    const bool ready = model->job_ready[i];
    model->jobs[i] = false;
    model->job_ready[i] = false;
    fake_qemu_emit(fake, ready ? "BLOCK_JOB_COMPLETED" : "BLOCK_JOB_CANCELLED", data);
    return NULL;
}

static struct json_object *query_names(const struct fake_model *model, char kind, const char *key)
{
    struct json_object *result = json_object_new_array();
    for (size_t i = 0; i < model->n_names; i++) {
        if (model->names[i][0] != kind) {
            continue;
        }
        struct json_object *entry = json_object_new_object();
        char filename[80];
        set_text(entry, key, model->names[i] + 1);
        (void)snprintf(filename, sizeof(filename), "disconnected:tcp:127.0.0.1:%zu,server=on",
                       40000 + i);
        set_text(entry, "filename", filename);
        json_object_array_add(result, entry);
    }
    return result;
}

static struct json_object *query(struct fake_qemu *fake, const char *command)
{
    struct fake_model *model = fake_qemu_model(fake);
    if (strcmp(command, "query-status") == 0) {
        return query_status(model);
    }
    if (strcmp(command, "query-colo-status") == 0) {
        return query_colo(model);
    }
    if (strcmp(command, "query-migrate") == 0) {
        return query_migrate(fake);
    }
    if (strcmp(command, "query-block-jobs") == 0) {
        return query_jobs(model);
    }
    if (strcmp(command, "query-chardev") == 0) {
        return query_names(model, 'c', "label");
    }
    if (strcmp(command, "query-named-block-nodes") == 0) {
        return query_names(model, 'n', "node-name");
    }
    return strcmp(command, "query-qmp-schema") == 0 ? fake_schema() : NULL;
}

static const char *take(struct fake_model *model, char kind, const char *name)
{
    if (fake_model_has(model, kind, name)) {
        return "Duplicate ID";
    }
    fake_model_add(model, kind, name);
    return NULL;
}

static const char *drop(struct fake_model *model, char kind, const char *name, const char *error)
{
    return fake_model_remove(model, kind, name) ? NULL : error;
}

/* QEMU merges the overlays into the image and drops them. */
static void overlays_merged(struct fake_qemu *fake)
{
    for (unsigned i = 0; i < 8; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "disk%u-active", i);
        (void)fake_model_remove(fake_qemu_model(fake), 'n', name);
        (void)snprintf(name, sizeof(name), "disk%u-hidden", i);
        (void)fake_model_remove(fake_qemu_model(fake), 'n', name);
    }
}

static const char *lost_heartbeat(struct fake_qemu *fake)
{
    struct fake_model *model = fake_qemu_model(fake);
    if (strcmp(model->colo_mode, "none") == 0) {
        return "VM is not in COLO mode";
    }
    fake_model_colo_exit(fake);
    fake_model_drop_migration(model);
    if (strcmp(model->colo_mode, "secondary") == 0) {
        fake_qemu_later(fake, MERGE_MS, overlays_merged);
    }
    model->colo_last_mode = model->colo_mode;
    model->colo_mode = "none";
    emit_migration(fake, "completed");
    model->run_state = "running";
    fake_qemu_emit(fake, "RESUME", NULL);
    return NULL;
}

static void checkpoint_ends(struct fake_qemu *fake)
{
    set_running(fake, true);
}

static const char *do_migration(struct fake_qemu *fake, const char *command)
{
    struct fake_model *model = fake_qemu_model(fake);
    if (strcmp(command, "migrate") == 0) {
        model->passes = 0;
        model->remaining = UINT64_C(400) * 1024 * 1024;
        emit_migration(fake, "setup");
        emit_migration(fake, "active");
        watch_migration(fake);
    } else if (strcmp(command, "migrate-incoming") == 0) {
        emit_migration(fake, "setup");
        watch_migration(fake);
    } else if (strcmp(command, "migrate_cancel") == 0) {
        if (model->migration != NULL && strcmp(model->migration, "active") == 0) {
            emit_migration(fake, "cancelled");
        }
    } else if (strcmp(command, "migrate-set-parameters") == 0) {
        if (strcmp(model->colo_mode, "primary") == 0 && model->peer_lost) {
            fake_model_colo_exit(fake);
        } else if (strcmp(model->colo_mode, "primary") == 0 && !model->colo_exited) {
            set_running(fake, false);
            fake_qemu_later(fake, STEP_MS, checkpoint_ends);
        }
    } else if (strcmp(command, "stop") == 0) {
        set_running(fake, false);
        if (model->migration != NULL && strcmp(model->migration, "active") == 0) {
            fake_qemu_later(fake, STEP_MS, enter_colo);
        }
    }
    return NULL;
}

static const char *do_block(struct fake_qemu *fake, const char *command,
                            struct json_object *arguments)
{
    struct fake_model *model = fake_qemu_model(fake);
    if (strcmp(command, "blockdev-add") == 0) {
        return take(model, 'n', text_of(arguments, "node-name"));
    }
    if (strcmp(command, "blockdev-del") == 0) {
        return drop(model, 'n', text_of(arguments, "node-name"), "Failed to find node");
    }
    if (strcmp(command, "x-blockdev-change") == 0) {
        const char *parent = text_of(arguments, "parent");
        return text_of(arguments, "node")[0] != '\0'
                   ? take(model, 'l', parent)
                   : drop(model, 'l', parent, "Node does not have child 'children.1'");
    }
    if (strcmp(command, "blockdev-mirror") == 0) {
        const int i = job_index(text_of(arguments, "job-id"));
        if (i < 0 || model->jobs[i]) {
            return "Job ID in use";
        }
        model->jobs[i] = true;
        model->job_ready[i] = false;
        fake_qemu_later(fake, COPY_MS, copies_ready);
        return NULL;
    }
    if (strcmp(command, "nbd-server-start") == 0) {
        model->nbd_server = true;
        return NULL;
    }
    const bool stops = strcmp(command, "nbd-server-stop") == 0;
    const char *error = stops && !model->nbd_server ? "NBD server not running" : NULL;
    model->nbd_server = model->nbd_server && !stops;
    if (stops) {
        drop_nbd(model);
    }
    return error;
}

static const char *do_object(struct fake_model *model, const char *command,
                             struct json_object *arguments)
{
    const char *id = text_of(arguments, "id");
    if (strcmp(command, "object-add") == 0) {
        return take(model, 'o', id);
    }
    if (strcmp(command, "object-del") == 0) {
        return drop(model, 'o', id, "object not found");
    }
    return strcmp(command, "chardev-add") == 0 ? take(model, 'c', id)
                                               : drop(model, 'c', id, "Chardev not found");
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

struct json_object *fake_model_do(struct fake_qemu *fake, const char *command,
                                  struct json_object *arguments, int fd, const char **ret_error)
{
    struct fake_model *model = fake_qemu_model(fake);
    const char *error = NULL;

    if (fd >= 0 && strcmp(text_of(arguments, "fdname"), "mig") == 0) {
        fake_model_drop_migration(model);
        model->migrate_fd = fd;
    } else if (fd >= 0 && strcmp(text_of(arguments, "fdname"), "nbd") == 0) {
        drop_nbd(model);
        model->nbd_fd = fd; /* who connects is let in, and never answered */
    } else if (fd >= 0) {
        (void)close(fd);
    }
    if (begins(command, "query-")) {
        struct json_object *result = query(fake, command);
        *ret_error = "The command has not been found";
        return result;
    }
    if (begins(command, "migrate") || strcmp(command, "stop") == 0) {
        error = do_migration(fake, command);
    } else if (strcmp(command, "block-job-cancel") == 0) {
        error = end_job(fake, text_of(arguments, "device"));
    } else if (begins(command, "blockdev") || begins(command, "nbd-") ||
               strcmp(command, "x-blockdev-change") == 0) {
        error = do_block(fake, command, arguments);
    } else if (begins(command, "object-") || begins(command, "chardev-")) {
        error = do_object(model, command, arguments);
    } else if (strcmp(command, "x-colo-lost-heartbeat") == 0) {
        error = lost_heartbeat(fake);
    } else if (strcmp(command, "cont") == 0) {
        set_running(fake, true);
    } else if (strcmp(command, "yank") == 0) {
        if (strstr(json_object_to_json_string(arguments), "migration") != NULL) {
            lose_peer(fake);
        }
    } else if (strcmp(command, "system_powerdown") == 0) {
        tell_secondary(model, 's');
        power_off(fake);
    } else if (strcmp(command, "system_reset") == 0) {
        tell_secondary(model, 'r');
        fake_qemu_emit(fake, "RESET", "{\"guest\": false, \"reason\": \"host-qmp-system-reset\"}");
    } else if (strcmp(command, "quit") == 0) {
        model->quit = true;
    }
    *ret_error = error;
    return error == NULL ? json_object_new_object() : NULL;
}
