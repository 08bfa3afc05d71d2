/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate: the only function in this project that allows a replica to begin to serve.
 *
 * Two ways lead through it, and both are in gate.c: a replica in COLO that has lost its peer goes
 * solo with proof (R3, R4, R5), and a host without a running replica starts its copy from disk
 * because the records say that it is the newest (R4, R5). `explain`, the log, the exit reason and
 * the node attribute show this function's verdict and no other.
 */
#ifndef CHB_CORE_GATE_H
#define CHB_CORE_GATE_H

#include <agent/core/core.h>

/* May this host's replica begin to serve now? Pure. `verdict.proof` is set if and only if it is
 * allowed, `verdict.reason` says why not otherwise (doc/SAFETY.md, R3 to R5). */
struct chb_verdict chb_gate(const struct chb_core *core);

#endif
