/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that a daemon takes for QEMU: it reads QEMU's command line, opens both monitors, writes
 * the pid file and lives through whole pair lives (prepare, join, going solo, joining again) in 2
 * MB and without a guest. For tests of scale and of the daemon itself. Everything about how it
 * behaves is in tests/unit/qmp/fake_model.c.
 *
 * `--version` and the greeting say 7.2.0, or what FAKE_QEMU_VERSION says ("9.1.2").
 *
 * It knows these events of the world: its peer's end (the migration's socket closes),
 * `system_powerdown` and `system_reset` on either monitor, and signals, which do what they do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_qemu.h"

struct options {
    char monitors[2][108];
    const char *pidfile;
    bool incoming;
    bool paused;
};

/* The value of @key in "socket,id=qmp0,path=/a,,b/c"; doubled commas are single ones. */
static bool value_of(const char *text, const char *key, char *ret_value, size_t size)
{
    const size_t length = strlen(key);
    for (const char *p = text; p != NULL; p = strchr(p, ',') == NULL ? NULL : strchr(p, ',') + 1) {
        if (strncmp(p, key, length) != 0 || p[length] != '=') {
            continue;
        }
        size_t at = 0;
        for (p += length + 1; *p != '\0' && at + 1 < size; p++) {
            if (*p == ',' && *++p != ',') {
                break;
            }
            ret_value[at++] = *p;
        }
        ret_value[at] = '\0';
        return true;
    }
    return false;
}

/* Every node that one -blockdev makes, nested ones too. */
static void add_nodes(struct fake_model *model, struct json_object *node)
{
    if (!json_object_is_type(node, json_type_object)) {
        return;
    }
    json_object_object_foreach(node, key, value)
    {
        if (strcmp(key, "node-name") == 0) {
            fake_model_add(model, 'n', json_object_get_string(value));
        }
        add_nodes(model, value);
    }
}

static void read_options(int argc, char **argv, struct options *options)
{
    char id[40];
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "-chardev") == 0 && value_of(value, "id", id, sizeof(id))) {
            for (int m = 0; m < 2; m++) {
                if (strcmp(id, m == 0 ? "qmp0" : "qmp1") == 0) {
                    (void)value_of(value, "path", options->monitors[m],
                                   sizeof(options->monitors[m]));
                }
            }
        } else if (strcmp(argv[i], "-pidfile") == 0) {
            options->pidfile = value;
        } else if (strcmp(argv[i], "-incoming") == 0) {
            options->incoming = true;
        } else if (strcmp(argv[i], "-S") == 0) {
            options->paused = true;
        }
    }
}

static void read_devices(int argc, char **argv, struct fake_model *model)
{
    char id[40];
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "-blockdev") == 0) {
            struct json_object *node = json_tokener_parse(argv[i + 1]);
            add_nodes(model, node);
            json_object_put(node);
        } else if (strcmp(argv[i], "-chardev") == 0 &&
                   value_of(argv[i + 1], "id", id, sizeof(id))) {
            fake_model_add(model, 'c', id);
        } else if (strcmp(argv[i], "-object") == 0 && value_of(argv[i + 1], "id", id, sizeof(id))) {
            fake_model_add(model, 'o', id);
        }
    }
}

static int write_pidfile(const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return -errno;
    }
    (void)fprintf(file, "%d\n", getpid());
    return fclose(file) == 0 ? 0 : -errno;
}

static void read_version(unsigned ret_version[static 3])
{
    const char *text = getenv("FAKE_QEMU_VERSION");
    if (text == NULL ||
        sscanf(text, "%u.%u.%u", &ret_version[0], &ret_version[1], &ret_version[2]) != 3) {
        ret_version[0] = 7;
        ret_version[1] = 2;
        ret_version[2] = 0;
    }
}

int main(int argc, char **argv)
{
    struct options options = {0};
    sd_event *event = NULL;
    unsigned version[3];

    read_version(version);
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        (void)printf("QEMU emulator version %u.%u.%u (fake)\n", version[0], version[1], version[2]);
        return 0;
    }
    read_options(argc, argv, &options);
    if (options.monitors[0][0] == '\0' || options.monitors[1][0] == '\0') {
        (void)fprintf(stderr, "fake-qemu: no monitors qmp0 and qmp1 on the command line\n");
        return 1;
    }
    if (sd_event_new(&event) < 0 ||
        (options.pidfile != NULL && write_pidfile(options.pidfile) < 0)) {
        (void)fprintf(stderr, "fake-qemu: cannot start\n");
        return 1;
    }
    struct fake_qemu *fake = fake_qemu_new(event, options.monitors[0], options.monitors[1]);
    struct fake_model *model = fake_qemu_model(fake);
    fake_qemu_set_version(fake, version[0], version[1], version[2]);
    read_devices(argc, argv, model);
    if (options.incoming) {
        model->run_state = "inmigrate";
    } else if (options.paused) {
        model->run_state = "prelaunch";
    }
    while (!model->quit) {
        if (sd_event_run(event, UINT64_MAX) < 0) {
            return 1;
        }
    }
    (void)sd_event_run(event, 10000); /* the answer to `quit` leaves */
    (void)fake_qemu_free(fake);
    if (options.pidfile != NULL) {
        (void)unlink(options.pidfile);
    }
    (void)sd_event_unref(event);
    return 0;
}
