/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * colo-sim mutants: does the simulator find what it is for? Each mutant is this program with one
 * mistake in the core (tests/sim/mutants/). It runs its story and its seeds first, if its file
 * names any, and then one seed after the other until a rule is broken. One that lives on is a hole
 * in the world or in the checkers. The core without a mistake must pass all that they were caught
 * with.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tests/sim/cmd.h>

#define MUTANTS_MAX 256
#define NAME_SIZE 64
#define PATH_SIZE 1024
#define HISTORIES 20000     /* after which a mutant counts as one that lives */
#define STORY_SEEDS "1..60" /* the same faults meet other latencies */
#define CPU_SECONDS 120     /* for one program: one that needs more never ends */

struct mutant {
    char name[NAME_SIZE];
    char rule[NAME_SIZE]; /* that it attacks */
    char file[NAME_SIZE];
    char seeds[256]; /* to be tried first, "-": none */
    char story[PATH_SIZE];
    char why[256];
};

enum verdict { VERDICT_LIVES, VERDICT_CAUGHT, VERDICT_ERROR };

/* What a worker says of one mutant, in one pipe: small enough to be written whole. Read when the
 * worker has ended: those of CHB_CMD_JOBS_MAX workers fit into the pipe. */
struct found {
    uint32_t index;
    enum verdict verdict;
    char by[64]; /* "seed 5" or "story x" */
    uint64_t seed;
    char rule[64];
    char text[CHB_SIM_TRACE_WIDTH];
};
_Static_assert(sizeof(struct found) <= 4096, "it must fit into PIPE_BUF");
_Static_assert(sizeof(struct found) * CHB_CMD_JOBS_MAX <= 65536, "all must fit into the pipe");

struct hunt {
    char dir[PATH_SIZE];
    const char *only;
    const char *json;
    uint32_t jobs;
    uint64_t histories;
    uint32_t n;
    struct mutant mutants[MUTANTS_MAX];
    struct found found[MUTANTS_MAX];
    bool reported[MUTANTS_MAX];
    pid_t pids[MUTANTS_MAX]; /* of the workers */
    int fds[2];              /* their reports; reading never waits */
};

/* ---- the list ---- */

static bool field(char **line, char *ret_text, size_t size)
{
    char *part = strsep(line, "\t\n");
    if (part == NULL || strlen(part) >= size) {
        return false;
    }
    (void)snprintf(ret_text, size, "%s", part);
    return true;
}

static bool read_list(struct hunt *hunt)
{
    char path[PATH_SIZE + 32];
    char line[4096];

    (void)snprintf(path, sizeof(path), "%s/mutants.list", hunt->dir);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        fputs("colo-sim: build the target 'mutants' first\n", stderr);
        return false;
    }
    bool good = true;
    while (good && fgets(line, sizeof(line), file) != NULL) {
        struct mutant *mutant = &hunt->mutants[hunt->n];
        char *rest = line;
        good = field(&rest, mutant->name, sizeof(mutant->name)) &&
               field(&rest, mutant->rule, sizeof(mutant->rule)) &&
               field(&rest, mutant->file, sizeof(mutant->file)) &&
               field(&rest, mutant->seeds, sizeof(mutant->seeds)) &&
               field(&rest, mutant->story, sizeof(mutant->story)) &&
               field(&rest, mutant->why, sizeof(mutant->why)) && hunt->n + 1 < MUTANTS_MAX;
        if (good && (hunt->only == NULL || strcmp(hunt->only, mutant->name) == 0)) {
            hunt->n++;
        }
    }
    fclose(file);
    if (!good) {
        fprintf(stderr, "colo-sim: %s: line too long, or too many mutants\n", path);
    }
    return good;
}

/* ---- one program ---- */

