/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-sim replay: one history, told. Of a seed, of some of its faults, of a story in a file, or of
 * a production daemon. */
#include <stdio.h>
#include <stdlib.h>

#include <tests/sim/cmd.h>
#include <tests/sim/recording.h>
#include <tests/sim/story_text.h>

struct what {
    bool have_seed;
    uint64_t seed;
    const char *keep; /* numbers of faults, from 1, with commas between */
    const char *faults;
    bool have_seeds; /* the story's faults, with other latencies */
    uint64_t first;
    uint64_t last;
    const char *recording;
    bool trace;
};

static struct chb_sim_story *new_story(void)
{
    struct chb_sim_story *story = calloc(1, sizeof(*story));
    if (story == NULL) {
        perror("colo-sim");
        exit(CHB_CMD_ERROR);
    }
    return story;
}

/* True if the list names this number. */
static bool is_kept(const char *list, uint32_t number)
{
    while (*list != '\0') {
        char *end = NULL;
        unsigned long kept = strtoul(list, &end, 10);
        if (end == list) {
            return false;
        }
        if (kept == number) {
            return true;
        }
        list = *end == ',' ? end + 1 : end;
    }
    return false;
}

/* The seed's history first, to learn its faults; then those that are kept. */
static bool replay_kept(struct chb_sim *sim, const struct what *what)
{
    struct chb_sim_story *story = new_story();
    uint32_t n = 0;

    (void)chb_cmd_story_of(sim, what->seed, story);
    for (uint32_t i = 0; i < story->faults.n && i < CHB_SIM_FAULTS_MAX; i++) {
        if (is_kept(what->keep, i + 1)) {
            story->faults.list[n++] = story->faults.list[i];
        }
    }
    story->faults.n = n;
    sim->trace.on = true;
    sim->trace.print = what->trace;
    bool well = chb_cmd_story_run(sim, story);
    free(story);
    return well;
}

static bool replay_file(struct chb_sim *sim, const struct what *what)
{
    struct chb_sim_story *story = new_story();

    if (!chb_story_read(story, what->faults)) {
        exit(CHB_CMD_ERROR);
    }
    uint64_t seed = what->have_seeds ? what->first : story->options.seed;
    uint64_t last = what->have_seeds ? what->last : seed;
    bool well = true;
    for (; well && seed <= last; seed++) {
        story->options.seed = seed;
        well = chb_cmd_story_run(sim, story);
    }
    free(story);
    return well;
}

static int replay(const struct what *what)
{
    struct chb_sim *sim = chb_cmd_new_sim();
    bool well = false;

    if (what->keep != NULL) {
        well = replay_kept(sim, what);
    } else {
        sim->trace.on = true;
        sim->trace.print = what->trace;
        well = what->faults != NULL ? replay_file(sim, what) : chb_cmd_history(sim, what->seed);
    }
    if (!well && !what->trace) {
        chb_sim_trace_tail(sim, CHB_CMD_TAIL);
    }
    if (what->faults != NULL) {
        chb_cmd_story_verdict(sim, what->faults);
    } else {
        chb_cmd_verdict(sim, what->seed);
    }
    free(sim);
    return well ? CHB_CMD_WELL : CHB_CMD_BAD;
}

int chb_cmd_replay(struct chb_cmd_args *args)
{
    struct what what = {0};

    while (args->argc > 0) {
        if (chb_cmd_number(args, "--seed", &what.seed)) {
            what.have_seed = true;
        } else if (chb_cmd_range(args, "--seeds", &what.first, &what.last)) {
            what.have_seeds = true;
        } else if (chb_cmd_flag(args, "--trace")) {
            what.trace = true;
        } else if (!chb_cmd_text(args, "--keep", &what.keep) &&
                   !chb_cmd_text(args, "--faults", &what.faults) &&
                   !chb_cmd_text(args, "--recording", &what.recording)) {
            chb_cmd_usage(args);
        }
    }
    if (what.recording != NULL && !what.have_seed && what.faults == NULL && what.keep == NULL) {
        return chb_recording_replay(what.recording, what.trace, false);
    }
    if (what.recording != NULL || what.have_seed == (what.faults != NULL) ||
        (what.keep != NULL && !what.have_seed) || (what.have_seeds && what.faults == NULL)) {
        chb_cmd_usage(args);
    }
    return replay(&what);
}
