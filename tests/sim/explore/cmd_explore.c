/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-sim explore: all interleavings of two hosts and one VM, from a pair, a cold start, two
 * stages of a join, a survivor whose peer's host is off, and the pair that it becomes again. */
#include <stdio.h>
#include <string.h>

#include <tests/sim/cmd.h>
#include <tests/sim/explore/search.h>

enum { ROOT_PAIR, ROOT_COLD, ROOT_ASK, ROOT_JOIN, ROOT_ALONE, ROOT_AGAIN, ROOTS };

struct root {
    const char *name;
    struct chb_x_world world;
    struct chb_x_report report;
    bool wanted;
};

static void tell(const struct root *root, const struct chb_x_limits *limits)
{
    const struct chb_x_report *report = &root->report;
    const char *end = "not exhausted: the limit of depth";

    if (report->exhausted) {
        end = "exhausted: no other state can be reached";
    } else if (report->full) {
        end = "not exhausted: the limit of states";
    } else if (report->no_memory) {
        end = "given up: no memory";
    } else if (report->violated) {
        end = "given up at the violation";
    }
    printf("from %s\n", root->name);
    printf("  states                %12llu\n", (unsigned long long)report->states);
    printf("  transitions           %12llu\n", (unsigned long long)report->transitions);
    printf("  depth reached         %12u (of %u, with up to %u faults)\n", report->depth,
           limits->depth, limits->faults);
    printf("  frontier              %12llu (%s)\n", (unsigned long long)report->last_level, end);
    printf("  after two faults      %12llu\n", (unsigned long long)report->with_two);
    printf("  ... and a return      %12llu\n", (unsigned long long)report->with_heal);
    printf("  serving alone         %12llu\n", (unsigned long long)report->solo);
    printf("  calms tried           %12llu (%llu needed a person's word)\n",
           (unsigned long long)report->calms, (unsigned long long)report->asked);
    printf("  channel full          %12llu (what follows was not looked at)\n",
           (unsigned long long)report->overflows);
    printf("  seconds               %12.1f\n", report->seconds);
    printf("  bytes                 %12llu\n", (unsigned long long)report->bytes);
    if (report->violated) {
        printf("  VIOLATION             %s: %s\n", report->rule, report->text);
    }
    fflush(stdout);
}

static int write_json(const char *path, const struct root roots[ROOTS],
                      const struct chb_x_limits *limits)
{
    FILE *file = fopen(path, "we");
    const char *comma = "";

    if (file == NULL) {
        perror(path);
        return CHB_CMD_ERROR;
    }
    fprintf(file, "{\"depth\": %u, \"faults\": %u, \"roots\": [", limits->depth, limits->faults);
    for (size_t i = 0; i < ROOTS; i++) {
        const struct chb_x_report *report = &roots[i].report;
        if (!roots[i].wanted) {
            continue;
        }
        fprintf(file,
                "%s\n  {\"root\": \"%s\", \"states\": %llu, \"transitions\": %llu, \"depth\": %u, "
                "\"exhausted\": %s, \"full\": %s, \"frontier\": %llu, \"two_faults\": %llu, "
                "\"two_faults_and_return\": %llu, \"calms\": %llu, \"asked\": %llu, "
                "\"overflows\": %llu, \"seconds\": %.1f, \"bytes\": %llu, \"violation\": ",
                comma, roots[i].name, (unsigned long long)report->states,
                (unsigned long long)report->transitions, report->depth,
                report->exhausted ? "true" : "false", report->full ? "true" : "false",
                (unsigned long long)report->last_level, (unsigned long long)report->with_two,
                (unsigned long long)report->with_heal, (unsigned long long)report->calms,
                (unsigned long long)report->asked, (unsigned long long)report->overflows,
                report->seconds, (unsigned long long)report->bytes);
        if (report->violated) {
            fprintf(file, "\"%s\"}", report->rule);
        } else {
            fputs("null}", file);
        }
        comma = ",";
    }
    fputs("\n]}\n", file);
    return fclose(file) == 0 ? CHB_CMD_WELL : CHB_CMD_ERROR;
}

/* ---- where to begin ---- */

/* The primary has asked for a secondary. */
static bool is_asking(const struct chb_x_world *world)
{
    return world->node[1].core.join == CHB_JOIN_WANTED;
}

/* The primary's sequence runs; the secondary listens. */
static bool is_joining(const struct chb_x_world *world)
{
    return world->node[1].run.op != 0 && world->node[1].run.kind == CHB_SEQUENCE_JOIN;
}

static bool is_alone(const struct chb_x_world *world)
{
    return world->node[2].core.phase == CHB_PHASE_SOLO && !world->node[2].copy.overlays &&
           world->node[2].write.op == 0;
}

/* Makes the root from what it begins with, by going on until it is reached. */
static bool make_root(struct root *root, const struct chb_x_world *from, bool back,
                      bool (*done)(const struct chb_x_world *))
{
    struct chb_x_report *report = &root->report;
    int64_t passed_ns = 0;

    root->world = *from;
    if (chb_x_go_on(&root->world, back, done, &passed_ns)) {
        return true;
    }
    report->violated = true;
    report->rule = root->world.rule != NULL ? root->world.rule : "R10";
    (void)snprintf(report->text, sizeof(report->text), "%s",
                   root->world.rule != NULL ? root->world.text : "nothing goes on any more");
    return false;
}

