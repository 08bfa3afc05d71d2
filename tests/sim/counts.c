/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <tests/sim/counts.h>

#define AT(member) offsetof(struct chb_sim_stats, member)

/*
 * `floor`: at least so many in 1000 histories, else the simulator has gone blind to what the count
 * is about, and "no rule broken" means nothing. Each is about a third of what there is.
 */
struct count {
    const char *key;
    const char *text;
    size_t at;
    uint64_t floor;
};

static const struct count counts[] = {
    {"histories", "histories", AT(histories), 0},
    {"steps", "steps of the core", AT(events), 500000},
    {"faults", "faults", AT(faults), 7000},
    {"solo_death_seen", "solo by P1, death seen", AT(proofs[CHB_PROOF_P1_DEATH_SEEN]), 500},
    {"solo_fenced", "solo by P2, fenced", AT(proofs[CHB_PROOF_P2_FENCED]), 150},
    {"solo_operator", "solo by P3, operator", AT(proofs[CHB_PROOF_P3_OPERATOR]), 3},
    {"solo_unsafe", "solo by signature, unsafe", AT(proofs[CHB_PROOF_UNSAFE]), 2},
    {"cold_starts", "cold starts by record", AT(proofs[CHB_PROOF_RECORD]), 800},
    {"boots", "guests booted", AT(boots), 800},
    {"pairs", "pairs (each side)", AT(pairs), 2500},
    {"joins", "joins begun (each side)", AT(joins), 3000},
    {"joins_failed", "joins failed (each side)", AT(joins_failed), 700},
    {"holds", "holds", AT(holds), 500},
    {"released", "... released, peer is back", AT(released), 40},
    {"broken", "broken replication, settled", AT(broken), 200},
    {"hangs", "hangs found", AT(hangs), 100},
    {"losers_killed", "losers killed", AT(lost_lines), 70},
    {"partitions", "partitions", AT(partitions), 700},
    {"partial_cuts", "cuts one way, or partial", AT(partial_cuts), 500},
    {"flaps", "memberships that flap", AT(flaps), 180},
    {"rings", "rings entered (each node)", AT(rings), 5000},
    {"corosync_hangs", "corosync hung", AT(corosync_hangs), 270},
    {"try_agains", "corosync busy", AT(try_agains), 90},
    {"qnetd_cuts", "quorum device out of reach", AT(qnetd_cuts), 30},
    {"client_cuts", "clients' network cut", AT(client_cuts), 110},
    {"fences", "fences done", AT(fences), 600},
    {"fences_late", "fences that came late", AT(fences_late), 80},
    {"leaks", "ticks of ARP and IPv6 in doubt", AT(leaks), 12000},
    {"cut_steps", "agents dead within a step", AT(cut_steps), 30},
    {"late_records", "records that landed late", AT(late_records), 7},
    {"user_moves", "users move, ban, clean up", AT(user_moves), 500},
    {"singles", "single-fault histories", AT(singles), 100},
    {"fences_failed", "fences failed or unknown", AT(fences_failed), 600},
    {"power_cuts", "hosts switched off", AT(power_cuts), 1000},
    {"agent_starts", "agents started, restarted", AT(agent_restarts), 2000},
    {"qemu_deaths", "QEMUs dead", AT(qemu_deaths), 1700},
    {"powered_down", "guests off when asked", AT(powered_down), 20},
    {"recoveries", "Pacemaker recoveries", AT(recoveries), 100},
    {"operator_seeds", "operator asked for the data", AT(seeds), 30},
};

#define N_COUNTS (sizeof(counts) / sizeof(counts[0]))

static uint64_t value(const struct chb_sim_stats *stats, size_t i)
{
    return *(const uint64_t *)(const void *)((const char *)stats + counts[i].at);
}

static uint64_t failovers(const struct chb_sim_stats *stats)
{
    return stats->proofs[CHB_PROOF_P1_DEATH_SEEN] + stats->proofs[CHB_PROOF_P2_FENCED] +
           stats->proofs[CHB_PROOF_P3_OPERATOR] + stats->proofs[CHB_PROOF_UNSAFE];
}

void chb_counts_print(const struct chb_sim_stats *stats, FILE *file)
{
    fprintf(file, "  %-28s %12.1f\n", "simulated hours", (double)stats->simulated_ns / 3.6e12);
    fprintf(file, "  %-28s %12llu\n", "failovers", (unsigned long long)failovers(stats));
    for (size_t i = 0; i < N_COUNTS; i++) {
        fprintf(file, "  %-28s %12llu\n", counts[i].text, (unsigned long long)value(stats, i));
    }
}

void chb_counts_json(const struct chb_sim_stats *stats, FILE *file)
{
    fprintf(file, "\"simulated_hours\": %.3f, \"failovers\": %llu",
            (double)stats->simulated_ns / 3.6e12, (unsigned long long)failovers(stats));
    for (size_t i = 0; i < N_COUNTS; i++) {
        fprintf(file, ", \"%s\": %llu", counts[i].key, (unsigned long long)value(stats, i));
    }
}

uint32_t chb_counts_too_little(const struct chb_sim_stats *stats, FILE *file)
{
    uint32_t n = 0;

    if (stats->histories < CHB_COUNTS_ENOUGH) {
        return 0;
    }
    for (size_t i = 0; i < N_COUNTS; i++) {
        double rate = 1000.0 * (double)value(stats, i) / (double)stats->histories;
        if (rate < (double)counts[i].floor) {
            fprintf(file,
                    "too little happens: %s: %.1f in 1000 histories, %llu are the least that "
                    "means anything\n",
                    counts[i].text, rate, (unsigned long long)counts[i].floor);
            n++;
        }
    }
    return n;
}