/* The last line of the form "WHAT: breaks RULE: text". */
static void take_line(struct found *found, char *line)
{
    char *breaks = strstr(line, ": breaks ");
    if (breaks == NULL) {
        return;
    }
    char *rule = breaks + strlen(": breaks ");
    char *text = strstr(rule, ": ");
    if (text == NULL) {
        return;
    }
    *breaks = '\0';
    *text = '\0';
    text += 2;
    text[strcspn(text, "\n")] = '\0';
    (void)snprintf(found->by, sizeof(found->by), "%.63s", line);
    (void)snprintf(found->rule, sizeof(found->rule), "%.63s", rule);
    (void)snprintf(found->text, sizeof(found->text), "%.199s", text);
    found->seed = strncmp(line, "seed ", 5) == 0 ? strtoull(line + 5, NULL, 10) : 0;
}

static void become(char *const argv[], int out)
{
    struct rlimit limit = {CPU_SECONDS, CPU_SECONDS};

    (void)setrlimit(RLIMIT_CPU, &limit);
    if (dup2(out, STDOUT_FILENO) >= 0) {
        (void)execv(argv[0], argv);
    }
    perror(argv[0]);
    _exit(127);
}

/* Runs it to its end, and writes down what it found. */
static enum verdict run_program(struct found *found, char *const argv[])
{
    char line[1024];
    int fds[2];
    int status = 0;

    if (pipe(fds) != 0) {
        return VERDICT_ERROR;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        become(argv, fds[1]);
    }
    close(fds[1]);
    FILE *file = fdopen(fds[0], "r");
    if (pid < 0 || file == NULL) {
        return VERDICT_ERROR;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        take_line(found, line);
    }
    fclose(file);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        (void)snprintf(found->text, sizeof(found->text), "ended by signal %d",
                       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        return VERDICT_ERROR;
    }
    switch (WEXITSTATUS(status)) {
    case CHB_CMD_WELL:
    case CHB_CMD_TOO_LITTLE: /* of a core with a mistake, or of few histories */
        return VERDICT_LIVES;
    case CHB_CMD_BAD:
        return found->rule[0] != '\0' ? VERDICT_CAUGHT : VERDICT_ERROR;
    default:
        (void)snprintf(found->text, sizeof(found->text), "exit code %d", WEXITSTATUS(status));
        return VERDICT_ERROR;
    }
}

static enum verdict run_story(struct found *found, char *program, const char *story)
{
    char file[PATH_SIZE];
    char *const argv[] = {program, (char[]){"replay"},  (char[]){"--faults"},
                          file,    (char[]){"--seeds"}, (char[]){STORY_SEEDS},
                          NULL};
    (void)snprintf(file, sizeof(file), "%s", story);
    return run_program(found, argv);
}

static enum verdict run_seed(struct found *found, char *program, const char *seed)
{
    char text[32];
    char *const argv[] = {program, (char[]){"replay"}, (char[]){"--seed"}, text, NULL};
    (void)snprintf(text, sizeof(text), "%s", seed);
    return run_program(found, argv);
}

static enum verdict run_seeds(struct found *found, char *program, uint64_t last)
{
    char text[32];
    char *const argv[] = {program, (char[]){"run"}, (char[]){"--seeds"}, text, NULL};
    (void)snprintf(text, sizeof(text), "1..%llu", (unsigned long long)last);
    return run_program(found, argv);
}

/* The story and the seeds that the mutant's file names. */
static enum verdict run_named(struct found *found, char *program, const struct mutant *mutant)
{
    enum verdict verdict = VERDICT_LIVES;
    char seeds[sizeof(mutant->seeds)];
    char *rest = seeds;
    char *seed = NULL;

    if (strcmp(mutant->story, "-") != 0) {
        verdict = run_story(found, program, mutant->story);
    }
    (void)snprintf(seeds, sizeof(seeds), "%s", mutant->seeds);
    while (verdict == VERDICT_LIVES && (seed = strsep(&rest, " ")) != NULL) {
        if (*seed >= '0' && *seed <= '9') {
            verdict = run_seed(found, program, seed);
        }
    }
    return verdict;
}

/* ---- all of them ---- */

