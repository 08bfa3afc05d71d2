/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What answers and events teach a sequence. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/json.h"
#include "qmp/sequence_internal.h"

bool chb_seq_is_named(const char *pattern, unsigned index, const char *name)
{
    char wanted[CHB_QEMU_ID_SIZE];
    return strcmp(chb_qemu_name(pattern, index, wanted), name) == 0;
}

static struct seq_copy *find_copy(struct chb_seq *seq, const char *job)
{
    for (unsigned i = 0; job != NULL && i < seq->params.n_disks; i++) {
        if (chb_seq_is_named(CHB_DISK_JOB, i, job)) {
            return &seq->facts.copies[i];
        }
    }
    return NULL;
}

/* query-block-jobs: a job that is not in the list is over. */
static void learn_copies(struct chb_seq *seq, struct json_object *jobs)
{
    if (!json_object_is_type(jobs, json_type_array)) {
        return;
    }
    bool listed[CHB_DISKS_MAX] = {false};
    for (size_t i = 0; i < json_object_array_length(jobs); i++) {
        struct json_object *job = json_object_array_get_idx(jobs, i);
        struct seq_copy *copy = find_copy(seq, chb_json_text(job, "device"));
        if (copy == NULL) {
            continue;
        }
        listed[copy - seq->facts.copies] = true;
        copy->ready |= chb_json_is_true(job, "ready");
        (void)chb_json_uint(job, "offset", INT64_MAX, &copy->done_bytes);
        (void)chb_json_uint(job, "len", INT64_MAX, &copy->total_bytes);
    }
    for (unsigned i = 0; i < seq->params.n_disks; i++) {
        seq->facts.copies[i].gone |= !listed[i];
    }
}

static void learn_migration(struct chb_seq *seq, struct json_object *data)
{
    struct seq_facts *facts = &seq->facts;
    struct json_object *ram = chb_json_object(data, "ram");

    facts->migration = chb_migration_status_from_text(chb_json_text(data, "status"));
    facts->passes = 0;
    facts->remaining_bytes = INT64_MAX;
    (void)chb_json_uint(ram, "dirty-sync-count", INT64_MAX, &facts->passes);
    (void)chb_json_uint(ram, "remaining", INT64_MAX, &facts->remaining_bytes);
    (void)chb_json_uint(ram, "transferred", INT64_MAX, &facts->sent_bytes);
    chb_json_copy(data, "error-desc", facts->migration_error, sizeof(facts->migration_error));
}

/* The port at the end of "disconnected:tcp:192.0.2.1:4711,server=on"; 0 if there is none. */
static uint16_t port_of_chardev(const char *filename)
{
    const char *comma = filename == NULL ? NULL : strchr(filename, ',');
    const char *digits = comma;
    while (digits != NULL && digits > filename && digits[-1] >= '0' && digits[-1] <= '9') {
        digits--;
    }
    if (digits == comma || digits == filename || digits[-1] != ':') {
        return 0;
    }
    const unsigned long port = strtoul(digits, NULL, 10);
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static int learn_chardev_ports(struct chb_seq *seq, struct json_object *chardevs)
{
    struct chb_seq_ports *ports = &seq->result.ports;

    if (!json_object_is_type(chardevs, json_type_array)) {
        return -EPROTO;
    }
    for (size_t i = 0; i < json_object_array_length(chardevs); i++) {
        struct json_object *chardev = json_object_array_get_idx(chardevs, i);
        const char *label = chb_json_text(chardev, "label");
        const uint16_t port = port_of_chardev(chb_json_text(chardev, "filename"));
        for (unsigned nic = 0; label != NULL && nic < seq->params.n_nics; nic++) {
            if (chb_seq_is_named(CHB_NIC_RED0, nic, label)) {
                ports->mirror[nic] = port;
            } else if (chb_seq_is_named(CHB_NIC_RED1, nic, label)) {
                ports->compare[nic] = port;
            }
        }
    }
    for (unsigned nic = 0; nic < seq->params.n_nics; nic++) {
        if (ports->mirror[nic] == 0 || ports->compare[nic] == 0) {
            return -EPROTO;
        }
    }
    return 0;
}

int chb_seq_learn_answer(struct chb_seq *seq, enum chb_seq_learn learn, struct json_object *data)
{
    switch (learn) {
    case CHB_SEQ_LEARN_NOTHING:
        return 0;
    case CHB_SEQ_LEARN_STATUS:
        seq->facts.run_state = chb_run_state_from_text(chb_json_text(data, "status"));
        return 0;
    case CHB_SEQ_LEARN_COLO:
        seq->facts.colo_mode = chb_colo_mode_from_text(chb_json_text(data, "mode"));
        return chb_json_text(data, "mode") != NULL ? 0 : -EPROTO;
    case CHB_SEQ_LEARN_MIGRATION:
        learn_migration(seq, data);
        return 0;
    case CHB_SEQ_LEARN_COPIES:
        learn_copies(seq, data);
        return 0;
    case CHB_SEQ_LEARN_CHARDEV_PORTS:
        return learn_chardev_ports(seq, data);
    }
    return -EPROTO;
}

void chb_seq_learn_event(struct chb_seq *seq, const struct chb_qmp_event *event)
{
    struct seq_copy *copy = find_copy(seq, event->id);

    if (event->kind == CHB_QMP_EVENT_RESUME) {
        seq->facts.resumed = true;
    } else if (event->kind == CHB_QMP_EVENT_BLOCK_JOB_READY && copy != NULL) {
        copy->ready = true;
    } else if (event->kind == CHB_QMP_EVENT_BLOCK_JOB_ERROR && copy != NULL) {
        chb_text_copy("input/output error", copy->error, sizeof(copy->error));
    } else if ((event->kind == CHB_QMP_EVENT_BLOCK_JOB_COMPLETED ||
                event->kind == CHB_QMP_EVENT_BLOCK_JOB_CANCELLED) &&
               copy != NULL) {
        copy->gone = true;
        if (event->error[0] != '\0') {
            chb_text_copy(event->error, copy->error, sizeof(copy->error));
        }
    }
}

bool chb_seq_error_is_missing(const struct chb_qmp_reply *reply)
{
    static const char *const classes[] = {"DeviceNotFound", "DeviceNotActive"};
    static const char *const texts[] = {
        "not found",           /* object-del, chardev-remove, block-job-cancel, block-export-del */
        "Failed to find node", /* blockdev-del */
        "does not have child", /* x-blockdev-change */
        "not running",         /* nbd-server-stop */
        "not in COLO mode",    /* x-colo-lost-heartbeat */
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strcmp(reply->error_class, classes[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strstr(reply->error_text, texts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

int chb_seq_error_number(const char *text)
{
    static const int numbers[] = {EADDRINUSE,   EADDRNOTAVAIL, ECONNREFUSED,
                                  EHOSTUNREACH, ENETUNREACH,   ETIMEDOUT};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const char *words = strerrordesc_np(numbers[i]);
        if (words != NULL && strstr(text, words) != NULL) {
            return -numbers[i];
        }
    }
    return -EREMOTEIO;
}
