/* SPDX-License-Identifier: GPL-2.0-or-later */
/* R10: from here on nothing fails any more, whatever is missing comes back, and everything that can
 * go on does, in turn. Then the VM must serve and be a pair, or somebody must be asked. */
#include <tests/sim/explore/choice.h>

#include <agent/core/gate.h>
#include <agent/text/names.h>

#define STEPS_MAX 1500
#define CALM_NS ((int64_t)300 * 1000000000)

/* Pacemaker promotes where the score is best; nothing is promoted while somebody serves. */
static bool promotes(const struct chb_x_world *world, uint32_t node)
{
    const struct chb_core *core = &world->node[node].core;

    FOR_X(any)
    {
        if (world->node[any].qemu.mode != CHB_X_NONE) {
            return false;
        }
    }
    return core->score == CHB_SCORE_BEST && core->score_sent;
}

static bool is_delivery(uint8_t kind)
{
    return kind == CHB_X_DELIVER;
}

static bool first_of(const struct chb_x_choices *choices, bool (*is)(uint8_t kind),
                     struct chb_x_choice *ret_choice)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        if (is(choices->list[i].kind)) {
            *ret_choice = choices->list[i];
            return true;
        }
    }
    return false;
}

/* First what was missing, then what has been said, then all else in turn. */
static bool choose(const struct chb_x_world *world, const struct chb_x_choices *choices, bool back,
                   uint32_t turn, struct chb_x_choice *ret_choice)
{
    uint32_t n = choices->count;

    if ((back && first_of(choices, chb_x_is_heal, ret_choice)) ||
        first_of(choices, is_delivery, ret_choice)) {
        return true;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct chb_x_choice choice = choices->list[(i + turn) % n];
        if (choice.kind == CHB_X_TICK || choice.kind == CHB_X_PCMK_FENCE ||
            chb_x_is_heal(choice.kind) ||
            (choice.kind == CHB_X_PROMOTE && !promotes(world, choice.node))) {
            continue;
        }
        *ret_choice = choice;
        return true;
    }
    return false;
}

/* Both clocks go on by the same time, to the next deadline of either. False: nothing is due. */
static bool pass_time(struct chb_x_world *world, int64_t *passed_ns)
{
    int64_t least = INT64_MAX;
    uint32_t first = 0;

    FOR_X(node)
    {
        chb_time at = chb_x_deadline(world, node);
        int64_t wait = at.ns - world->node[node].clock_ns;
        if (at.ns != INT64_MAX && wait < least) {
            least = wait;
            first = node;
        }
    }
    if (first == 0) {
        return false;
    }
    least = least > 0 ? least : 0;
    *passed_ns += least;
    world->node[chb_x_other(first)].clock_ns += least;
    chb_x_take(world, (struct chb_x_choice){CHB_X_TICK, (uint8_t)first, 0});
    return true;
}

/* Somebody has to say where the data is, and is told so. A torn record is such a reason by itself,
 * whatever its host's verdict names first. */
static bool asks(const struct chb_x_world *world)
{
    bool asked = false;

    FOR_X(node)
    {
        struct chb_verdict verdict = chb_gate(&world->node[node].core);
        asked = asked || verdict.reason == CHB_REASON_RECORD_UNKNOWN ||
                verdict.reason == CHB_REASON_FIRST_START_ASK ||
                verdict.reason == CHB_REASON_DIVERGED ||
                (world->torn && world->node[node].record.kind == CHB_RECORD_UNKNOWN);
    }
    return asked;
}

bool chb_x_go_on(struct chb_x_world *world, bool back, bool (*done)(const struct chb_x_world *),
                 int64_t *ret_passed_ns)
{
    struct chb_x_choices choices;
    char text[CHB_X_TEXT];

    *ret_passed_ns = 0;
    for (uint32_t step = 0; step < STEPS_MAX && *ret_passed_ns < CALM_NS; step++) {
        struct chb_x_choice choice;
        if (!back && done(world)) {
            return true;
        }
        chb_x_list(world, false, &choices);
        if (choose(world, &choices, back, step, &choice)) {
            chb_x_choice_text(choice, text, sizeof(text));
            chb_x_say(world, 0, "%s", text);
            chb_x_take(world, choice);
        } else if (done(world) || !pass_time(world, ret_passed_ns)) {
            break;
        }
        if (world->rule != NULL) {
            return false;
        }
    }
    return done(world);
}

/* The operator is asked, and knows: the newest record first, then any other good copy. */
static bool operator_says(struct chb_x_world *world)
{
    const struct chb_x_node *a = &world->node[1];
    const struct chb_x_node *b = &world->node[2];
    uint32_t first = a->record.generation >= b->record.generation ? 1 : 2;
    int64_t passed_ns = 0;

    for (uint32_t i = 0; i < CHB_X_NODES && chb_x_server(world) == 0; i++) {
        uint32_t node = i == 0 ? first : chb_x_other(first);
        const struct chb_x_node *own = &world->node[node];
        if (!own->copy.valid || !own->copy.current || own->record.kind == CHB_RECORD_FILLING) {
            continue;
        }
        world->asked = true;
        chb_x_say(world, node, "THE OPERATOR SAYS THAT THE DATA IS HERE");
        chb_x_command(world, node, CHB_EVENT_SEED, 0);
        if (chb_x_go_on(world, true, chb_x_is_pair, &passed_ns)) {
            return true;
        }
    }
    return false;
}

bool chb_x_calm(struct chb_x_world *world)
{
    int64_t passed_ns = 0;

    if (chb_x_go_on(world, true, chb_x_is_pair, &passed_ns) ||
        (world->rule == NULL && chb_x_server(world) == 0 && asks(world) && operator_says(world)) ||
        world->overflowed) {
        return true;
    }
    struct chb_verdict a = chb_gate(&world->node[1].core);
    struct chb_verdict b = chb_gate(&world->node[2].core);
    chb_x_violate(world, "R10", "%s after %lld s of calm: n1 %s (%s), n2 %s (%s)",
                  chb_x_server(world) == 0 ? "nobody serves" : "no pair",
                  (long long)(passed_ns / 1000000000), chb_phase_id(world->node[1].core.phase),
                  chb_reason_id(a.reason), chb_phase_id(world->node[2].core.phase),
                  chb_reason_id(b.reason));
    return false;
}
