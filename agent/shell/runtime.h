/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the next daemon must know to take over a VM that runs (R9): one JSON file per VM on /run,
 * replaced by rename. It vanishes with a reboot, as the QEMU does.
 */
#ifndef CHB_SHELL_RUNTIME_H
#define CHB_SHELL_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include <agent/core/event.h>
#include <agent/process/proc.h>

#define CHB_RUNTIME_FILE_MAX (1024 * 1024)
#define CHB_RESOURCE_NAME_SIZE 128

struct chb_runtime {
    char resource[CHB_RESOURCE_NAME_SIZE]; /* in Pacemaker */
    char clone[CHB_RESOURCE_NAME_SIZE];
    struct json_object *parameters; /* as vm-start gave them; owned by whoever has the struct */
    struct chb_settings settings;
    bool promoted; /* Pacemaker's last command */
    uint64_t qemu; /* identity of the running QEMU; 0: none, and nothing below counts */
    struct chb_process_id process;
    enum chb_role started_as;
    enum chb_role role; /* as the core knew it last, and so the next */
    bool in_colo;
    bool copy_failed; /* as the core knew it last */
};

/* To JSON, owned by the caller; NULL without memory. Pure but for memory. */
struct json_object *chb_runtime_to_json(const struct chb_runtime *runtime);

/* From JSON, which may be anything. Returns 0, -EBADMSG; @ret_runtime is untouched on failure, and
 * its `parameters` are to be put on success. */
int chb_runtime_from_json(struct json_object *root, struct chb_runtime *ret_runtime);

/* Writes @text to @path as a whole or not at all: a new file beside it, then rename. Not synced: it
 * is for /run. */
int chb_file_replace(const char *path, const char *text);

/* Reads a small file. @ret_text: owned by the caller. Returns 0, -EFBIG beyond @size_max, -ENOMEM,
 * or an error of reading. */
int chb_file_read(const char *path, size_t size_max, char **ret_text);

#endif
