/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small sequences of one row each, and the network's notice. */
#include "qmp/seq_common.h"

static const struct chb_seq_step start_steps[] = {
    {.name = "let the guest run", .command = "cont", .wait = CHB_SEQ_WAIT_RUNNING, .wait_ms = 5000},
    ANNOUNCE,
};

/* A guest without ACPI takes no notice; whoever waits for its end has a time-out. */
static const struct chb_seq_step powerdown_steps[] = {
    {.name = "press the guest's power button", .command = "system_powerdown"},
};

/* Setting the delay anew in COLO makes a checkpoint at once. On a busy machine it may take long,
 * and nothing is lost by waiting. */
static const struct chb_seq_step checkpoint_steps[] = {
    {.name = "make a checkpoint",
     .command = "migrate-set-parameters",
     .arguments = "{'x-checkpoint-delay': '<#checkpoint_delay>'}",
     .wait = CHB_SEQ_WAIT_CHECKPOINT,
     .wait_ms = 10000,
     .ms_per_gb = 2000},
};

CHB_SEQ_TABLE(chb_seq_start_primary, "start-primary", start_steps);
CHB_SEQ_TABLE(chb_seq_powerdown, "powerdown", powerdown_steps);
CHB_SEQ_TABLE(chb_seq_checkpoint, "checkpoint", checkpoint_steps);
