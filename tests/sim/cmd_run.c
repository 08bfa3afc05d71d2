/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * colo-sim run: many histories, divided among processes. Ends with the first bad one, of which it
 * tells the end; with --all it goes on and names every bad one. Histories in which too little
 * happens are a failure of the simulator (counts.h).
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tests/sim/cmd.h>
#include <tests/sim/counts.h>

#define REPORT_NS 500000000 /* how often a job says how far it is */
#define FAILURES_MAX 1000   /* that are named in the JSON file */

struct run {
    uint64_t first;
    uint64_t last;
    bool all;
    uint32_t jobs;
    const char *json;
    _Atomic uint64_t *stop_after; /* shared by the jobs: later seeds are of no interest any more */
};

/* From a job to the parent, in one pipe: small enough to be written whole. */
struct report {
    uint32_t job;
    bool over;
    bool bad;
    uint64_t seed; /* of the bad history */
    char rule[32];
    char text[CHB_SIM_TRACE_WIDTH];
    struct chb_sim_stats stats; /* of this job so far */
};
_Static_assert(sizeof(struct report) <= 4096, "a report must fit into PIPE_BUF");

struct failure {
    uint64_t seed;
    char rule[32];
    char text[CHB_SIM_TRACE_WIDTH];
};

struct outcome {
    struct chb_sim_stats part[CHB_CMD_JOBS_MAX];
    bool over[CHB_CMD_JOBS_MAX];
    uint64_t n_failures;
    uint64_t first_bad;
    struct failure failures[FAILURES_MAX];
};

static int64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- a job ---- */

static void send_report(int fd, struct report *report, const struct chb_sim *sim)
{
    report->stats = sim->stats;
    if (write(fd, report, sizeof(*report)) != (ssize_t)sizeof(*report)) {
        _exit(CHB_CMD_ERROR);
    }
    report->bad = false;
}

static void work(const struct run *run, uint32_t job, int fd)
{
    struct chb_sim *sim = chb_cmd_new_sim();
    struct report report = {.job = job};
    int64_t next_ns = clock_ns() + REPORT_NS;

    for (uint64_t seed = run->first + job;
         seed <= run->last && (run->all || seed <= atomic_load(run->stop_after));
         seed += run->jobs) {
        if (!chb_cmd_history(sim, seed)) {
            report.bad = true;
            report.seed = seed;
            (void)snprintf(report.rule, sizeof(report.rule), "%s", sim->violation.rule);
            (void)snprintf(report.text, sizeof(report.text), "%s", sim->violation.text);
            uint64_t before = atomic_load(run->stop_after);
            while (seed < before && !atomic_compare_exchange_weak(run->stop_after, &before, seed)) {
            }
        }
        if (report.bad || clock_ns() >= next_ns) {
            next_ns = clock_ns() + REPORT_NS;
            send_report(fd, &report, sim);
        }
    }
    report.over = true;
    send_report(fd, &report, sim);
    free(sim);
}

/* ---- the parent ---- */

static void take_report(const struct run *run, struct outcome *outcome, const struct report *report)
{
    outcome->part[report->job] = report->stats;
    outcome->over[report->job] = report->over;
    if (!report->bad) {
        return;
    }
    if (outcome->n_failures == 0 || report->seed < outcome->first_bad) {
        outcome->first_bad = report->seed;
    }
    if (outcome->n_failures < FAILURES_MAX) {
        struct failure *failure = &outcome->failures[outcome->n_failures];
        failure->seed = report->seed;
        memcpy(failure->rule, report->rule, sizeof(failure->rule));
        memcpy(failure->text, report->text, sizeof(failure->text));
    }
    outcome->n_failures++;
    if (run->all) {
        printf("seed %llu: breaks %s: %s\n", (unsigned long long)report->seed, report->rule,
               report->text);
        fflush(stdout);
    }
}

static struct chb_sim_stats sum_of(const struct run *run, const struct outcome *outcome)
{
    struct chb_sim_stats sum = {0};
    for (uint32_t j = 0; j < run->jobs; j++) {
        chb_cmd_add(&sum, &outcome->part[j]);
    }
    return sum;
}

static void progress(const struct run *run, const struct outcome *outcome, int64_t begun_ns)
{
    struct chb_sim_stats sum = sum_of(run, outcome);
    double seconds = (double)(clock_ns() - begun_ns) / 1e9;
    double total = (double)(run->last - run->first) + 1;

    fprintf(stderr, "\r%llu of %.0f histories, %.0f a second, %llu bad ",
            (unsigned long long)sum.histories, total, (double)sum.histories / seconds,
            (unsigned long long)outcome->n_failures);
}

/* Until all jobs have closed the pipe. */
static void collect(const struct run *run, struct outcome *outcome, int fd, int64_t begun_ns)
{
    struct report report;
    bool terminal = isatty(STDERR_FILENO) == 1;

    for (;;) {
        ssize_t n = read(fd, &report, sizeof(report));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n != (ssize_t)sizeof(report) || report.job >= run->jobs) {
            break;
        }
        take_report(run, outcome, &report);
        if (terminal) {
            progress(run, outcome, begun_ns);
        }
    }
    if (terminal) {
        fputs("\r\033[K", stderr);
    }
}

