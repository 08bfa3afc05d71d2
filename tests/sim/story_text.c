/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A story as text: one option or fault in each line (tests/sim/README.md, "Stories"). */
#include <stdlib.h>
#include <string.h>

#include <tests/sim/story_text.h>

#define OPTION(name, member)                                                                       \
    {                                                                                              \
        name, offsetof(struct chb_sim_options, member),                                            \
            sizeof(((struct chb_sim_options *)0)->member)                                          \
    }

struct option {
    const char *name;
    size_t at;
    size_t size;
};

/* All of them, as numbers; durations in milliseconds, chances in permille, enums as in sim.h. */
static const struct option options[] = {
    OPTION("seed", seed),
    OPTION("nodes", n_nodes),
    OPTION("quorum", quorum),
    OPTION("token", token_ms),
    OPTION("fill", fill_ms),
    OPTION("noise", noise),
    OPTION("quorum-stop", quorum_stop),
    OPTION("fence-reboots", fence_reboots),
    OPTION("torn-records", torn_records),
    OPTION("unsafe", unsafe),
    OPTION("echo", echo),
    OPTION("patience", patience_ms),
    OPTION("deaf-guest", deaf_guest),
    OPTION("fence-mode", fence_mode),
    OPTION("fence", fence_ms),
    OPTION("images", images),
    OPTION("vms", n_vms),
    OPTION("drift", drift_ppm),
    OPTION("cut-steps", cut_steps),
    OPTION("single", single),
    OPTION("restart-guest", restart_guest),
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))
_Static_assert(sizeof(struct chb_sim_options) == 80, "has a new option its line in the table?");

static uint64_t get(const struct chb_sim_options *from, const struct option *option)
{
    uint64_t value = 0; /* little-endian, as everything that this is built for */
    memcpy(&value, (const char *)from + option->at, option->size);
    return value;
}

static void set(struct chb_sim_options *to, const struct option *option, uint64_t value)
{
    memcpy((char *)to + option->at, &value, option->size);
}

/* ---- writing ---- */

static void print_fault(const struct chb_sim_fault *fault, FILE *file)
{
    fprintf(file, "fault %lld.%06lld %s n%u seed %llu", (long long)(fault->at_ns / 1000000),
            (long long)(fault->at_ns % 1000000), chb_sim_fault_name(fault->kind), fault->node,
            (unsigned long long)fault->seed);
    if (fault->ms != 0) {
        fprintf(file, " ms %lld", (long long)fault->ms);
    }
    if (fault->vm != 0) {
        fprintf(file, " vm %u", fault->vm);
    }
    fputc('\n', file);
}

void chb_story_print(const struct chb_sim_story *story, FILE *file)
{
    struct chb_sim_options usual;

    chb_sim_options_init(&usual, 0);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        uint64_t value = get(&story->options, &options[i]);
        if (value != get(&usual, &options[i])) {
            fprintf(file, "%s %llu\n", options[i].name, (unsigned long long)value);
        }
    }
    fprintf(file, "calm %lld\n", (long long)story->faults_ms);
    for (uint32_t i = 0; i < story->faults.n; i++) {
        print_fault(&story->faults.list[i], file);
    }
}

/* ---- reading ---- */

static bool read_number(const char *word, uint64_t *ret_value)
{
    char *end = NULL;
    if (word == NULL || *word < '0' || *word > '9') {
        return false;
    }
    *ret_value = strtoull(word, &end, 10);
    return *end == '\0';
}

/* Milliseconds with up to six digits behind the point. */
static bool read_moment(const char *word, int64_t *ret_ns)
{
    char *end = NULL;
    if (word == NULL || *word < '0' || *word > '9') {
        return false;
    }
    int64_t ns = strtoll(word, &end, 10) * 1000000;
    if (*end == '.') {
        int64_t unit = 100000;
        for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10) {
            ns += (*end - '0') * unit;
        }
    }
    *ret_ns = ns;
    return *end == '\0';
}

