/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which process is it? A pid alone names nobody: it is given again. The pid with its start time and
 * the host's boot id does, for ever.
 */
#ifndef CHB_PROCESS_PROC_H
#define CHB_PROCESS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHB_BOOT_ID_SIZE 37 /* a UUID with its NUL */

struct chb_process_id {
    pid_t pid;
    uint64_t start_time; /* field 22 of /proc/PID/stat: clock ticks since boot */
    char boot_id[CHB_BOOT_ID_SIZE];
};

/* What /proc/PID/stat says. */
struct chb_process_stat {
    char state; /* 'R', 'S', 'D', 'T' (stopped), 't', 'Z' (dead, not yet waited for), 'X' */
    uint64_t start_time;
};

/* Reads the text of a stat file; the command's name in it may hold anything. Pure.
 * Returns 0, -EBADMSG; @ret_stat is untouched on failure. */
int chb_process_stat_parse(const char *text, struct chb_process_stat *ret_stat);

/* Returns 0; -ESRCH when there is no such process; other errors of open and read. */
int chb_process_stat_read(pid_t pid, struct chb_process_stat *ret_stat);

/* The id of this boot of the host. Returns 0 or an error of reading it. */
int chb_boot_id_read(char ret_id[static CHB_BOOT_ID_SIZE]);

/* The identity of a process that runs now. Returns as chb_process_stat_read(). */
int chb_process_id_read(pid_t pid, struct chb_process_id *ret_id);

#endif
