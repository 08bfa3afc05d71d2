/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * colo-sim run --seeds A..B [--jobs J] [--all]
 *                                          many histories; exit 1 and the story of the first bad
 * one; with --all each job goes on and names every bad one colo-sim replay --seed N [--trace] one
 * history
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tests/sim/sim.h>

#define JOBS_MAX 64
#define TAIL 40

struct range {
    uint64_t first;
    uint64_t last;
    uint64_t step;
    bool all;
};

struct report {
    struct chb_sim_stats stats;
    bool bad;
    uint64_t seed;
};

static void usage(void)
{
    fputs("usage: colo-sim run --seeds A..B [--jobs J] [--all]\n"
          "       colo-sim replay --seed N [--trace]\n",
          stderr);
    exit(2);
}

static uint64_t number(const char *text, char **ret_end)
{
    uint64_t value = strtoull(text, ret_end, 10);
    if (*ret_end == text) {
        usage();
    }
    return value;
}

static struct chb_sim *new_sim(void)
{
    struct chb_sim *sim = calloc(1, sizeof(*sim));
    if (sim == NULL) {
        perror("colo-sim");
        exit(2);
    }
    return sim;
}

static void work(const struct range *range, struct report *ret_report)
{
    struct chb_sim *sim = new_sim();

    memset(ret_report, 0, sizeof(*ret_report));
    for (uint64_t seed = range->first; seed <= range->last; seed += range->step) {
        if (chb_sim_history(sim, seed)) {
            continue;
        }
        if (!ret_report->bad) {
            ret_report->bad = true;
            ret_report->seed = seed;
        }
        if (!range->all) {
            break;
        }
        printf("seed %llu: %s: %s\n", (unsigned long long)seed, sim->violation.rule,
               sim->violation.text);
        fflush(stdout);
    }
    ret_report->stats = sim->stats;
    free(sim);
    fflush(stdout);
}

static int replay(uint64_t seed, bool trace)
{
    struct chb_sim *sim = new_sim();

    sim->trace.on = true;
    sim->trace.print = trace;
    bool well = chb_sim_history(sim, seed);
    if (!well && !trace) {
        chb_sim_trace_tail(sim, TAIL);
    }
    printf("seed %llu: %s%s%s\n", (unsigned long long)seed, well ? "well" : "breaks ",
           well ? "" : sim->violation.rule, well ? "" : ": ");
    if (!well) {
        puts(sim->violation.text);
    }
    free(sim);
    return well ? 0 : 1;
}

static void add(struct chb_sim_stats *sum, const struct chb_sim_stats *part)
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

static void print_count(const char *what, uint64_t count)
{
    printf("  %-28s %12llu\n", what, (unsigned long long)count);
}

static void summary(const struct chb_sim_stats *stats)
{
    print_count("histories", stats->histories);
    printf("  %-28s %12.1f\n", "simulated hours", (double)stats->simulated_ns / 3.6e12);
    print_count("steps of the core", stats->events);
    print_count("faults", stats->faults);
    print_count("solo by P1, death seen", stats->proofs[CHB_PROOF_P1_DEATH_SEEN]);
    print_count("solo by P2, fenced", stats->proofs[CHB_PROOF_P2_FENCED]);
    print_count("solo by P3, operator", stats->proofs[CHB_PROOF_P3_OPERATOR]);
    print_count("cold starts by record", stats->proofs[CHB_PROOF_RECORD]);
    print_count("guests booted", stats->boots);
    print_count("pairs (each side)", stats->pairs);
    print_count("joins begun (each side)", stats->joins);
    print_count("joins failed (each side)", stats->joins_failed);
    print_count("holds", stats->holds);
    print_count("... released, peer is back", stats->released);
    print_count("broken replication, settled", stats->broken);
    print_count("hangs found", stats->hangs);
    print_count("losers killed", stats->lost_lines);
    print_count("partitions", stats->partitions);
    print_count("fences done", stats->fences);
    print_count("fences failed or unknown", stats->fences_failed);
    print_count("hosts switched off", stats->power_cuts);
    print_count("agents started", stats->agent_restarts);
    print_count("QEMUs dead", stats->qemu_deaths);
    print_count("Pacemaker recoveries", stats->recoveries);
    print_count("operator asked for the data", stats->seeds);
}

static int run(struct range range, uint32_t jobs)
{
    struct chb_sim_stats sum = {0};
    struct report report;
    int fds[JOBS_MAX][2];
    bool bad = false;
    uint64_t seed = 0;

    for (uint32_t j = 0; j < jobs; j++) {
        if (pipe(fds[j]) != 0) {
            perror("colo-sim");
            return 2;
        }
        fflush(stdout);
        pid_t pid = fork();
        if (pid < 0) {
            perror("colo-sim");
            return 2;
        }
        if (pid == 0) {
            struct range part = {range.first + j, range.last, jobs, range.all};
            work(&part, &report);
            _exit(write(fds[j][1], &report, sizeof(report)) == (ssize_t)sizeof(report) ? 0 : 2);
        }
        close(fds[j][1]);
    }
    int lost = 0;
    for (uint32_t j = 0; j < jobs; j++) {
        if (read(fds[j][0], &report, sizeof(report)) != (ssize_t)sizeof(report)) {
            fprintf(stderr, "colo-sim: job %u died\n", j);
            lost = 2;
            continue;
        }
        add(&sum, &report.stats);
        if (report.bad && (!bad || report.seed < seed)) {
            bad = true;
            seed = report.seed;
        }
    }
    while (wait(NULL) > 0) {
    }
    summary(&sum);
    return bad ? replay(seed, false) : lost;
}

int main(int argc, char **argv)
{
    struct range range = {0, 0, 1, false};
    bool have = false;
    bool trace = false;
    uint64_t jobs = 1;
    char *end = NULL;

    if (argc < 2) {
        usage();
    }
    for (int i = 2; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--seeds") == 0 && more) {
            range.first = number(argv[++i], &end);
            range.last = strncmp(end, "..", 2) == 0 ? number(end + 2, &end) : range.first;
            have = true;
        } else if (strcmp(argv[i], "--seed") == 0 && more) {
            range.first = number(argv[++i], &end);
            have = true;
        } else if (strcmp(argv[i], "--jobs") == 0 && more) {
            jobs = number(argv[++i], &end);
        } else if (strcmp(argv[i], "--all") == 0) {
            range.all = true;
        } else if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else {
            usage();
        }
    }
    if (!have || jobs == 0 || jobs > JOBS_MAX) {
        usage();
    }
    if (strcmp(argv[1], "run") == 0) {
        return run(range, (uint32_t)jobs);
    }
    if (strcmp(argv[1], "replay") == 0) {
        return replay(range.first, trace);
    }
    usage();
}