struct making {
    struct root *roots;
    size_t at; /* the root that is being made */
    bool made; /* all of them */
};

static void make_roots(void *what)
{
    static const struct {
        size_t root;
        size_t from;
        bool back;
        bool (*done)(const struct chb_x_world *);
    } ways[] = {
        {ROOT_ASK, ROOT_COLD, false, is_asking},       {ROOT_JOIN, ROOT_ASK, false, is_joining},
        {ROOT_PAIR, ROOT_JOIN, true, chb_x_is_pair},   {ROOT_ALONE, ROOT_PAIR, false, is_alone},
        {ROOT_AGAIN, ROOT_ALONE, true, chb_x_is_pair},
    };
    static struct chb_x_world from;
    struct making *making = what;

    chb_x_init(&making->roots[ROOT_COLD].world);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        making->at = ways[i].root;
        from = making->roots[ways[i].from].world;
        if (ways[i].root == ROOT_ALONE) {
            chb_x_take(&from, (struct chb_x_choice){CHB_X_POWER_OFF, 1, 0});
        }
        if (!make_root(&making->roots[ways[i].root], &from, ways[i].back, ways[i].done)) {
            return;
        }
    }
    making->made = true;
}

/* A violation on the way to a root is that root's. */
static bool all_made(struct root roots[ROOTS])
{
    struct making making = {.roots = roots, .at = ROOT_COLD};
    bool well = chb_cmd_guarded(make_roots, &making);
    struct root *root = &roots[making.at];

    if (!well) {
        root->report.violated = true;
        root->report.rule = CHB_X_ASSERT;
        (void)snprintf(root->report.text, sizeof(root->report.text), "%s", CHB_X_ASSERT_TEXT);
    } else if (making.made) {
        return true;
    }
    root->wanted = true; /* all need it, or what comes before it */
    printf("\"%s\" cannot be reached, though nothing fails: %s: %s\n", root->name,
           root->report.rule, root->report.text);
    return false;
}

/* Of one root. What has hit the limit of states has not looked at all that was asked for. */
static int result_of(const struct chb_x_report *report, bool well)
{
    if (well) {
        return report->full ? CHB_CMD_TOO_LITTLE : CHB_CMD_WELL;
    }
    return report->violated ? CHB_CMD_BAD : CHB_CMD_ERROR;
}

static int explore(struct root roots[ROOTS], const struct chb_x_limits *limits)
{
    int result = CHB_CMD_WELL;

    for (size_t i = 0; i < ROOTS; i++) {
        if (!roots[i].wanted) {
            continue;
        }
        bool well = chb_x_search(&roots[i].world, limits, &roots[i].report);
        int code = result_of(&roots[i].report, well);
        tell(&roots[i], limits);
        if (code == CHB_CMD_BAD || code == CHB_CMD_ERROR) {
            return code;
        }
        result = code != CHB_CMD_WELL ? code : result; /* another root may be broken */
    }
    return result;
}

int chb_cmd_explore(struct chb_cmd_args *args)
{
    static struct root roots[ROOTS] = {
        [ROOT_PAIR] = {.name = "pair"},   [ROOT_COLD] = {.name = "cold"},
        [ROOT_ASK] = {.name = "ask"},     [ROOT_JOIN] = {.name = "join"},
        [ROOT_ALONE] = {.name = "alone"}, [ROOT_AGAIN] = {.name = "again"},
    };
    struct chb_x_limits limits = {.depth = 8, .states = 50000000, .faults = 2, .sample = 100};
    const char *json = NULL;
    const char *from = NULL;
    uint64_t number = 0;

    while (args->argc > 0) {
        if (chb_cmd_number(args, "--depth", &number) && number <= CHB_X_DEPTH_MAX) {
            limits.depth = (uint32_t)number;
        } else if (chb_cmd_number(args, "--states", &number) && number < UINT32_MAX) {
            limits.states = (uint32_t)number;
        } else if (chb_cmd_number(args, "--faults", &number) && number < 100) {
            limits.faults = (uint32_t)number;
        } else if (chb_cmd_number(args, "--sample", &number) && number < UINT32_MAX) {
            limits.sample = (uint32_t)number;
        } else if (!chb_cmd_text(args, "--json", &json) && !chb_cmd_text(args, "--from", &from)) {
            chb_cmd_usage(args);
        }
    }
    bool any = false;
    for (size_t i = 0; i < ROOTS; i++) {
        roots[i].wanted = from == NULL || strcmp(roots[i].name, from) == 0;
        any = any || roots[i].wanted;
    }
    if (!any) {
        chb_cmd_usage(args);
    }
    int result = all_made(roots) ? explore(roots, &limits) : CHB_CMD_BAD;
    if (json != NULL && write_json(json, roots, &limits) != CHB_CMD_WELL) {
        return CHB_CMD_ERROR;
    }
    return result;
}
