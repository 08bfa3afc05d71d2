/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An event loop, a fake QEMU and a client that is ready: what most tests begin with. Included by
 * one file of each test. */
#ifndef CHB_TEST_RIG_H
#define CHB_TEST_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <qmp/caps.h>
#include <qmp/client.h>

#include "fake_qemu.h"

struct rig {
    sd_event *event;
    struct fake_qemu *fake;
    struct chb_qmp_client *client;
    char dir[64];
    char main_path[96];
    char oob_path[96];
    bool ready;
    bool closed;
    int close_error;
    struct chb_qmp_version version;
    struct chb_qmp_caps caps;
    unsigned n_events;
    struct chb_qmp_event last_event;
};

static void rig_on_ready(void *userdata, const struct chb_qmp_version *version)
{
    struct rig *rig = userdata;
    rig->ready = true;
    rig->version = *version;
}

static void rig_on_event(void *userdata, const struct chb_qmp_event *event)
{
    struct rig *rig = userdata;
    rig->n_events++;
    rig->last_event = *event;
}

static void rig_on_closed(void *userdata, int error)
{
    struct rig *rig = userdata;
    assert_false(rig->closed);
    rig->closed = true;
    rig->close_error = error;
}

static const struct chb_qmp_client_callbacks rig_callbacks = {
    .on_ready = rig_on_ready,
    .on_event = rig_on_event,
    .on_closed = rig_on_closed,
};

/* Turns the loop until *@done, or @ms have passed. Returns *@done. */
static inline bool rig_wait(struct rig *rig, const bool *done, unsigned ms)
{
    struct timespec start;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        assert_true(sd_event_run(rig->event, 5000) >= 0);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!*done &&
             (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
                 (long)ms);
    return *done;
}

static inline void rig_idle(struct rig *rig, unsigned ms)
{
    const bool never = false;
    (void)rig_wait(rig, &never, ms);
}

/* A loop and two paths, nobody listening. */
static inline struct rig *rig_new_empty(void)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    (void)snprintf(rig->dir, sizeof(rig->dir), "/tmp/chb-qmp-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    (void)snprintf(rig->main_path, sizeof(rig->main_path), "%s/qmp0.sock", rig->dir);
    (void)snprintf(rig->oob_path, sizeof(rig->oob_path), "%s/qmp1.sock", rig->dir);
    assert_true(sd_event_new(&rig->event) >= 0);
    return rig;
}

static inline void rig_open(struct rig *rig, unsigned timeout_ms)
{
    assert_int_equal(chb_qmp_client_open(rig->event, rig->main_path, rig->oob_path, 0,
                                         chb_ms(timeout_ms), &rig_callbacks, rig, &rig->client),
                     0);
}

static inline struct rig *rig_new(void)
{
    struct rig *rig = rig_new_empty();
    struct json_object *schema = fake_schema();
    const struct chb_qmp_version version = {.major = 7, .minor = 2};

    rig->fake = fake_qemu_new(rig->event, rig->main_path, rig->oob_path);
    rig_open(rig, 2000);
    assert_true(rig_wait(rig, &rig->ready, 2000));
    assert_int_equal(chb_qmp_caps_parse(&version, schema, &rig->caps), 0);
    json_object_put(schema);
    return rig;
}

static inline void rig_free(struct rig *rig)
{
    rig->client = chb_qmp_client_free(rig->client);
    if (rig->fake != NULL) {
        rig->fake = fake_qemu_free(rig->fake);
    }
    rig->event = sd_event_unref(rig->event);
    (void)rmdir(rig->dir);
    free(rig);
}

#endif
