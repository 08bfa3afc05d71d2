/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tests/sim/cmd.h>

void chb_cmd_usage(const struct chb_cmd_args *args)
{
    fprintf(stderr, "usage: colo-sim %s\n", args->usage);
    exit(CHB_CMD_ERROR);
}

static void take(struct chb_cmd_args *args, int n)
{
    args->argc -= n;
    args->argv += n;
}

bool chb_cmd_flag(struct chb_cmd_args *args, const char *name)
{
    if (args->argc < 1 || strcmp(args->argv[0], name) != 0) {
        return false;
    }
    take(args, 1);
    return true;
}

bool chb_cmd_text(struct chb_cmd_args *args, const char *name, const char **ret_text)
{
    if (!chb_cmd_flag(args, name)) {
        return false;
    }
    if (args->argc < 1) {
        chb_cmd_usage(args);
    }
    *ret_text = args->argv[0];
    take(args, 1);
    return true;
}

static uint64_t number(const struct chb_cmd_args *args, const char *text, const char **ret_end)
{
    char *end = NULL;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text) {
        chb_cmd_usage(args);
    }
    *ret_end = end;
    return value;
}

bool chb_cmd_range(struct chb_cmd_args *args, const char *name, uint64_t *ret_first,
                   uint64_t *ret_last)
{
    const char *text = NULL;

    if (!chb_cmd_text(args, name, &text)) {
        return false;
    }
    *ret_first = number(args, text, &text);
    *ret_last = *ret_first;
    if (strncmp(text, "..", 2) == 0) {
        *ret_last = number(args, text + 2, &text);
    }
    if (*text != '\0' || *ret_last < *ret_first) {
        chb_cmd_usage(args);
    }
    return true;
}

bool chb_cmd_number(struct chb_cmd_args *args, const char *name, uint64_t *ret_number)
{
    uint64_t last = 0;
    bool is = chb_cmd_range(args, name, ret_number, &last);
    if (is && *ret_number != last) {
        chb_cmd_usage(args);
    }
    return is;
}

bool chb_cmd_jobs(struct chb_cmd_args *args, uint32_t *ret_jobs)
{
    uint64_t jobs = 0;

    if (!chb_cmd_number(args, "--jobs", &jobs)) {
        return false;
    }
    if (jobs == 0 || jobs > CHB_CMD_JOBS_MAX) {
        chb_cmd_usage(args);
    }
    *ret_jobs = (uint32_t)jobs;
    return true;
}

struct chb_sim *chb_cmd_new_sim(void)
{
    struct chb_sim *sim = calloc(1, sizeof(*sim));
    if (sim == NULL) {
        perror("colo-sim");
        exit(CHB_CMD_ERROR);
    }
    return sim;
}

/* ---- histories in which the core stops itself ---- */

/* What a trap raises is the processor's choice: amd64, i386 and armhf SIGILL; arm64, ppc64el,
 * riscv64 and loong64 SIGTRAP; s390x SIGILL, and SIGFPE where it compares and traps in one. */
static const int traps[] = {SIGILL, SIGTRAP, SIGFPE};
#define N_TRAPS (sizeof(traps) / sizeof(traps[0]))

static sigjmp_buf stopped;

static void on_trap(int signo)
{
    (void)signo;
    siglongjmp(stopped, 1);
}

bool chb_cmd_guarded(void (*fn)(void *what), void *what)
{
    const struct sigaction action = {.sa_handler = on_trap};
    struct sigaction before[N_TRAPS];

    for (size_t i = 0; i < N_TRAPS; i++) {
        (void)sigaction(traps[i], &action, &before[i]);
    }
    bool well = sigsetjmp(stopped, 1) == 0;
    if (well) {
        fn(what);
    }
    for (size_t i = 0; i < N_TRAPS; i++) {
        (void)sigaction(traps[i], &before[i], NULL);
    }
    return well;
}

struct run {
    struct chb_sim *sim;
    uint64_t seed;
    struct chb_sim_story *ret_story;
    const struct chb_sim_story *story;
    bool well;
};

static bool run_guarded(struct run *run, void (*fn)(void *run))
{
    if (!chb_cmd_guarded(fn, run)) {
        run->well = false;
        chb_sim_violate(run->sim, "assert", "the core has stopped itself");
    }
    return run->well;
}

static void history(void *what)
{
    struct run *run = what;
    run->well = chb_sim_history(run->sim, run->seed);
}

bool chb_cmd_history(struct chb_sim *sim, uint64_t seed)
{
    struct run run = {.sim = sim, .seed = seed};
    return run_guarded(&run, history);
}

static void story_of(void *what)
{
    struct run *run = what;
    run->well = chb_sim_story_of(run->sim, run->seed, run->ret_story);
}

bool chb_cmd_story_of(struct chb_sim *sim, uint64_t seed, struct chb_sim_story *ret_story)
{
    struct run run = {.sim = sim, .seed = seed, .ret_story = ret_story};
    bool well = run_guarded(&run, story_of);
    ret_story->faults = sim->struck; /* also of one that was cut short */
    return well;
}

static void story_run(void *what)
{
    struct run *run = what;
    run->well = chb_sim_story_run(run->sim, run->story);
}

bool chb_cmd_story_run(struct chb_sim *sim, const struct chb_sim_story *story)
{
    struct run run = {.sim = sim, .story = story};
    return run_guarded(&run, story_run);
}

void chb_cmd_add(struct chb_sim_stats *sum, const struct chb_sim_stats *part)
{
    /* All of its members are 64-bit counts. */
    _Static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "a count of another size");
    uint64_t counts[2][sizeof(*sum) / sizeof(uint64_t)];
    memcpy(counts[0], sum, sizeof(*sum));
    memcpy(counts[1], part, sizeof(*part));
    for (size_t i = 0; i < sizeof(counts[0]) / sizeof(counts[0][0]); i++) {
        counts[0][i] += counts[1][i];
    }
    memcpy(sum, counts[0], sizeof(*sum));
}

static void verdict(const struct chb_sim *sim)
{
    if (sim->violation.rule == NULL) {
        puts(": well");
    } else {
        printf(": breaks %s: %s\n", sim->violation.rule, sim->violation.text);
    }
}

void chb_cmd_verdict(const struct chb_sim *sim, uint64_t seed)
{
    printf("seed %llu", (unsigned long long)seed);
    verdict(sim);
}

void chb_cmd_story_verdict(const struct chb_sim *sim, const char *path)
{
    const char *slash = strrchr(path, '/');
    printf("story %s, seed %llu", slash != NULL ? slash + 1 : path,
           (unsigned long long)sim->options.seed);
    verdict(sim);
}
