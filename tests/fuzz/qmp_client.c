/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QEMU in the hands of its guest: the real client, with its two monitors, speaks with a QEMU that
 * answers what the input says. Input: lines, each sent with its end and followed by turns of the
 * event loop until it is idle:
 *
 *   TEXT   sent on the main monitor
 *   @TEXT  sent on the out-of-band monitor
 *   !X     the client asks: s survey, c schema, p and o ping, j join, a abort of a join,
 *          m prepare a secondary, S and P go solo as secondary and primary, q power down;
 *          x aborts the sequence
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <qmp/caps.h>
#include <qmp/client.h>
#include <qmp/sequence.h>
#include <qmp/survey.h>

#include "fuzz.h"

#define LONG_MS 60000 /* no deadline is reached: what happens is the input's doing alone */
#define TURNS_MAX 200

struct rig {
    sd_event *event;
    struct chb_qmp_client *client;
    struct chb_seq *seq;
    int fds[CHB_QMP_MONITOR_MAX];
    unsigned n_asked;
    unsigned n_answered;
    bool closed;
};

static char folder[32];
static char paths[CHB_QMP_MONITOR_MAX][64];
static int listeners[CHB_QMP_MONITOR_MAX];

static void remove_sockets(void)
{
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        (void)unlink(paths[i]);
    }
    (void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    (void)snprintf(folder, sizeof(folder), "/tmp/chb-fuzz-XXXXXX");
    CHB_FUZZ_CHECK(mkdtemp(folder) != NULL);
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%d", folder, i);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", paths[i]);
        listeners[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        CHB_FUZZ_CHECK(bind(listeners[i], (struct sockaddr *)&address, sizeof(address)) == 0);
        CHB_FUZZ_CHECK(listen(listeners[i], 4) == 0);
    }
    (void)atexit(remove_sockets);
    return 0;
}

/* ---- what the client says ---- */

static void on_event(void *userdata, const struct chb_qmp_event *event)
{
    (void)userdata;
    CHB_FUZZ_CHECK(event->kind < CHB_QMP_EVENT_MAX);
}

static void on_closed(void *userdata, int error)
{
    struct rig *rig = userdata;
    CHB_FUZZ_CHECK(!rig->closed && error < 0);
    rig->closed = true;
}

static void answered(struct rig *rig)
{
    rig->n_answered++;
    CHB_FUZZ_CHECK(rig->n_answered <= rig->n_asked);
}

static void on_survey(void *userdata, enum chb_outcome outcome, const struct chb_qmp_survey *survey,
                      const char *error_text)
{
    CHB_FUZZ_CHECK((outcome == CHB_OUTCOME_DONE) == (survey != NULL) && error_text != NULL);
    answered(userdata);
}

static void on_caps(void *userdata, enum chb_outcome outcome, const struct chb_qmp_caps *caps,
                    const char *error_text)
{
    CHB_FUZZ_CHECK((outcome == CHB_OUTCOME_DONE) == (caps != NULL) && error_text != NULL);
    answered(userdata);
}

static void on_pong(void *userdata, const struct chb_qmp_pong *pong)
{
    CHB_FUZZ_CHECK(pong->monitor < CHB_QMP_MONITOR_MAX);
    answered(userdata);
}

static void on_done(void *userdata, const struct chb_seq_result *result)
{
    struct rig *rig = userdata;
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(result->text) && result->step != NULL);
    CHB_FUZZ_CHECK((result->outcome == CHB_OUTCOME_DONE) == (result->error == 0));
    rig->seq = chb_seq_free(rig->seq);
    answered(rig);
}

static const struct chb_qmp_client_callbacks client_callbacks = {
    .on_event = on_event,
    .on_closed = on_closed,
};
static const struct chb_seq_callbacks seq_callbacks = {.on_done = on_done};

/* ---- what it is asked ---- */

static int start(struct rig *rig, const struct chb_seq_table *table)
{
    struct chb_seq_params params = {
        .n_disks = 1,
        .n_nics = 1,
        .vnet_hdr = {true},
        .listen_address = "127.0.0.1",
        .peer_address = "127.0.0.2",
        .ports = {.nbd = 1, .migrate = 2, .mirror = {3}, .compare = {4}},
        .socket_prefix = "/run/net-",
        .memory_mb = 128,
    };
    struct chb_qmp_caps caps = {.lost_heartbeat = true,
                                .yank = true,
                                .block_export_add = true,
                                .block_job_cancel = true,
                                .announce_self = true};
    if (rig->seq != NULL) {
        return -EBUSY;
    }
    if (table == &chb_seq_secondary_prepare) { /* it listens by itself: any port */
        params.ports = (struct chb_seq_ports){0};
    }
    return chb_seq_start(rig->client, table, &params, &caps, &seq_callbacks, rig, &rig->seq);
}