static void hunt_one(const struct hunt *hunt, uint32_t index)
{
    const struct mutant *mutant = &hunt->mutants[index];
    struct found found = {.index = index};
    char program[PATH_SIZE + NAME_SIZE + 16];

    (void)snprintf(program, sizeof(program), "%s/mutant-%s", hunt->dir, mutant->name);
    found.verdict = run_named(&found, program, mutant);
    if (found.verdict == VERDICT_LIVES) {
        found.verdict = run_seeds(&found, program, hunt->histories);
    }
    _exit(write(hunt->fds[1], &found, sizeof(found)) == (ssize_t)sizeof(found) ? 0 : 1);
}

static void print_found(const struct hunt *hunt, uint32_t i)
{
    const struct mutant *mutant = &hunt->mutants[i];
    const struct found *found = &hunt->found[i];
    static const char *const words[] = {"LIVES", "caught", "ERROR"};

    printf("%-26s %-4s %-7s %-12s %-16s %s\n", mutant->name, mutant->rule, words[found->verdict],
           found->verdict == VERDICT_CAUGHT ? found->rule : "-",
           found->verdict == VERDICT_CAUGHT ? found->by : "-",
           found->verdict == VERDICT_LIVES ? mutant->why : found->text);
    fflush(stdout);
}

static void take_reports(struct hunt *hunt)
{
    struct found found;

    while (read(hunt->fds[0], &found, sizeof(found)) == (ssize_t)sizeof(found)) {
        hunt->found[found.index] = found;
        hunt->reported[found.index] = true;
        print_found(hunt, found.index);
    }
}

