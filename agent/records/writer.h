/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records and histories, read and written without waiting: the daemon's end of the servant process.
 * A servant that dies is replaced; what it had not answered ends as UNKNOWN.
 */
#ifndef CHB_RECORDS_WRITER_H
#define CHB_RECORDS_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include <agent/core/outcome.h>
#include <agent/core/record.h>
#include <agent/core/time.h>

#define CHB_WRITER_OUTSTANDING_MAX 256

struct chb_writer;

struct chb_written {
    uint64_t id; /* as given */
    enum chb_outcome outcome;
    int error;                /* 0, or why not; -ETIME: the disk hangs */
    struct chb_record record; /* of a load that is DONE */
    chb_span took;
};

/* Called once for each request, from the event loop. */
typedef void chb_writer_fn(void *userdata, const struct chb_written *written);

/* Starts the servant.
 * @folder: of the records; must exist. @priority: of its socket; its deadlines come one later.
 * @limit: how long a request may take before it ends as UNKNOWN; it stays queued in the servant.
 * @urgent: the servant must not wait for a processor that the guests keep busy; best effort.
 * SIGCHLD need not be handled by the caller, but must not be ignored.
 * Returns 0; -ENOENT and others for the folder; errors of fork and socketpair. */
int chb_writer_new(sd_event *event, const char *folder, int64_t priority, chb_span limit,
                   bool urgent, struct chb_writer **ret_writer);

/* Ends the servant after what it has already been given. Nothing is called any more. NULL is fine;
 * returns NULL. */
struct chb_writer *chb_writer_free(struct chb_writer *writer);

/* Reads and writes the record of VM @name. @id: for the caller alone.
 * Returns 0; -EINVAL for a bad name or record; -EBUSY with CHB_WRITER_OUTSTANDING_MAX requests
 * under way; -ENOTCONN when there is no servant at the moment; then @fn is not called. */
int chb_writer_load(struct chb_writer *writer, const char *name, uint64_t id, chb_writer_fn *fn,
                    void *userdata);
int chb_writer_save(struct chb_writer *writer, const char *name, const struct chb_record *record,
                    uint64_t id, chb_writer_fn *fn, void *userdata);

/* Appends a line to the VM's history file, best effort, with no answer. @line: without newline, cut
 * at CHB_SERVANT_TEXT_MAX - 2 bytes. */
int chb_writer_append(struct chb_writer *writer, const char *name, const char *line);

/* Copies the file @source to recordings/@name/@file, where the newest few are kept: keep.h.
 * Returns as chb_writer_load(), and -EINVAL when both do not fit into a request. */
int chb_writer_copy(struct chb_writer *writer, const char *name, const char *source,
                    const char *file, uint64_t id, chb_writer_fn *fn, void *userdata);

/* The servant's process, for tests and the status; -1 if there is none. */
int chb_writer_pid(const struct chb_writer *writer);

#endif