static void ask(struct rig *rig, char what)
{
    static const struct {
        char letter;
        const struct chb_seq_table *table;
    } sequences[] = {
        {'j', &chb_seq_join},
        {'a', &chb_seq_join_abort},
        {'m', &chb_seq_secondary_prepare},
        {'S', &chb_seq_solo_secondary},
        {'P', &chb_seq_solo_primary},
        {'q', &chb_seq_powerdown},
    };
    int r = -EINVAL;

    if (what == 's') {
        r = chb_qmp_survey(rig->client, chb_ms(LONG_MS), on_survey, rig);
    } else if (what == 'c' && chb_qmp_client_is_ready(rig->client)) {
        r = chb_qmp_caps_probe(rig->client, chb_ms(LONG_MS), on_caps, rig);
    } else if (what == 'p' || what == 'o') {
        r = chb_qmp_ping(rig->client, what == 'p' ? CHB_QMP_MAIN : CHB_QMP_OOB, chb_ms(LONG_MS),
                         on_pong, rig);
    } else if (what == 'x' && rig->seq != NULL) {
        chb_seq_abort(rig->seq);
    }
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        if (sequences[i].letter == what && chb_qmp_client_is_ready(rig->client)) {
            r = start(rig, sequences[i].table);
        }
    }
    rig->n_asked += r == 0 ? 1 : 0;
}

/* ---- the wire ---- */

static void drain(int fd)
{
    char scrap[4096];
    while (fd >= 0 && read(fd, scrap, sizeof(scrap)) > 0) {
    }
}

static void turn(struct rig *rig)
{
    for (int i = 0; i < TURNS_MAX && sd_event_run(rig->event, 0) > 0; i++) {
    }
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        drain(rig->fds[i]);
    }
}

static bool connect_both(struct rig *rig)
{
    for (int tries = 0; tries < 1000 && (rig->fds[0] < 0 || rig->fds[1] < 0); tries++) {
        CHB_FUZZ_CHECK(sd_event_run(rig->event, 1000) >= 0);
        for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
            if (rig->fds[i] < 0) {
                rig->fds[i] = accept4(listeners[i], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
            }
        }
    }
    return rig->fds[0] >= 0 && rig->fds[1] >= 0;
}

static void play(struct rig *rig, const char *data, size_t size)
{
    while (size > 0 && !rig->closed) {
        const char *end = memchr(data, '\n', size);
        const size_t length = end == NULL ? size : (size_t)(end - data) + 1;
        const bool oob = data[0] == '@';
        if (data[0] == '!' && length >= 2) {
            ask(rig, data[1]);
        } else {
            (void)send(rig->fds[oob ? CHB_QMP_OOB : CHB_QMP_MAIN], data + (oob ? 1 : 0),
                       length - (oob ? 1 : 0), MSG_NOSIGNAL);
        }
        turn(rig);
        data += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig rig = {.fds = {-1, -1}};

    CHB_FUZZ_CHECK(sd_event_new(&rig.event) >= 0);
    CHB_FUZZ_CHECK(chb_qmp_client_open(rig.event, paths[CHB_QMP_MAIN], paths[CHB_QMP_OOB], 0,
                                       chb_ms(LONG_MS), &client_callbacks, &rig, &rig.client) == 0);
    if (connect_both(&rig)) {
        play(&rig, (const char *)data, size);
    }
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        if (rig.fds[i] >= 0) {
            (void)close(rig.fds[i]);
            rig.fds[i] = -1;
        }
    }
    turn(&rig);
    /* QEMU is gone: whoever asked has been told, one way or the other. */
    CHB_FUZZ_CHECK(rig.closed && rig.n_answered == rig.n_asked);
    rig.seq = chb_seq_free(rig.seq);
    rig.client = chb_qmp_client_free(rig.client);
    rig.event = sd_event_unref(rig.event);
    return 0;
}