/* MOMENT KIND nNODE [seed N] [ms N] [vm N] */
static bool read_fault(struct chb_sim_story *story, char **rest)
{
    struct chb_sim_fault fault = {.seed = story->faults.n};
    uint64_t value = 0;
    const char *kind = NULL;
    const char *node = NULL;

    if (!read_moment(strtok_r(NULL, " \t\n", rest), &fault.at_ns) ||
        (kind = strtok_r(NULL, " \t\n", rest)) == NULL ||
        chb_sim_fault_name(fault.kind = chb_sim_fault_kind(kind)) == NULL ||
        (node = strtok_r(NULL, " \t\n", rest)) == NULL || node[0] != 'n' ||
        !read_number(node + 1, &value) || value > CHB_SIM_NODES_MAX ||
        story->faults.n == CHB_SIM_FAULTS_MAX) {
        return false;
    }
    fault.node = (uint32_t)value;
    const char *word = NULL;
    while ((word = strtok_r(NULL, " \t\n", rest)) != NULL) {
        if (!read_number(strtok_r(NULL, " \t\n", rest), &value)) {
            return false;
        }
        if (strcmp(word, "seed") == 0) {
            fault.seed = value;
        } else if (strcmp(word, "ms") == 0) {
            fault.ms = (int64_t)value;
        } else if (strcmp(word, "vm") == 0) {
            fault.vm = (uint32_t)value;
        } else {
            return false;
        }
    }
    story->faults.list[story->faults.n++] = fault;
    return true;
}

static bool read_line(struct chb_sim_story *story, char *line)
{
    char *rest = NULL;
    const char *word = strtok_r(line, " \t\n", &rest);
    uint64_t value = 0;

    if (word == NULL || word[0] == '#') {
        return true;
    }
    if (strcmp(word, "fault") == 0) {
        return read_fault(story, &rest);
    }
    if (!read_number(strtok_r(NULL, " \t\n", &rest), &value) ||
        strtok_r(NULL, " \t\n", &rest) != NULL) {
        return false;
    }
    if (strcmp(word, "calm") == 0) {
        story->faults_ms = (int64_t)value;
        return true;
    }
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strcmp(word, options[i].name) == 0) {
            set(&story->options, &options[i], value);
            return true;
        }
    }
    return false;
}

static bool makes_sense(const struct chb_sim_story *story)
{
    int64_t last_ns = 0;
    for (uint32_t i = 0; i < story->faults.n; i++) {
        const struct chb_sim_fault *fault = &story->faults.list[i];
        if (fault->at_ns < last_ns || fault->at_ns >= CHB_SIM_MS(story->faults_ms) ||
            fault->node < 1 || fault->node > story->options.n_nodes ||
            fault->vm >= story->options.n_vms) {
            return false;
        }
        last_ns = fault->at_ns;
    }
    return story->options.n_vms >= 1 && story->options.n_vms <= CHB_SIM_VMS_MAX &&
           story->options.n_nodes >= 2 && story->options.n_nodes <= CHB_SIM_NODES_MAX &&
           story->faults_ms >= CHB_SIM_STORY_MIN_MS && story->faults_ms < 1000000000;
}

bool chb_story_read(struct chb_sim_story *ret_story, const char *path)
{
    char line[512];
    uint32_t number = 0;
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        perror(path);
        return false;
    }
    chb_sim_options_init(&ret_story->options, 0);
    ret_story->faults_ms = 60000;
    ret_story->faults.n = 0;
    bool good = true;
    while (good && fgets(line, sizeof(line), file) != NULL) {
        number++;
        good = read_line(ret_story, line);
    }
    fclose(file);
    if (!good) {
        fprintf(stderr, "%s:%u: not understood\n", path, number);
    } else if (!makes_sense(ret_story)) {
        fprintf(stderr,
                "%s: faults must be in the order of their times, before the calm, on nodes that "
                "there are\n",
                path);
        good = false;
    }
    return good;
}
