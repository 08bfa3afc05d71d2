/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-sim replay: one history, told. */
#include <stdlib.h>

#include <tests/sim/cmd.h>

int chb_cmd_replay(struct chb_cmd_args *args)
{
    uint64_t seed = 0;
    bool have = false;
    bool trace = false;

    while (args->argc > 0) {
        if (chb_cmd_number(args, "--seed", &seed)) {
            have = true;
        } else if (chb_cmd_flag(args, "--trace")) {
            trace = true;
        } else {
            chb_cmd_usage(args);
        }
    }
    if (!have) {
        chb_cmd_usage(args);
    }
    struct chb_sim *sim = chb_cmd_new_sim();
    sim->trace.on = true;
    sim->trace.print = trace;
    bool well = chb_cmd_history(sim, seed);
    if (!well && !trace) {
        chb_sim_trace_tail(sim, CHB_CMD_TAIL);
    }
    chb_cmd_verdict(sim, seed);
    free(sim);
    return well ? CHB_CMD_WELL : CHB_CMD_BAD;
}
