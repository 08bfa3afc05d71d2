/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for QEMU: two monitors, and a model behind them that knows what a COLO pair's commands
 * do.
 *
 * It lives in an sd-event loop, the test's own or that of the executable fake-qemu. Every command
 * is written to a log, so that a test can compare a whole sequence; tricks make it misbehave at a
 * given command.
 */
#ifndef CHB_TEST_FAKE_QEMU_H
#define CHB_TEST_FAKE_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>
#include <systemd/sd-event.h>

#define FAKE_NAMES_MAX 256
#define FAKE_TRICKS_MAX 16

struct fake_qemu;

enum fake_trick {
    FAKE_NO_TRICK,
    FAKE_ERROR,       /* answers with text as error */
    FAKE_SILENT,      /* does it, and never answers */
    FAKE_LATE,        /* does it, and answers after delay_ms */
    FAKE_CLOSE,       /* closes both monitors instead */
    FAKE_GARBAGE,     /* sends a line that is no JSON */
    FAKE_OVERSIZE,    /* sends a line of 5 MB */
    FAKE_DEEP,        /* sends JSON a thousand levels deep */
    FAKE_HANG,        /* from here on the main monitor answers nothing, the other one still does */
    FAKE_EVENT_FIRST, /* sends the event named by text, then does and answers it */
};

/* What the model knows; tests set it before or look at it after. */
struct fake_model {
    const char *run_state;
    const char *migration; /* NULL: none yet */
    const char *colo_mode;
    const char *colo_last_mode;
    bool colo_exited;     /* COLO_EXIT sent */
    bool converges;       /* the migration enters COLO without a stop */
    bool peer_lost;       /* a primary whose secondary is gone and that has not noticed */
    bool refused_by_peer; /* COLO ends as soon as it begins */
    bool x_colo;
    unsigned passes;
    uint64_t remaining;
    bool jobs[8];
    bool job_ready[8];
    bool nbd_server;
    int nbd_fd; /* that it listens on, if it was handed one; -1 */
    int migrate_fd;
    sd_event_source *migrate_io;
    size_t n_names; /* ids of chardevs, objects, nodes and exports, with a letter for their kind
                       before */
    char names[FAKE_NAMES_MAX][40];
    bool quit;
};

/* @main_path, @oob_path: unix sockets to listen on; existing ones are replaced. */
struct fake_qemu *fake_qemu_new(sd_event *event, const char *main_path, const char *oob_path);
struct fake_qemu *fake_qemu_free(struct fake_qemu *fake);

struct fake_model *fake_qemu_model(struct fake_qemu *fake);

/* Before anybody connects. */
void fake_qemu_set_version(struct fake_qemu *fake, unsigned major, unsigned minor, unsigned micro);
void fake_qemu_set_oob(struct fake_qemu *fake, bool offered);
void fake_qemu_set_greeting(struct fake_qemu *fake, bool given);

/* The @nth (from 1) time that @command comes, or every time for 0. */
void fake_qemu_trick(struct fake_qemu *fake, const char *command, unsigned nth,
                     enum fake_trick trick, const char *text, unsigned delay_ms);

/* Sends an event on both monitors. @data: JSON text or NULL. */
void fake_qemu_emit(struct fake_qemu *fake, const char *name, const char *data);

/* Every command so far, one per line: monitor, name, arguments; the same one again and again counts
 * once. qmp_capabilities is left out. */
const char *fake_qemu_log(const struct fake_qemu *fake);
void fake_qemu_clear_log(struct fake_qemu *fake);

void fake_qemu_close(struct fake_qemu *fake);

/* Whether the model holds an id of @kind: 'c'hardev, 'o'bject, 'n'ode, 'e'xport, chi'l'd. */
bool fake_model_has(const struct fake_model *model, char kind, const char *name);
void fake_model_add(struct fake_model *model, char kind, const char *name);
bool fake_model_remove(struct fake_model *model, char kind, const char *name);

/* The model's answer to one command: the "return" value, or NULL with @ret_error set.
 * @fd: descriptor that came along, or -1; taken over. */
struct json_object *fake_model_do(struct fake_qemu *fake, const char *command,
                                  struct json_object *arguments, int fd, const char **ret_error);

/* For the model: calls @fn after @delay_ms, unless the fake is freed before. */
typedef void fake_later_fn(struct fake_qemu *fake);
void fake_qemu_later(struct fake_qemu *fake, unsigned delay_ms, fake_later_fn *fn);
sd_event *fake_qemu_event(struct fake_qemu *fake);

/* COLO ends in the model: the peer is lost. Nothing if it is over already. */
void fake_model_colo_exit(struct fake_qemu *fake);

/* A reply as QEMU writes it, with @result (taken over) or @error. Owned by the caller. */
char *fake_answer_text(struct json_object *result, const char *error, struct json_object *id);

/* Closes the model's end of the migration. */
void fake_model_drop_migration(struct fake_model *model);

/* A small schema with all that the caps ask for. Owned by the caller. */
struct json_object *fake_schema(void);

#endif
