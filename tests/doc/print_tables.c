/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints doc/TABLES.md from the tables that the daemon itself runs on; a test compares. */
#include <stdio.h>

#include <agent/core/internal.h>
#include <agent/text/names.h>
#include <agent/text/reason.h>
#include <qmp/sequence_table.h>

static const char *name(void *userdata, uint32_t node)
{
    static const char *const known[] = {NULL, "n1", "n2"};
    (void)userdata;
    return node < sizeof(known) / sizeof(known[0]) ? known[node] : NULL;
}

static const struct chb_text_names names = {.name = name};

static void print_head(void)
{
    puts("# Tables\n\n"
         "Printed from the code's own tables by `tests/doc/print_tables.c`; the test `doc-tables` "
         "fails when this\npage is not what it prints. To bring it up to date:\n\n"
         "    build/release/tests/doc/chb-print-tables > doc/TABLES.md\n");
}

/* ---- phases ---- */

static void print_phases(void)
{
    puts("## Moves between phases\n\n"
         "`agent/core/phase.c`. Every other move is an error of our own and stops the agent (R9: "
         "the guest runs\non).\n\n```mermaid\nstateDiagram-v2\n    [*] --> stopped");
    for (enum chb_phase from = 0; from < CHB_PHASE_MAX; from++) {
        for (enum chb_phase to = 0; to < CHB_PHASE_MAX; to++) {
            if (chb_phase_may_follow(from, to)) {
                printf("    %s --> %s\n", chb_phase_id(from), chb_phase_id(to));
            }
        }
    }
    puts("```\n");
    printf("| from \\ to |");
    for (enum chb_phase to = 0; to < CHB_PHASE_MAX; to++) {
        printf(" %s |", chb_phase_id(to));
    }
    printf("\n|---|");
    for (enum chb_phase to = 0; to < CHB_PHASE_MAX; to++) {
        printf("---|");
    }
    for (enum chb_phase from = 0; from < CHB_PHASE_MAX; from++) {
        printf("\n| **%s** |", chb_phase_id(from));
        for (enum chb_phase to = 0; to < CHB_PHASE_MAX; to++) {
            printf(" %s |", chb_phase_may_follow(from, to) ? "yes" : "");
        }
    }
    puts("\n");
}

/* ---- proofs and reasons ---- */

static void print_proofs(void)
{
    puts("## Proofs\n\nWhat a replica's right to serve can rest on, on node n2 about node n1.\n\n"
         "| proof | in words |\n|---|---|");
    for (enum chb_proof proof = CHB_PROOF_NONE + 1; proof < CHB_PROOF_MAX; proof++) {
        struct chb_text_about about = {.vm = "VM", .self = 2, .node = 1};
        char text[CHB_TEXT_SIZE];
        printf("| `%s` | %s |\n", chb_proof_id(proof),
               chb_text_proof(proof, &about, &names, text, sizeof(text)));
    }
    puts("");
}

static void print_reasons(void)
{
    puts(
        "## Reasons\n\n"
        "Why a replica may not go solo or be promoted, on node n2 about node n1. The log, "
        "`coloctl explain`, the\nresource's exit reason and the node attribute use these words.\n\n"
        "| reason | in words | what helps |\n|---|---|---|");
    for (enum chb_reason reason = 0; reason < CHB_REASON_MAX; reason++) {
        struct chb_text_about about = {.vm = "VM", .self = 2, .node = 1, .fence_tries = 2};
        char words[CHB_TEXT_SIZE];
        char remedy[CHB_TEXT_SIZE];
        printf("| `%s` | %s | %s |\n", chb_reason_id(reason),
               chb_text_reason(reason, &about, &names, words, sizeof(words)),
               chb_text_remedy(reason, &about, &names, remedy, sizeof(remedy)));
    }
    puts("");
}

/* ---- QMP sequences ---- */

static const char *repeat_text(enum chb_seq_repeat repeat)
{
    switch (repeat) {
    case CHB_SEQ_ONCE:
        return "";
    case CHB_SEQ_EACH_DISK:
        return ", each disk";
    case CHB_SEQ_EACH_NIC:
        return ", each NIC";
    }
    return "";
}

