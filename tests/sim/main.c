/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-sim: the table of its subcommands. */
#include <stdio.h>
#include <string.h>

#include <tests/sim/cmd.h>

struct command {
    const char *name;
    int (*fn)(struct chb_cmd_args *args);
    const char *usage;
};

static const struct command commands[] = {
    {"run", chb_cmd_run, "run --seeds A..B [--jobs J] [--json FILE] [--all]"},
    {"replay", chb_cmd_replay,
     "replay --seed N [--keep LIST] | --faults FILE [--seeds A..B] | --recording FILE [--trace]"},
    {"record", chb_cmd_record, "record --seeds A..B [--dir DIR] [--keep]"},
    {"shrink", chb_cmd_shrink, "shrink --seed N [--rule R] [--out FILE]"},
    {"mutants", chb_cmd_mutants,
     "mutants [--jobs J] [--json FILE] [--only NAME] [--histories N] [--dir DIR]"},
    {"explore", chb_cmd_explore,
     "explore [--depth N] [--states MAX] [--faults F] [--from ROOT] [--sample N] [--json FILE]"},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

int main(int argc, char **argv)
{
    for (size_t i = 0; i < N_COMMANDS && argc >= 2; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            struct chb_cmd_args args = {commands[i].usage, argc - 2, argv + 2};
            return commands[i].fn(&args);
        }
    }
    fputs("usage:\n", stderr);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        fprintf(stderr, "  colo-sim %s\n", commands[i].usage);
    }
    return CHB_CMD_ERROR;
}