static bool start_jobs(const struct run *run, int ret_fds[2])
{
    if (pipe(ret_fds) != 0) {
        perror("colo-sim");
        return false;
    }
    fflush(stdout);
    for (uint32_t j = 0; j < run->jobs; j++) {
        pid_t pid = fork();
        if (pid < 0) {
            perror("colo-sim");
            return false;
        }
        if (pid == 0) {
            close(ret_fds[0]);
            work(run, j, ret_fds[1]);
            _exit(0);
        }
    }
    close(ret_fds[1]);
    return true;
}

static int tell_bad(uint64_t seed)
{
    struct chb_sim *sim = chb_cmd_new_sim();

    sim->trace.on = true;
    bool well = chb_cmd_history(sim, seed);
    chb_sim_trace_tail(sim, CHB_CMD_TAIL);
    chb_cmd_verdict(sim, seed);
    free(sim);
    return well ? CHB_CMD_ERROR : CHB_CMD_BAD;
}

static bool write_json(const struct run *run, const struct outcome *outcome,
                       const struct chb_sim_stats *sum, double seconds, int code)
{
    FILE *file = fopen(run->json, "w");
    if (file == NULL) {
        perror(run->json);
        return false;
    }
    fprintf(file,
            "{\"seeds\": [%llu, %llu], \"jobs\": %u, \"exit_code\": %d, \"wall_seconds\": %.3f, "
            "\"histories_per_second\": %.1f,\n \"counts\": {",
            (unsigned long long)run->first, (unsigned long long)run->last, run->jobs, code, seconds,
            (double)sum->histories / seconds);
    chb_counts_json(sum, file);
    fprintf(file, "},\n \"n_failures\": %llu, \"failures\": [",
            (unsigned long long)outcome->n_failures);
    for (uint64_t i = 0; i < outcome->n_failures && i < FAILURES_MAX; i++) {
        const struct failure *failure = &outcome->failures[i];
        fprintf(file, "%s\n  {\"seed\": %llu, \"rule\": \"%s\", \"text\": \"%s\"}",
                i == 0 ? "" : ",", (unsigned long long)failure->seed, failure->rule, failure->text);
    }
    fputs("]}\n", file);
    bool written = ferror(file) == 0;
    return fclose(file) == 0 && written;
}

static int finish(const struct run *run, const struct outcome *outcome, double seconds)
{
    struct chb_sim_stats sum = sum_of(run, outcome);
    int code = CHB_CMD_WELL;

    for (uint32_t j = 0; j < run->jobs; j++) {
        if (!outcome->over[j]) {
            fprintf(stderr, "colo-sim: job %u died\n", j);
            code = CHB_CMD_ERROR;
        }
    }
    chb_counts_print(&sum, stdout);
    printf("  %-28s %12.1f\n  %-28s %12.1f\n", "wall seconds", seconds, "histories a second",
           (double)sum.histories / seconds);
    if (outcome->n_failures != 0) {
        code = CHB_CMD_BAD;
    } else if (code == CHB_CMD_WELL && chb_counts_too_little(&sum, stdout) != 0) {
        code = CHB_CMD_TOO_LITTLE;
    }
    if (run->json != NULL && !write_json(run, outcome, &sum, seconds, code)) {
        return CHB_CMD_ERROR;
    }
    if (run->all && outcome->n_failures != 0) {
        printf("%llu bad histories, the first is seed %llu\n",
               (unsigned long long)outcome->n_failures, (unsigned long long)outcome->first_bad);
        return CHB_CMD_BAD;
    }
    return outcome->n_failures != 0 ? tell_bad(outcome->first_bad) : code;
}

static int run_all(struct run *run)
{
    struct outcome *outcome = calloc(1, sizeof(*outcome));
    int64_t begun_ns = clock_ns();
    int fds[2];

    run->stop_after = mmap(NULL, sizeof(*run->stop_after), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (outcome == NULL || run->stop_after == MAP_FAILED) {
        perror("colo-sim");
        exit(CHB_CMD_ERROR);
    }
    atomic_store(run->stop_after, UINT64_MAX);
    if (!start_jobs(run, fds)) {
        exit(CHB_CMD_ERROR);
    }
    collect(run, outcome, fds[0], begun_ns);
    while (wait(NULL) > 0) {
    }
    int code = finish(run, outcome, (double)(clock_ns() - begun_ns) / 1e9);
    free(outcome);
    return code;
}

int chb_cmd_run(struct chb_cmd_args *args)
{
    struct run run = {.jobs = 1};
    bool have = false;

    while (args->argc > 0) {
        if (chb_cmd_range(args, "--seeds", &run.first, &run.last)) {
            have = true;
        } else if (chb_cmd_flag(args, "--all")) {
            run.all = true;
        } else if (!chb_cmd_jobs(args, &run.jobs) && !chb_cmd_text(args, "--json", &run.json)) {
            chb_cmd_usage(args);
        }
    }
    if (!have) {
        chb_cmd_usage(args);
    }
    return run_all(&run);
}
