/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a join that runs slower or faster. */
#include <json-c/json.h>

#include "qmp/sequence_internal.h"

/* The memory converges only if it is sent faster than the guest dirties it, and the guest stands
 * still for what is left: slowing it down further costs more than it saves. */
#define MIGRATE_BYTES_PER_S_MIN UINT64_C(50000000)
#define ANSWER_MS 5000

static void ignore(void *userdata, const struct chb_qmp_reply *reply)
{
    (void)userdata;
    (void)reply; /* the copy may have ended just now */
}

static void ask(struct chb_seq *seq, const char *command, struct json_object *arguments)
{
    uint64_t id = 0;
    (void)chb_qmp_client_send(seq->client, CHB_QMP_MAIN, command, arguments, chb_ms(ANSWER_MS),
                              ignore, NULL, &id);
    json_object_put(arguments);
}

/* The disks share the speed; those that are ready need none of it. */
static unsigned copying(const struct chb_seq *seq, bool ret_which[static CHB_DISKS_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; i < seq->params.n_disks; i++) {
        const struct seq_copy *copy = &seq->facts.copies[i];
        ret_which[i] = !copy->ready && !copy->gone;
        count += ret_which[i];
    }
    return count;
}

static void pace_disks(struct chb_seq *seq)
{
    bool which[CHB_DISKS_MAX];
    const unsigned count = copying(seq, which);
    const uint64_t share = chb_seq_share(seq->params.resync_bytes_per_s, count);
    if (count == 0 || share == seq->disk_speed) {
        return;
    }
    seq->disk_speed = share;
    for (unsigned i = 0; i < seq->params.n_disks; i++) {
        if (which[i]) {
            char job[CHB_QEMU_ID_SIZE];
            struct json_object *arguments = json_object_new_object();
            json_object_object_add(arguments, "device",
                                   json_object_new_string(chb_qemu_name(CHB_DISK_JOB, i, job)));
            json_object_object_add(arguments, "speed", json_object_new_int64((int64_t)share));
            ask(seq, "block-job-set-speed", arguments);
        }
    }
}

static void pace_memory(struct chb_seq *seq)
{
    struct json_object *arguments = json_object_new_object();
    json_object_object_add(arguments, "max-bandwidth",
                           json_object_new_int64((int64_t)chb_seq_memory_speed(&seq->params)));
    ask(seq, "migrate-set-parameters", arguments);
}

uint64_t chb_seq_share(uint64_t bytes_per_s, unsigned count)
{
    return bytes_per_s == 0 || count == 0 ? bytes_per_s : (bytes_per_s + count - 1) / count;
}

void chb_seq_set_speed(struct chb_seq *seq, uint64_t disks_per_s, uint64_t memory_per_s)
{
    const bool slower = memory_per_s != 0 && memory_per_s < MIGRATE_BYTES_PER_S_MIN;
    const uint64_t memory = slower ? MIGRATE_BYTES_PER_S_MIN : memory_per_s;
    const bool news = memory != seq->params.migrate_bytes_per_s;
    if (seq->table != &chb_seq_join || seq->finished || disks_per_s > INT64_MAX ||
        memory > INT64_MAX) {
        return;
    }
    seq->params.resync_bytes_per_s = disks_per_s;
    seq->params.migrate_bytes_per_s = memory;
    if (!seq->wait.active) {
        return; /* rows to come take it from the parameters */
    }
    if (seq->table->steps[seq->wait_row].wait == CHB_SEQ_WAIT_COPY_READY) {
        pace_disks(seq);
    } else if (seq->table->steps[seq->wait_row].wait == CHB_SEQ_WAIT_CONVERGED && news) {
        pace_memory(seq);
    }
}
