/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <tests/sim/explore/search.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tests/sim/cmd.h>
#include <tests/sim/explore/canon.h>

#define CALM_FIRST 2000 /* states, from each of which the calm is tried */
#define TABLE_FIRST ((size_t)1 << 16)

struct search {
    struct chb_x_limits limits;
    struct chb_x_report *report;
    uint64_t *keys; /* open addressing; 0: free */
    size_t mask;
    uint32_t *parent;
    struct chb_x_choice *how;
    size_t room;
    uint32_t n;
    /* worlds of the path to the state that is being expanded */
    struct chb_x_world *path;
    uint32_t path_state[CHB_X_DEPTH_MAX + 1];
    uint32_t path_depth;
    /* what is being looked at, for a core that traps there */
    uint32_t state;
    uint32_t depth;
    struct chb_x_choice choice;
    bool calm;
};

/* ---- what was seen ---- */

static void put(uint64_t *keys, size_t mask, uint64_t key)
{
    size_t at = (size_t)key & mask;
    while (keys[at] != 0) {
        at = (at + 1) & mask;
    }
    keys[at] = key;
}

static bool seen(const struct search *search, uint64_t key)
{
    size_t at = (size_t)key & search->mask;
    while (search->keys[at] != 0) {
        if (search->keys[at] == key) {
            return true;
        }
        at = (at + 1) & search->mask;
    }
    return false;
}

static bool grow_table(struct search *search)
{
    size_t size = search->keys == NULL ? TABLE_FIRST : (search->mask + 1) * 2;
    uint64_t *keys = calloc(size, sizeof(*keys));

    if (keys == NULL) {
        return false;
    }
    for (size_t i = 0; search->keys != NULL && i <= search->mask; i++) {
        if (search->keys[i] != 0) {
            put(keys, size - 1, search->keys[i]);
        }
    }
    free(search->keys);
    search->keys = keys;
    search->mask = size - 1;
    return true;
}

static bool grow_list(struct search *search)
{
    size_t room = search->room == 0 ? TABLE_FIRST : search->room * 2;
    uint32_t *parent = realloc(search->parent, room * sizeof(*parent));

    if (parent == NULL) {
        return false;
    }
    search->parent = parent;
    struct chb_x_choice *how = realloc(search->how, room * sizeof(*how));
    if (how == NULL) {
        return false;
    }
    search->how = how;
    search->room = room;
    return true;
}

static bool keep(struct search *search, uint64_t key, uint32_t parent, struct chb_x_choice how)
{
    if ((size_t)search->n * 10 >= (search->mask + 1) * 7 && !grow_table(search)) {
        return false;
    }
    if (search->n == search->room && !grow_list(search)) {
        return false;
    }
    put(search->keys, search->mask, key);
    search->parent[search->n] = parent;
    search->how[search->n] = how;
    search->n++;
    return true;
}

/* ---- the way to a state ---- */

/* Makes the world of `state`, which is `depth` choices away; shares what it can with the last. */
static const struct chb_x_world *world_of(struct search *search, uint32_t state, uint32_t depth)
{
    uint32_t chain[CHB_X_DEPTH_MAX + 1];
    uint32_t from = 0;

    for (uint32_t at = state, d = depth;; d--) {
        chain[d] = at;
        if (d == 0) {
            break;
        }
        at = search->parent[at];
    }
    while (from < depth && from < search->path_depth &&
           search->path_state[from + 1] == chain[from + 1]) {
        from++;
    }
    for (uint32_t d = from + 1; d <= depth; d++) {
        search->path[d] = search->path[d - 1];
        chb_x_take(&search->path[d], search->how[chain[d]]);
        search->path_state[d] = chain[d];
    }
    search->path_depth = depth;
    return &search->path[depth];
}

static void tell_choice(uint32_t number, struct chb_x_choice choice)
{
    char text[CHB_X_TEXT];
    chb_x_choice_text(choice, text, sizeof(text));
    printf("%4u. %s\n", number, text);
}

/* The choices that led to the state that is looked at, told; then the one from there. */
static void story(void *what)
{
    struct search *search = what;
    uint32_t chain[CHB_X_DEPTH_MAX + 1];
    struct chb_x_world world = search->path[0];

    for (uint32_t at = search->state, d = search->depth; d > 0; d--) {
        chain[d] = at;
        at = search->parent[at];
    }
    world.tell = true;
    for (uint32_t d = 1; d <= search->depth; d++) {
        tell_choice(d, search->how[chain[d]]);
        chb_x_take(&world, search->how[chain[d]]);
    }
    tell_choice(search->depth + 1, search->choice);
    chb_x_take(&world, search->choice);
    if (search->calm) {
        puts("      and now nothing fails any more:");
        (void)chb_x_calm(&world);
    }
}

