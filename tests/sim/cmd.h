/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The subcommands of colo-sim. Each has a file cmd_NAME.c with one function and one line in the
 * table of main.c; what they share is in cmd.c.
 *
 * Exit codes of all of them: 0 well, 1 a rule is broken (or a mutant lives), 2 wrong usage or
 * something of this machine failed, 3 the simulator did not do enough to mean anything.
 */
#ifndef CHB_SIM_CMD_H
#define CHB_SIM_CMD_H

#include <tests/sim/story.h>

#define CHB_CMD_WELL 0
#define CHB_CMD_BAD 1
#define CHB_CMD_ERROR 2
#define CHB_CMD_TOO_LITTLE 3

#define CHB_CMD_JOBS_MAX 64
#define CHB_CMD_TAIL 40 /* lines of the story that are shown of a bad history */

/* What follows the name of the subcommand. */
struct chb_cmd_args {
    const char *usage;
    int argc;
    char **argv;
};

/* Each takes the argument from the front if it is the named one, and says whether it was. What has
 * no value, or one of the wrong form, ends the program with the usage. */
bool chb_cmd_flag(struct chb_cmd_args *args, const char *name);
bool chb_cmd_text(struct chb_cmd_args *args, const char *name, const char **ret_text);
bool chb_cmd_number(struct chb_cmd_args *args, const char *name, uint64_t *ret_number);
bool chb_cmd_range(struct chb_cmd_args *args, const char *name, uint64_t *ret_first,
                   uint64_t *ret_last); /* A..B, or A alone */
bool chb_cmd_jobs(struct chb_cmd_args *args, uint32_t *ret_jobs);

/* Prints the usage of this command and ends the program. */
_Noreturn void chb_cmd_usage(const struct chb_cmd_args *args);

/* A world, all zero. Ends the program if there is no memory. */
struct chb_sim *chb_cmd_new_sim(void);

/* Calls fn(what); false if a trap of the core's has stopped it: then nothing of what it did is
 * undone. Not to be nested. */
bool chb_cmd_guarded(void (*fn)(void *what), void *what);

/* A seed's history, the story of it, and a story, as the functions of sim.h and story.h that they
 * call; and a core that stops itself (an assert) breaks the rule "assert". */
bool chb_cmd_history(struct chb_sim *sim, uint64_t seed);
bool chb_cmd_story_of(struct chb_sim *sim, uint64_t seed, struct chb_sim_story *ret_story);
bool chb_cmd_story_run(struct chb_sim *sim, const struct chb_sim_story *story);

/* Adds the counts of one part to the sum. */
void chb_cmd_add(struct chb_sim_stats *sum, const struct chb_sim_stats *part);

/* Says how the history ended, in one line: "seed N: well" or "seed N: breaks RULE: text". */
void chb_cmd_verdict(const struct chb_sim *sim, uint64_t seed);
/* The same of a story: "story NAME: ...". */
void chb_cmd_story_verdict(const struct chb_sim *sim, const char *path);

/* The subcommands. They return the exit code. */
int chb_cmd_run(struct chb_cmd_args *args);
int chb_cmd_replay(struct chb_cmd_args *args);
int chb_cmd_record(struct chb_cmd_args *args);
int chb_cmd_shrink(struct chb_cmd_args *args);
int chb_cmd_mutants(struct chb_cmd_args *args);
int chb_cmd_explore(struct chb_cmd_args *args); /* explore/ */

#endif
