/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-sim explore: all interleavings of two hosts and one VM, from a pair and from a cold start.
 */
#include <stdio.h>
#include <string.h>

#include <tests/sim/cmd.h>
#include <tests/sim/explore/search.h>

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
    printf("  calms tried           %12llu (%llu end with a question to a person)\n",
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

static int write_json(const char *path, const struct root *roots, size_t n,
                      const struct chb_x_limits *limits)
{
    FILE *file = fopen(path, "we");
    const char *comma = "";

    if (file == NULL) {
        perror(path);
        return CHB_CMD_ERROR;
    }
    fprintf(file, "{\"depth\": %u, \"faults\": %u, \"roots\": [", limits->depth, limits->faults);
    for (size_t i = 0; i < n; i++) {
        const struct chb_x_report *report = &roots[i].report;
        if (!roots[i].wanted) {
            continue;
        }
        fprintf(file,
                "%s\n  {\"root\": \"%s\", \"states\": %llu, \"transitions\": %llu, \"depth\": %u, "
                "\"exhausted\": %s, \"frontier\": %llu, \"two_faults\": %llu, "
                "\"two_faults_and_return\": %llu, \"calms\": %llu, \"asked\": %llu, "
                "\"overflows\": %llu, \"seconds\": %.1f, \"bytes\": %llu, \"violation\": ",
                comma, roots[i].name, (unsigned long long)report->states,
                (unsigned long long)report->transitions, report->depth,
                report->exhausted ? "true" : "false", (unsigned long long)report->last_level,
                (unsigned long long)report->with_two, (unsigned long long)report->with_heal,
                (unsigned long long)report->calms, (unsigned long long)report->asked,
                (unsigned long long)report->overflows, report->seconds,
                (unsigned long long)report->bytes);
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

/* From the cold start to a pair, without a fault. */
static bool make_pair(struct chb_x_world *ret_world)
{
    chb_x_init(ret_world);
    bool made = chb_x_calm(ret_world) && chb_x_is_pair(ret_world);
    if (!made) {
        printf("no pair can be made: %s: %s\n", ret_world->rule != NULL ? ret_world->rule : "-",
               ret_world->text);
    }
    return made;
}

static int explore(struct root *roots, size_t n, const struct chb_x_limits *limits)
{
    int result = CHB_CMD_WELL;

    for (size_t i = 0; i < n && result == CHB_CMD_WELL; i++) {
        if (!roots[i].wanted) {
            continue;
        }
        bool well = chb_x_search(&roots[i].world, limits, &roots[i].report);
        tell(&roots[i], limits);
        if (!well) {
            result = roots[i].report.violated ? CHB_CMD_BAD : CHB_CMD_ERROR;
        }
    }
    return result;
}

int chb_cmd_explore(struct chb_cmd_args *args)
{
    static struct root roots[] = {{.name = "pair", .wanted = true},
                                  {.name = "cold", .wanted = true}};
    struct chb_x_limits limits = {.depth = 12, .states = 50000000, .faults = 2, .sample = 100};
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
    for (size_t i = 0; i < 2 && from != NULL; i++) {
        roots[i].wanted = strcmp(roots[i].name, from) == 0;
    }
    if (!roots[0].wanted && !roots[1].wanted) {
        chb_cmd_usage(args);
    }
    chb_x_init(&roots[1].world);
    if (!make_pair(&roots[0].world)) {
        return CHB_CMD_BAD;
    }
    int result = explore(roots, 2, &limits);
    if (json != NULL && write_json(json, roots, 2, &limits) != CHB_CMD_WELL) {
        return CHB_CMD_ERROR;
    }
    return result;
}
