/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which node Pacemaker wants promoted: the one that a user wants, then the one with the best score;
 * the present one on a tie. Nobody without a score, or with the score for never. */
#include <tests/sim/sim.h>

static bool better(const struct chb_sim_pacemaker_node *a, const struct chb_sim_pacemaker_node *b)
{
    return b == NULL || a->score > b->score ||
           (a->score == b->score && a->promoted && !b->promoted);
}

static bool candidate(const struct chb_sim_pacemaker_node *node)
{
    return node->started && !node->standby && !node->recover && node->has_score &&
           node->score != CHB_SCORE_NEVER;
}

void chb_sim_pacemaker_promotions(struct chb_sim *sim, uint32_t members, bool unclean)
{
    const struct chb_sim_pacemaker_node *best_node = NULL;
    const struct chb_sim_pacemaker *pacemaker = &CHB_SIM_VM(sim)->pacemaker;
    uint32_t best = 0;
    bool any_promoted = false;

    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        const struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
        if ((members & chb_sim_bit(node)) == 0) {
            continue;
        }
        any_promoted = any_promoted || own->promoted || own->op == CHB_SIM_OP_DEMOTE ||
                       own->op == CHB_SIM_OP_PROMOTE;
        if (candidate(own) && (pacemaker->banned & chb_sim_bit(node)) == 0 &&
            (node == pacemaker->preferred ||
             (better(own, best_node) && (best == 0 || best != pacemaker->preferred)))) {
            best = node;
            best_node = own;
        }
    }
    if (CHB_SIM_VM(sim)->pacemaker.target_stopped) {
        return;
    }
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        const struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
        bool never = (own->has_score && own->score == CHB_SCORE_NEVER) ||
                     (pacemaker->banned & chb_sim_bit(node)) != 0;
        if ((members & chb_sim_bit(node)) != 0 && own->promoted && node != best &&
            (best != 0 || never)) {
            chb_sim_pacemaker_ask(sim, node, CHB_SIM_OP_DEMOTE);
        }
    }
    if (best != 0 && !any_promoted && !unclean) {
        chb_sim_pacemaker_ask(sim, best, CHB_SIM_OP_PROMOTE);
    }
}
