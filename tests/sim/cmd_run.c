/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-sim run: many histories, divided among processes; the story of the first bad one. With --all
 * each job goes on and names every bad one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tests/sim/cmd.h>

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

static void work(const struct range *range, struct report *ret_report)
{
    struct chb_sim *sim = chb_cmd_new_sim();

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

static int tell_bad(uint64_t seed)
{
    struct chb_sim *sim = chb_cmd_new_sim();

    sim->trace.on = true;
    bool well = chb_sim_history(sim, seed);
    chb_sim_trace_tail(sim, CHB_CMD_TAIL);
    chb_cmd_verdict(sim, seed);
    free(sim);
    return well ? CHB_CMD_ERROR : CHB_CMD_BAD;
}

static int run(struct range range, uint32_t jobs)
{
    struct chb_sim_stats sum = {0};
    struct report report;
    int fds[CHB_CMD_JOBS_MAX][2];
    bool bad = false;
    uint64_t seed = 0;

    for (uint32_t j = 0; j < jobs; j++) {
        if (pipe(fds[j]) != 0) {
            perror("colo-sim");
            return CHB_CMD_ERROR;
        }
        fflush(stdout);
        pid_t pid = fork();
        if (pid < 0) {
            perror("colo-sim");
            return CHB_CMD_ERROR;
        }
        if (pid == 0) {
            struct range part = {range.first + j, range.last, jobs, range.all};
            work(&part, &report);
            _exit(write(fds[j][1], &report, sizeof(report)) == (ssize_t)sizeof(report) ? 0 : 2);
        }
        close(fds[j][1]);
    }
    int lost = CHB_CMD_WELL;
    for (uint32_t j = 0; j < jobs; j++) {
        if (read(fds[j][0], &report, sizeof(report)) != (ssize_t)sizeof(report)) {
            fprintf(stderr, "colo-sim: job %u died\n", j);
            lost = CHB_CMD_ERROR;
            continue;
        }
        chb_cmd_add(&sum, &report.stats);
        if (report.bad && (!bad || report.seed < seed)) {
            bad = true;
            seed = report.seed;
        }
    }
    while (wait(NULL) > 0) {
    }
    summary(&sum);
    return bad ? tell_bad(seed) : lost;
}

int chb_cmd_run(struct chb_cmd_args *args)
{
    struct range range = {.step = 1};
    uint32_t jobs = 1;
    bool have = false;

    while (args->argc > 0) {
        if (chb_cmd_range(args, "--seeds", &range.first, &range.last)) {
            have = true;
        } else if (chb_cmd_flag(args, "--all")) {
            range.all = true;
        } else if (!chb_cmd_jobs(args, &jobs)) {
            chb_cmd_usage(args);
        }
    }
    if (!have) {
        chb_cmd_usage(args);
    }
    return run(range, jobs);
}
