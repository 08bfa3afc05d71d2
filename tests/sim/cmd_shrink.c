/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * colo-sim shrink: makes a bad history small. Its faults become a list, and then everything is left
 * out without which the same rule still breaks: faults, first many at a time and in the end each by
 * itself; a node; the noise of the world; the time after the last fault.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tests/sim/cmd.h>
#include <tests/sim/story_text.h>

struct shrink {
    struct chb_sim *sim;
    const char *rule;
    char broken[32]; /* the rule, as the story broke it */
    struct chb_sim_story best;
    struct chb_sim_story next;
    uint32_t number[CHB_SIM_FAULTS_MAX]; /* of each fault of `best` in the seed's history, from 1 */
    uint32_t next_number[CHB_SIM_FAULTS_MAX];
    uint64_t runs;
};

static bool same(const struct shrink *shrink)
{
    const char *rule = shrink->sim->violation.rule;
    return rule != NULL && strcmp(rule, shrink->broken) == 0;
}

/* Takes `next` in place of `best` if the same rule breaks. */
static bool take(struct shrink *shrink)
{
    shrink->runs++;
    if (chb_cmd_story_run(shrink->sim, &shrink->next) || !same(shrink)) {
        return false;
    }
    shrink->best = shrink->next;
    memcpy(shrink->number, shrink->next_number, sizeof(shrink->number));
    return true;
}

static void begin_next(struct shrink *shrink)
{
    shrink->next = shrink->best;
    memcpy(shrink->next_number, shrink->number, sizeof(shrink->number));
}

/* ---- faults ---- */

static void drop_at(struct shrink *shrink, uint32_t from, uint32_t n)
{
    struct chb_sim_faults *faults = &shrink->next.faults;
    uint32_t rest = faults->n - from - n;

    memmove(&faults->list[from], &faults->list[from + n], rest * sizeof(faults->list[0]));
    memmove(&shrink->next_number[from], &shrink->next_number[from + n],
            rest * sizeof(shrink->next_number[0]));
    faults->n -= n;
}

/* One pass with pieces of this size. True if something could go. */
static bool drop_pieces(struct shrink *shrink, uint32_t size)
{
    bool dropped = false;
    uint32_t end = shrink->best.faults.n;

    while (end > 0) { /* the last ones first: most of them come too late to matter */
        uint32_t from = end > size ? end - size : 0;
        begin_next(shrink);
        drop_at(shrink, from, end - from);
        dropped |= take(shrink);
        end = from;
    }
    return dropped;
}

static void drop_faults(struct shrink *shrink)
{
    uint32_t size = shrink->best.faults.n / 2;

    while (size > 1) {
        (void)drop_pieces(shrink, size);
        size = size < shrink->best.faults.n ? size / 2 : shrink->best.faults.n / 2;
    }
    while (drop_pieces(shrink, 1)) {
    }
}

/* ---- the world ---- */

static void fewer_nodes(struct shrink *shrink)
{
    while (shrink->best.options.n_nodes > 2) {
        begin_next(shrink);
        struct chb_sim_options *options = &shrink->next.options;
        uint32_t last = options->n_nodes--;
        options->images &= ~chb_sim_bit(last);
        if (options->n_nodes == 2) {
            options->quorum = CHB_SIM_QUORUM_TWO_NODE;
        }
        for (uint32_t i = shrink->next.faults.n; i-- > 0;) {
            if (shrink->next.faults.list[i].node == last) {
                drop_at(shrink, i, 1);
            }
        }
        if (!take(shrink)) {
            return;
        }
    }
}

static void one_vm(struct shrink *shrink)
{
    if (shrink->best.options.n_vms > 1) {
        begin_next(shrink);
        shrink->next.options.n_vms = 1;
        for (uint32_t i = shrink->next.faults.n; i-- > 0;) {
            if (shrink->next.faults.list[i].vm != 0) {
                drop_at(shrink, i, 1);
            }
        }
        (void)take(shrink);
    }
}

static void plainer(struct shrink *shrink)
{
    struct chb_sim_options usual;
    struct chb_sim_options *options = &shrink->next.options;

    chb_sim_options_init(&usual, 0);
    begin_next(shrink);
    options->noise = usual.noise;
    (void)take(shrink);
    begin_next(shrink);
    options->echo = usual.echo;
    (void)take(shrink);
    begin_next(shrink);
    options->torn_records = usual.torn_records;
    (void)take(shrink);
    begin_next(shrink);
    options->unsafe = usual.unsafe;
    (void)take(shrink);
    begin_next(shrink);
    options->fence_mode = usual.fence_mode;
    options->fence_ms = usual.fence_ms;
    (void)take(shrink);
    begin_next(shrink);
    options->quorum_stop = usual.quorum_stop;
    options->fence_reboots = usual.fence_reboots;
    (void)take(shrink);
    begin_next(shrink);
    options->token_ms = usual.token_ms;
    options->fill_ms = usual.fill_ms;
    (void)take(shrink);
}