/* ---- the search ---- */

static void violated(struct search *search, const char *rule, const char *text)
{
    struct chb_x_report *report = search->report;

    report->violated = true;
    report->rule = rule;
    (void)snprintf(report->text, sizeof(report->text), "%s", text);
    if (strcmp(rule, CHB_X_ASSERT) != 0) {
        story(search);
    } else if (!chb_cmd_guarded(story, search)) { /* it traps again, at its end */
        puts("      the core traps");
    }
    printf("      %s is broken after %u choices%s: %s\n", rule, search->depth + 1,
           search->calm ? " and a calm" : "", text);
    fflush(stdout);
}

static bool try_calm(struct search *search, const struct chb_x_world *world)
{
    struct chb_x_world copy = *world;

    search->report->calms++;
    search->calm = true;
    if (!chb_x_calm(&copy)) {
        violated(search, copy.rule, copy.text);
        return false;
    }
    search->calm = false;
    search->report->asked += copy.asked ? 1 : 0;
    search->report->overflows += copy.overflowed ? 1 : 0;
    return true;
}

static void count(struct search *search, const struct chb_x_world *world)
{
    struct chb_x_report *report = search->report;

    report->with_two += world->faults >= 2 ? 1 : 0;
    report->with_heal += world->faults >= 2 && world->heals > 0 ? 1 : 0;
    FOR_X(node)
    {
        report->solo += world->faults > 0 && world->node[node].qemu.mode == CHB_X_ALONE ? 1 : 0;
    }
}

/* True if the search is to go on. */
static bool expand(struct search *search, uint32_t state, uint32_t depth)
{
    const struct chb_x_world *world = world_of(search, state, depth);
    struct chb_x_choices choices;
    struct chb_x_world next;

    search->state = state;
    search->depth = depth;
    chb_x_list(world, world->faults < search->limits.faults, &choices);
    for (uint32_t i = 0; i < choices.count; i++) {
        struct chb_x_choice choice = choices.list[i];
        search->choice = choice;
        next = *world;
        chb_x_take(&next, choice);
        search->report->transitions++;
        if (next.rule != NULL) {
            violated(search, next.rule, next.text);
            return false;
        }
        if (next.overflowed) {
            search->report->overflows++;
            continue;
        }
        uint64_t key = chb_x_key(&next);
        if (seen(search, key)) {
            continue;
        }
        if (search->n >= search->limits.states) {
            search->report->full = true;
            return false;
        }
        if (!keep(search, key, state, choice)) {
            search->report->no_memory = true;
            return false;
        }
        count(search, &next);
        bool sampled = search->limits.sample != 0 &&
                       (search->n < CALM_FIRST || key % search->limits.sample == 0);
        if (sampled && !try_calm(search, &next)) {
            return false;
        }
    }
    return true;
}

static void levels(void *what)
{
    struct search *search = what;
    struct chb_x_report *report = search->report;
    uint32_t begin = 0;

    for (uint32_t depth = 0; depth < search->limits.depth; depth++) {
        uint32_t end = search->n;
        report->last_level = end - begin;
        if (begin == end) {
            report->exhausted = true;
            return;
        }
        for (uint32_t state = begin; state < end; state++) {
            if (!expand(search, state, depth)) {
                return;
            }
        }
        report->depth = depth + 1;
        begin = end;
    }
    report->last_level = search->n - begin;
    report->exhausted = begin == search->n;
}

static double now_s(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

bool chb_x_search(const struct chb_x_world *root, const struct chb_x_limits *limits,
                  struct chb_x_report *ret_report)
{
    struct search search = {.limits = *limits, .report = ret_report};
    double began = now_s();
    bool ready = false;

    memset(ret_report, 0, sizeof(*ret_report));
    search.path = calloc(limits->depth + 1, sizeof(*search.path));
    if (search.path != NULL && grow_table(&search) && grow_list(&search)) {
        search.path[0] = *root;
        search.path[0].faults = 0;
        search.path[0].heals = 0;
        ready = keep(&search, chb_x_key(&search.path[0]), 0, (struct chb_x_choice){0, 0, 0});
    }
    ret_report->no_memory = !ready;
    if (ready && !chb_cmd_guarded(levels, &search)) {
        violated(&search, CHB_X_ASSERT, CHB_X_ASSERT_TEXT);
    }
    ret_report->states = search.n;
    ret_report->seconds = now_s() - began;
    ret_report->bytes = (search.mask + 1) * sizeof(*search.keys) +
                        search.room * (sizeof(*search.parent) + sizeof(*search.how)) +
                        (limits->depth + 1) * sizeof(*search.path);
    free(search.path);
    free(search.keys);
    free(search.parent);
    free(search.how);
    return !ret_report->no_memory && !ret_report->violated;
}
