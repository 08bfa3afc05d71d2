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
    ASK_GRAPH,
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
    [ASK_STATUS] = "query-status",
    [ASK_COLO] = "query-colo-status",
    [ASK_MIGRATE] = "query-migrate",
    [ASK_JOBS] = "query-block-jobs",
    [ASK_GRAPH] = "x-debug-query-block-graph",
};

/* The graph's id of a node, 0 if there is none. */
static uint64_t node_id(struct json_object *graph, const char *pattern, unsigned disk)
{
    char wanted[CHB_QEMU_ID_SIZE];
    struct json_object *nodes = chb_json_array(graph, "nodes");

    (void)chb_qemu_name(pattern, disk, wanted);
    for (size_t i = 0; nodes != NULL && i < json_object_array_length(nodes); i++) {
        struct json_object *node = json_object_array_get_idx(nodes, i);
        const char *name = chb_json_text(node, "name");
        const char *type = chb_json_text(node, "type");
        uint64_t id = 0;
        if (name != NULL && type != NULL && strcmp(type, "block-driver") == 0 &&
            strcmp(name, wanted) == 0 && chb_json_uint(node, "id", INT64_MAX, &id)) {
            return id;
        }
    }
    return 0;
}

static bool has_edge(struct json_object *graph, uint64_t parent, uint64_t child)
{
    struct json_object *edges = chb_json_array(graph, "edges");

    for (size_t i = 0; edges != NULL && i < json_object_array_length(edges); i++) {
        struct json_object *edge = json_object_array_get_idx(edges, i);
        uint64_t from = 0;
        uint64_t to = 0;
        if (chb_json_uint(edge, "parent", INT64_MAX, &from) &&
            chb_json_uint(edge, "child", INT64_MAX, &to) && from == parent && to == child) {
            return true;
        }
    }
    return false;
}

static void read_graph(struct json_object *graph, struct chb_qmp_survey *found)
{
    found->graph_known = chb_json_array(graph, "nodes") != NULL;
    found->copy_settled = found->graph_known;
    for (unsigned i = 0; i < CHB_DISKS_MAX; i++) {
        const uint64_t quorum = node_id(graph, CHB_DISK_QUORUM, i);
        const uint64_t nbd = node_id(graph, CHB_DISK_NBD, i);
        const uint64_t replication = node_id(graph, CHB_DISK_REPLICATION, i);
        const uint64_t active = node_id(graph, CHB_DISK_ACTIVE, i);

        if (quorum != 0 && nbd != 0 && has_edge(graph, quorum, nbd)) {
            found->second_child = true;
        }
        if (replication != 0) {
            found->replication = true;
            if (active != 0 && has_edge(graph, replication, active)) {
                found->copy_settled = false;
            }
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
    case ASK_GRAPH:
        read_graph(data, found);
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
    } else if (slot->question != ASK_GRAPH || reply->outcome == CHB_OUTCOME_UNKNOWN) {
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
    chb_qmp_client_hold(client, CHB_QMP_MAIN);
    for (int i = 0; i < ASK_MAX && r == 0; i++) {
        survey->slots[i] = (struct survey_slot){.survey = survey, .question = (enum question)i};
        r = chb_qmp_client_send(client, CHB_QMP_MAIN, commands[i], NULL, timeout, on_answer,
                                &survey->slots[i], &ids[i]);
        survey->n_waiting += r == 0 ? 1 : 0;
    }
    chb_qmp_client_release(client, CHB_QMP_MAIN);
    if (r < 0) {
        for (unsigned i = 0; i < survey->n_waiting; i++) {
            chb_qmp_client_cancel(client, CHB_QMP_MAIN, ids[i]);
        }
        chb_client_request_free(&survey->request);
    }
    return r;
}
