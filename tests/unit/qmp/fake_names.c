/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What exists in the fake (chardevs, objects, nodes, children), and the text of an answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_qemu.h"

bool fake_model_has(const struct fake_model *model, char kind, const char *name)
{
    for (size_t i = 0; i < model->n_names; i++) {
        if (model->names[i][0] == kind && strcmp(model->names[i] + 1, name) == 0) {
            return true;
        }
    }
    return false;
}

void fake_model_add(struct fake_model *model, char kind, const char *name)
{
    if (model->n_names == FAKE_NAMES_MAX) {
        abort();
    }
    (void)snprintf(model->names[model->n_names++], sizeof(model->names[0]), "%c%s", kind, name);
}

bool fake_model_remove(struct fake_model *model, char kind, const char *name)
{
    for (size_t i = 0; i < model->n_names; i++) {
        if (model->names[i][0] == kind && strcmp(model->names[i] + 1, name) == 0) {
            model->n_names--;
            memmove(model->names[i], model->names[i + 1],
                    (model->n_names - i) * sizeof(model->names[0]));
            return true;
        }
    }
    return false;
}

char *fake_answer_text(struct json_object *result, const char *error, struct json_object *id)
{
    struct json_object *answer = json_object_new_object();
    char *text = NULL;

    if (result != NULL) {
        json_object_object_add(answer, "return", result);
    } else {
        struct json_object *details = json_object_new_object();
        json_object_object_add(details, "class", json_object_new_string("GenericError"));
        json_object_object_add(details, "desc", json_object_new_string(error));
        json_object_object_add(answer, "error", details);
    }
    if (id != NULL) {
        json_object_object_add(answer, "id", json_object_get(id));
    }
    if (asprintf(&text, "%s\r\n", json_object_to_json_string(answer)) < 0) {
        abort();
    }
    json_object_put(answer);
    return text;
}