/* Waits for the end of one worker, and not for its report: one that was killed makes none. */
static bool reap(struct hunt *hunt)
{
    int status = 0;
    uint32_t i = 0;
    pid_t pid = wait(&status);

    if (pid < 0) {
        perror("colo-sim");
        return false;
    }
    take_reports(hunt);
    while (i < hunt->n && hunt->pids[i] != pid) {
        i++;
    }
    if (i == hunt->n) {
        return false; /* none of them */
    }
    if (!hunt->reported[i]) {
        (void)snprintf(hunt->found[i].text, sizeof(hunt->found[i].text),
                       "its worker has ended without a report (%s %d)",
                       WIFSIGNALED(status) ? "signal" : "exit code",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        print_found(hunt, i);
    }
    hunt->pids[i] = 0; /* it may be given out again */
    return true;
}

static void hunt_all(struct hunt *hunt)
{
    uint32_t started = 0;
    uint32_t over = 0;

    printf("%-26s %-4s %-7s %-12s %-16s %s\n", "mutant", "rule", "", "caught by", "at", "");
    fflush(stdout);
    for (uint32_t i = 0; i < hunt->n; i++) {
        hunt->found[i].verdict = VERDICT_ERROR;
    }
    while (over < hunt->n) {
        while (started < hunt->n && started - over < hunt->jobs) {
            pid_t pid = fork();
            if (pid == 0) {
                hunt_one(hunt, started);
            }
            if (pid < 0) {
                perror("colo-sim");
                return;
            }
            hunt->pids[started++] = pid;
        }
        if (!reap(hunt)) {
            return;
        }
        over++;
    }
}

/* Is it one of the seeds that the mutant's file names? */
static bool is_named(const struct mutant *mutant, uint64_t seed)
{
    char seeds[sizeof(mutant->seeds)];
    char *rest = seeds;
    char *name = NULL;

    (void)snprintf(seeds, sizeof(seeds), "%s", mutant->seeds);
    while ((name = strsep(&rest, " ")) != NULL) {
        if (*name >= '0' && *name <= '9' && strtoull(name, NULL, 10) == seed) {
            return true;
        }
    }
    return false;
}

/* The core as it is, with the same stories and seeds. */
static bool core_passes(struct hunt *hunt)
{
    struct found found = {0};
    char program[] = "/proc/self/exe";
    uint64_t last = 1;
    enum verdict verdict = VERDICT_LIVES;

    for (uint32_t i = 0; i < hunt->n && verdict == VERDICT_LIVES; i++) {
        verdict = run_named(&found, program, &hunt->mutants[i]);
        uint64_t seed = hunt->found[i].seed; /* 0: a story's */
        last = seed > last && !is_named(&hunt->mutants[i], seed) ? seed : last;
    }
    if (verdict == VERDICT_LIVES) {
        verdict = run_seeds(&found, program, last);
    }
    if (verdict != VERDICT_LIVES) {
        printf("the core itself, without a mistake: %s: %s: %s\n", found.by, found.rule,
               found.text);
    }
    return verdict == VERDICT_LIVES;
}

static bool write_json(const struct hunt *hunt)
{
    FILE *file = fopen(hunt->json, "w");
    if (file == NULL) {
        perror(hunt->json);
        return false;
    }
    fputs("{\"mutants\": [", file);
    for (uint32_t i = 0; i < hunt->n; i++) {
        const struct mutant *mutant = &hunt->mutants[i];
        const struct found *found = &hunt->found[i];
        fprintf(file,
                "%s\n  {\"name\": \"%s\", \"attacks\": \"%s\", \"file\": \"%s\", \"caught\": %s, "
                "\"by\": \"%s\", \"at\": \"%s\", \"text\": \"%s\", \"why\": \"%s\"}",
                i == 0 ? "" : ",", mutant->name, mutant->rule, mutant->file,
                found->verdict == VERDICT_CAUGHT ? "true" : "false", found->rule, found->by,
                found->text, mutant->why);
    }
    fputs("]}\n", file);
    bool written = ferror(file) == 0;
    return fclose(file) == 0 && written;
}

static int finish(struct hunt *hunt)
{
    uint32_t n[3] = {0};
    for (uint32_t i = 0; i < hunt->n; i++) {
        n[hunt->found[i].verdict]++;
    }
    printf("%u mutants, %u caught, %u live, %u errors\n", hunt->n, n[VERDICT_CAUGHT],
           n[VERDICT_LIVES], n[VERDICT_ERROR]);
    if (hunt->json != NULL && !write_json(hunt)) {
        return CHB_CMD_ERROR;
    }
    if (n[VERDICT_ERROR] != 0) {
        return CHB_CMD_ERROR;
    }
    return core_passes(hunt) && n[VERDICT_LIVES] == 0 ? CHB_CMD_WELL : CHB_CMD_BAD;
}

/* Beside this program, where the build leaves them. */
static void default_dir(struct hunt *hunt)
{
    char path[PATH_SIZE - 16];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    (void)snprintf(hunt->dir, sizeof(hunt->dir), "%s/mutants", path);
}

int chb_cmd_mutants(struct chb_cmd_args *args)
{
    struct hunt *hunt = calloc(1, sizeof(*hunt));
    const char *dir = NULL;

    if (hunt == NULL || pipe(hunt->fds) != 0 || fcntl(hunt->fds[0], F_SETFL, O_NONBLOCK) != 0) {
        perror("colo-sim");
        exit(CHB_CMD_ERROR);
    }
    hunt->jobs = 1;
    hunt->histories = HISTORIES;
    default_dir(hunt);
    while (args->argc > 0) {
        if (!chb_cmd_jobs(args, &hunt->jobs) && !chb_cmd_text(args, "--json", &hunt->json) &&
            !chb_cmd_text(args, "--only", &hunt->only) && !chb_cmd_text(args, "--dir", &dir) &&
            !chb_cmd_number(args, "--histories", &hunt->histories)) {
            chb_cmd_usage(args);
        }
    }
    if (dir != NULL) {
        (void)snprintf(hunt->dir, sizeof(hunt->dir), "%s", dir);
    }
    int code = CHB_CMD_ERROR;
    if (read_list(hunt)) {
        if (hunt->n == 0) {
            fputs("colo-sim: no such mutant\n", stderr);
        } else {
            hunt_all(hunt);
            code = finish(hunt);
        }
    }
    free(hunt);
    return code;
}
