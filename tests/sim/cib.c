/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cluster remembers of the VM: the newest generation and who holds it. Written only with
 * quorum, the same on all nodes of a partition, told to the agents after the fact. */
#include <tests/sim/sim.h>

static void on_tell(struct chb_sim *sim, const struct chb_sim_item *item)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[item->node];

    if (!own->online) {
        return;
    }
    struct chb_sim_item *told = chb_sim_deliver(sim, item->node, 0, CHB_EVENT_CIB);
    told->event.u.cib.known = true;
    told->event.u.cib.generation = own->cib_generation;
    told->event.u.cib.node = own->cib_node;
    told->arg = sim->corosync[item->node].session;
}

void chb_sim_cib_tell(struct chb_sim *sim, uint32_t node)
{
    (void)chb_sim_plan(sim, chb_sim_latency(sim, 20, 300, 3000), on_tell, node, 0);
}

void chb_sim_cib_sync(struct chb_sim *sim, uint32_t members, bool quorate)
{
    uint64_t newest = 0;
    uint32_t holder = 0;

    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        const struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
        if ((members & chb_sim_bit(node)) == 0) {
            continue;
        }
        if (own->cib_generation > newest) {
            newest = own->cib_generation;
            holder = own->cib_node;
        }
        if (quorate && own->cib_wanted > newest) {
            newest = own->cib_wanted;
            holder = node;
        }
    }
    for (uint32_t node = 1; node <= sim->options.n_nodes; node++) {
        struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];
        if ((members & chb_sim_bit(node)) == 0) {
            continue;
        }
        if (own->cib_generation != newest || own->cib_told != newest) {
            own->cib_generation = newest;
            own->cib_node = holder;
            own->cib_told = newest;
            (void)chb_sim_plan(sim, chb_sim_latency(sim, 1, 20, 500), on_tell, node, 0);
        }
    }
}

void chb_sim_cib_write(struct chb_sim *sim, uint32_t node, const struct chb_record *record)
{
    struct chb_sim_pacemaker_node *own = &CHB_SIM_VM(sim)->pacemaker.node[node];

    if ((record->kind == CHB_RECORD_SOLO || record->kind == CHB_RECORD_PAIRED) &&
        record->generation > own->cib_wanted) {
        own->cib_wanted = record->generation;
        chb_sim_pacemaker_poke(sim, chb_sim_latency(sim, 1, 20, 300));
    }
}