/* The calm begins earlier: soon after the last fault, or at least after the violation. */
static void shorter(struct shrink *shrink)
{
    const struct chb_sim_faults *faults = &shrink->best.faults;
    int64_t last_ms = faults->n == 0 ? 0 : faults->list[faults->n - 1].at_ns / 1000000;
    static const int64_t after_ms[] = {1, 1000, 5000, 20000};

    for (size_t i = 0; i < sizeof(after_ms) / sizeof(after_ms[0]); i++) {
        int64_t ms = last_ms + after_ms[i];
        ms = ms < CHB_SIM_STORY_MIN_MS ? CHB_SIM_STORY_MIN_MS : ms;
        begin_next(shrink);
        shrink->next.faults_ms = ms;
        if (ms < shrink->best.faults_ms && take(shrink)) {
            return;
        }
    }
}

static void make_small(struct shrink *shrink)
{
    uint32_t n = 0;

    drop_faults(shrink);
    do { /* a plainer world may need fewer faults */
        n = shrink->best.faults.n;
        one_vm(shrink);
        fewer_nodes(shrink);
        plainer(shrink);
        shorter(shrink);
        drop_faults(shrink);
    } while (shrink->best.faults.n < n);
}

/* ---- the command ---- */

/* The history of the seed, as a story that breaks the same rule. */
static bool begin(struct shrink *shrink, uint64_t seed)
{
    bool well = chb_cmd_story_of(shrink->sim, seed, &shrink->best);

    chb_cmd_verdict(shrink->sim, seed);
    if (well) {
        fputs("colo-sim: there is nothing to shrink\n", stderr);
        return false;
    }
    (void)snprintf(shrink->broken, sizeof(shrink->broken), "%s", shrink->sim->violation.rule);
    if (shrink->rule != NULL && strcmp(shrink->rule, shrink->broken) != 0) {
        fprintf(stderr, "colo-sim: that is not rule %s\n", shrink->rule);
        return false;
    }
    if (shrink->best.faults.n > CHB_SIM_FAULTS_MAX) {
        fprintf(stderr, "colo-sim: %u faults are too many to be kept\n", shrink->best.faults.n);
        return false;
    }
    for (uint32_t i = 0; i < shrink->best.faults.n; i++) {
        shrink->number[i] = i + 1;
    }
    begin_next(shrink);
    if (!take(shrink)) {
        fputs("colo-sim: as a list, the same faults do not break the same rule\n", stderr);
        return false;
    }
    return true;
}

static int tell(struct shrink *shrink, uint64_t seed, uint32_t n_before, const char *out)
{
    FILE *file = NULL;

    shrink->sim->trace.on = true;
    (void)chb_cmd_story_run(shrink->sim, &shrink->best);
    chb_sim_trace_tail(shrink->sim, CHB_CMD_TAIL);
    printf("\n%u of %u faults are left, after %llu histories; in the world of seed %llu they are "
           "numbers ",
           shrink->best.faults.n, n_before, (unsigned long long)shrink->runs,
           (unsigned long long)seed);
    for (uint32_t i = 0; i < shrink->best.faults.n; i++) {
        printf("%s%u", i == 0 ? "" : ",", shrink->number[i]);
    }
    printf(". The story:\n\n");
    chb_story_print(&shrink->best, stdout);
    if (out != NULL) {
        file = fopen(out, "w");
        if (file == NULL) {
            perror(out);
            return CHB_CMD_ERROR;
        }
        fprintf(file, "# From seed %llu: breaks %s: %s\n", (unsigned long long)seed,
                shrink->sim->violation.rule, shrink->sim->violation.text);
        chb_story_print(&shrink->best, file);
        if (fclose(file) != 0) {
            perror(out);
            return CHB_CMD_ERROR;
        }
        printf("\nAgain: colo-sim replay --faults %s --trace\n", out);
    } else {
        puts("\nAgain: save it with --out FILE, and colo-sim replay --faults FILE --trace");
    }
    printf("shrunk: breaks %s: %s\n", shrink->sim->violation.rule, shrink->sim->violation.text);
    return CHB_CMD_WELL;
}

int chb_cmd_shrink(struct chb_cmd_args *args)
{
    struct shrink *shrink = calloc(1, sizeof(*shrink));
    const char *out = NULL;
    uint64_t seed = 0;
    bool have = false;

    if (shrink == NULL) {
        perror("colo-sim");
        exit(CHB_CMD_ERROR);
    }
    while (args->argc > 0) {
        if (chb_cmd_number(args, "--seed", &seed)) {
            have = true;
        } else if (!chb_cmd_text(args, "--rule", &shrink->rule) &&
                   !chb_cmd_text(args, "--out", &out)) {
            chb_cmd_usage(args);
        }
    }
    if (!have) {
        chb_cmd_usage(args);
    }
    shrink->sim = chb_cmd_new_sim();
    int code = CHB_CMD_BAD;
    if (begin(shrink, seed)) {
        uint32_t n_before = shrink->best.faults.n;
        make_small(shrink);
        code = tell(shrink, seed, n_before, out);
    }
    free(shrink->sim);
    free(shrink);
    return code;
}
