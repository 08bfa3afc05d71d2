/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The faults that faults.c chooses from. Private to the simulator. */
#ifndef CHB_SIM_FAULTS_H
#define CHB_SIM_FAULTS_H

#include <tests/sim/sim.h>

/* How long the fault lasts that strikes now. What a fault leaves to chance comes from its own seed,
 * so that it is the same fault in a history that lacks the others (shrink). */
int64_t chb_sim_span(struct chb_sim *sim, int64_t low_ms, int64_t high_ms);

/* faults_cluster.c */
void chb_sim_fault_cut(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_corosync(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_replication(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_oneway(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_partial(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_replication_oneway(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_link(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_clients(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_corosync_hang(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_try_again(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_qnetd(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_flap(struct chb_sim *sim, uint32_t node);
/* faults_pacemaker.c */
void chb_sim_fault_guest_off(struct chb_sim *sim, uint32_t node);
/* The secondary of a pair has missed a write, and the primary's QEMU says so. */
void chb_sim_fault_write_missed(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_disk_error(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_switchover(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_resync(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_standby(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_operator(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_ban(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_move(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_maintenance(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_cleanup(struct chb_sim *sim, uint32_t node);
void chb_sim_fault_monitor(struct chb_sim *sim, uint32_t node);
void chb_sim_pacemaker_well(struct chb_sim *sim);
/* The resource is to run again as soon as it has stopped. */
void chb_sim_restart_resource(struct chb_sim *sim, int64_t delay_ns);

#endif