static const char *when_text(enum chb_seq_when when)
{
    static const char *const text[] = {
        [CHB_SEQ_ALWAYS] = "",
        [CHB_SEQ_IF_BLOCK_EXPORT_ADD] = "QEMU has block-export-add",
        [CHB_SEQ_IF_NBD_SERVER_ADD] = "QEMU has no block-export-add",
        [CHB_SEQ_IF_BLOCK_JOB_CANCEL] = "QEMU has block-job-cancel",
        [CHB_SEQ_IF_JOB_CANCEL] = "QEMU has no block-job-cancel",
        [CHB_SEQ_IF_NICS] = "there is a NIC",
        [CHB_SEQ_IF_REACHABLE] = "peer reachable",
        [CHB_SEQ_IF_UNREACHABLE] = "peer not reachable",
        [CHB_SEQ_IF_YANK] = "peer not reachable, or COLO_EXIT not seen",
        [CHB_SEQ_IF_NOT_SETTLED] = "entering COLO",
        [CHB_SEQ_IF_MIGRATING] = "migrating",
        [CHB_SEQ_IF_OUTSIDE_COLO] = "outside of COLO",
        [CHB_SEQ_IF_PRIMARY] = "primary in COLO",
        [CHB_SEQ_IF_STANDING] = "the guest stands still",
    };
    return (size_t)when < sizeof(text) / sizeof(text[0]) ? text[when] : "?";
}

static const char *wait_text(enum chb_seq_wait wait)
{
    static const char *const text[CHB_SEQ_WAIT_MAX] = {
        [CHB_SEQ_NO_WAIT] = "",
        [CHB_SEQ_WAIT_COPY_READY] = "every copy is ready",
        [CHB_SEQ_WAIT_COPY_GONE] = "every copy has ended well",
        [CHB_SEQ_WAIT_COPY_ENDED] = "every copy has ended",
        [CHB_SEQ_WAIT_CONNECTED] = "connected to the peer",
        [CHB_SEQ_WAIT_CONVERGED] = "little memory is left to send",
        [CHB_SEQ_WAIT_COLO_ENTERED] = "MIGRATION colo",
        [CHB_SEQ_WAIT_COLO_RUNNING] = "RESUME",
        [CHB_SEQ_WAIT_COLO_SETTLED] = "RESUME or COLO_EXIT",
        [CHB_SEQ_WAIT_CHECKPOINT] = "RESUME of a checkpoint",
        [CHB_SEQ_WAIT_COLO_EXIT] = "COLO_EXIT",
        [CHB_SEQ_WAIT_COLO_LEFT] = "COLO is left",
        [CHB_SEQ_WAIT_MIGRATION_SETTLED] = "the migration has ended, or is in COLO",
        [CHB_SEQ_WAIT_RUNNING] = "the guest runs",
        [CHB_SEQ_WAIT_FREE] = "the guest runs, or is off",
    };
    return wait < CHB_SEQ_WAIT_MAX ? text[wait] : "?";
}

static void print_step(const struct chb_seq_step *step)
{
    printf("| %s | ", step->name);
    if (step->command != NULL) {
        printf("`%s`%s", step->command, repeat_text(step->repeat));
    }
    printf(" | %s | %s%s |\n", when_text(step->when),
           (step->flags & CHB_SEQ_SOFT_WAIT) != 0 ? "for a while: " : "", wait_text(step->wait));
}

static void print_sequences(void)
{
    static const struct chb_seq_table *const tables[] = {
        &chb_seq_start_primary,     &chb_seq_powerdown,           &chb_seq_checkpoint,
        &chb_seq_secondary_prepare, &chb_seq_secondary_unprepare, &chb_seq_join,
        &chb_seq_join_abort,        &chb_seq_solo_primary,        &chb_seq_solo_secondary};

    puts("## QMP sequences\n\n"
         "`qmp/seq_*.c`. A row is done when its command is answered and what it waits for was "
         "seen.");
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        printf("\n### %s\n\n| step | command | only if | waits for |\n|---|---|---|---|\n",
               tables[i]->name);
        for (size_t k = 0; k < tables[i]->n_steps; k++) {
            print_step(&tables[i]->steps[k]);
        }
    }
}

int main(void)
{
    print_head();
    print_phases();
    print_proofs();
    print_reasons();
    print_sequences();
    return 0;
}
