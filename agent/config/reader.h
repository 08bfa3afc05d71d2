/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the parameter parser share. Private to agent/config. */
#ifndef CHB_CONFIG_READER_H
#define CHB_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>

#include <agent/config/arena.h>
#include <agent/config/error.h>
#include <agent/config/params.h>
#include <agent/config/table.h>

struct chb_param_reader {
    struct chb_arena *arena;
    struct chb_config_error *error; /* may be NULL */
    const struct chb_vm_identity *identity;
    struct chb_vm_config *config;
    const char *values[CHB_PARAM_KEY_MAX]; /* as written; NULL: not given */
    bool from_file[CHB_PARAM_KEY_MAX];
};

/* Notes one parameter. from_file: it stands in the file named by `config`. value is borrowed.
 * Returns 0, -EINVAL (unknown, given twice, unprintable), -E2BIG. */
int chb_param_note(struct chb_param_reader *reader, const char *key, const char *value,
                   bool from_file);

/*
 * Notes all members of the JSON object `text`. A list becomes the words that a person would have
 * written, so that there is one parser: ["a b", "c"] becomes '"a b" "c"', and for disks and nics an
 * object {"path": "/x", "format": "raw"} becomes "/x,format=raw". Returns 0, -EINVAL, -E2BIG,
 * -ENOMEM.
 */
int chb_param_note_json(struct chb_param_reader *reader, const char *text, size_t size);

/* Parse `disks`, `nics` and `qemu_args` into the configuration. Return 0, -EINVAL, -E2BIG, -ENOMEM.
 */
int chb_param_read_disks(struct chb_param_reader *reader, const char *value);
int chb_param_read_nics(struct chb_param_reader *reader, const char *value);
int chb_param_read_qemu_args(struct chb_param_reader *reader, const char *value);

/* Whether text is 1 to length_max of letters, digits and the characters of `also`. Pure. */
bool chb_is_plain(const char *text, size_t length_max, const char *also);

/* The spec's hash: see params.h. Pure. */
void chb_vm_config_hash(struct chb_vm_config *config);

#endif
