/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows apply, how often, and whether the parameters make sense. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "qmp/sequence_internal.h"

bool chb_seq_applies(const struct chb_seq *seq, enum chb_seq_when when)
{
    const struct chb_qmp_colo_facts *colo = chb_qmp_client_colo(seq->client);
    const struct chb_seq_params *params = &seq->params;
    const enum chb_migration_status migration = seq->facts.migration;
    const enum chb_run_state state = seq->facts.run_state;

    switch (when) {
    case CHB_SEQ_ALWAYS:
        return true;
    case CHB_SEQ_IF_BLOCK_EXPORT_ADD:
        return seq->caps.block_export_add;
    case CHB_SEQ_IF_NBD_SERVER_ADD:
        return !seq->caps.block_export_add;
    case CHB_SEQ_IF_BLOCK_JOB_CANCEL:
        return seq->caps.block_job_cancel;
    case CHB_SEQ_IF_JOB_CANCEL:
        return !seq->caps.block_job_cancel;
    case CHB_SEQ_IF_NICS:
        return params->n_nics > 0;
    case CHB_SEQ_IF_REACHABLE:
        return params->peer_reachable;
    case CHB_SEQ_IF_UNREACHABLE:
        return !params->peer_reachable;
    case CHB_SEQ_IF_YANK:
        return !params->peer_reachable || !chb_time_is_set(colo->exited_at);
    case CHB_SEQ_IF_NOT_SETTLED:
        return chb_time_is_set(colo->entered_at) && !chb_time_is_set(colo->settled_at);
    case CHB_SEQ_IF_MIGRATING:
        return migration == CHB_MIGRATION_SETUP || migration == CHB_MIGRATION_ACTIVE ||
               migration == CHB_MIGRATION_OTHER;
    case CHB_SEQ_IF_OUTSIDE_COLO:
        return migration != CHB_MIGRATION_COLO && !chb_time_is_set(colo->entered_at);
    case CHB_SEQ_IF_PRIMARY:
        return seq->facts.colo_mode == CHB_COLO_MODE_PRIMARY;
    case CHB_SEQ_IF_STANDING:
        return state == CHB_RUN_STATE_PAUSED || state == CHB_RUN_STATE_POSTMIGRATE ||
               state == CHB_RUN_STATE_FINISH_MIGRATE || state == CHB_RUN_STATE_PRELAUNCH;
    }
    return false;
}

unsigned chb_seq_times(const struct chb_seq *seq, const struct chb_seq_step *step)
{
    switch (step->repeat) {
    case CHB_SEQ_ONCE:
        return 1;
    case CHB_SEQ_EACH_DISK:
        return seq->params.n_disks;
    case CHB_SEQ_EACH_NIC:
        return seq->params.n_nics;
    }
    return 0;
}

bool chb_seq_params_are_sane(const struct chb_seq_params *params)
{
    struct in6_addr unused;
    const char *addresses[] = {params->listen_address, params->peer_address};

    for (size_t i = 0; i < 2; i++) {
        const size_t length = strnlen(addresses[i], CHB_SEQ_ADDRESS_SIZE);
        if (length == CHB_SEQ_ADDRESS_SIZE ||
            (length > 0 && inet_pton(AF_INET, addresses[i], &unused) != 1 &&
             inet_pton(AF_INET6, addresses[i], &unused) != 1)) {
            return false;
        }
    }
    return params->n_disks >= 1 && params->n_disks <= CHB_DISKS_MAX &&
           params->n_nics <= CHB_NICS_MAX && params->memory_mb >= 1 &&
           params->resync_bytes_per_s <= INT64_MAX && params->migrate_bytes_per_s <= INT64_MAX &&
           strnlen(params->socket_prefix, CHB_SEQ_PATH_SIZE) < CHB_SEQ_PATH_SIZE;
}
