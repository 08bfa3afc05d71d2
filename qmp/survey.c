/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp/survey.h"

#include <errno.h>
#include <string.h>

#include "qmp/client_internal.h"
#include "qmp/json.h"
#include "qmp/names.h"

enum question {
    ASK_STATUS,
    ASK_COLO,
    ASK_MIGRATE,
    ASK_JOBS,
    ASK_NODES,
    ASK_MAX,
};

struct survey_request;

/* One answer's way back to the survey. */
struct survey_slot {
    struct survey_request *survey;
    enum question question;
};

struct survey_request {
    struct chb_client_request request;
    struct chb_qmp_survey found;
    struct survey_slot slots[ASK_MAX];
    unsigned n_waiting;
    enum chb_outcome outcome;
    char error[128];
    chb_qmp_survey_fn *fn;
    void *userdata;
};

static const char *const commands[ASK_MAX] = {
    [ASK_STATUS] = "query-status",           [ASK_COLO] = "query-colo-status",
    [ASK_MIGRATE] = "query-migrate",         [ASK_JOBS] = "query-block-jobs",
    [ASK_NODES] = "query-named-block-nodes",
};

static bool is_named(const char *pattern, unsigned disk, const char *name)
{
    char wanted[CHB_QEMU_ID_SIZE];
    return strcmp(chb_qemu_name(pattern, disk, wanted), name) == 0;
}

static void read_nodes(struct json_object *nodes, struct chb_qmp_survey *found)
{
    if (!json_object_is_type(nodes, json_type_array)) {
        return;
    }
    for (size_t i = 0; i < json_object_array_length(nodes); i++) {
        const char *name = chb_json_text(json_object_array_get_idx(nodes, i), "node-name");
        for (unsigned disk = 0; name != NULL && disk < CHB_DISKS_MAX; disk++) {
            found->nbd_child |= is_named(CHB_DISK_NBD, disk, name);
            found->replication |= is_named(CHB_DISK_REPLICATION, disk, name);
            found->overlays |=
                is_named(CHB_DISK_ACTIVE, disk, name) || is_named(CHB_DISK_HIDDEN, disk, name);
        }
    }
}

static void read_answer(enum question question, struct json_object *data,
                        struct chb_qmp_survey *found)
{
    switch (question) {
    case ASK_STATUS:
        found->run_state = chb_run_state_from_text(chb_json_text(data, "status"));
        break;
    case ASK_COLO:
        found->colo_mode = chb_colo_mode_from_text(chb_json_text(data, "mode"));
        found->colo_last_mode = chb_colo_mode_from_text(chb_json_text(data, "last-mode"));
        found->colo_reason = chb_colo_reason_from_text(chb_json_text(data, "reason"));
        break;
    case ASK_MIGRATE:
        found->migration = chb_migration_status_from_text(chb_json_text(data, "status"));
        break;
    case ASK_JOBS:
        if (json_object_is_type(data, json_type_array)) {
            found->n_jobs = (unsigned)json_object_array_length(data);
        }
        break;
    case ASK_NODES:
        read_nodes(data, found);
        break;
    case ASK_MAX:
        break;
    }
}

static void finish(struct survey_request *survey)
{
    const struct survey_request done = *survey;
    const bool good = done.outcome == CHB_OUTCOME_DONE;

    chb_client_request_free(&survey->request);
    done.fn(done.userdata, done.outcome, good ? &done.found : NULL, done.error);
}

static void on_answer(void *userdata, const struct chb_qmp_reply *reply)
{
    const struct survey_slot *slot = userdata;
    struct survey_request *survey = slot->survey;

    if (reply->outcome == CHB_OUTCOME_DONE) {
        read_answer(slot->question, reply->data, &survey->found);
        survey->found.at = reply->answered_at;
    } else {
        survey->outcome = reply->outcome;
        chb_text_copy(reply->error_text, survey->error, sizeof(survey->error));
    }
    if (--survey->n_waiting == 0) {
        finish(survey);
    }
}

int chb_qmp_survey(struct chb_qmp_client *client, chb_span timeout, chb_qmp_survey_fn *fn,
                   void *userdata)
{
    struct survey_request *survey = chb_client_request_new(client, sizeof(*survey));
    if (survey == NULL) {
        return -ENOMEM;
    }
    survey->fn = fn;
    survey->userdata = userdata;
    survey->outcome = CHB_OUTCOME_DONE;
    uint64_t ids[ASK_MAX];
    int r = 0;
    struct json_object *flat =
        json_object_new_object(); /* without each node's chain, which is long */
    json_object_object_add(flat, "flat", json_object_new_boolean(true));
    chb_qmp_client_hold(client, CHB_QMP_MAIN);
    for (int i = 0; i < ASK_MAX && r == 0; i++) {
        survey->slots[i] = (struct survey_slot){.survey = survey, .question = (enum question)i};
        r = chb_qmp_client_send(client, CHB_QMP_MAIN, commands[i], i == ASK_NODES ? flat : NULL,
                                timeout, on_answer, &survey->slots[i], &ids[i]);
        survey->n_waiting += r == 0 ? 1 : 0;
    }
    chb_qmp_client_release(client, CHB_QMP_MAIN);
    json_object_put(flat);
    if (r < 0) {
        for (unsigned i = 0; i < survey->n_waiting; i++) {
            chb_qmp_client_cancel(client, CHB_QMP_MAIN, ids[i]);
        }
        chb_client_request_free(&survey->request);
    }
    return r;
}
