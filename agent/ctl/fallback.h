/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be said and done about a VM while no daemon runs: it is being restarted, and its guests
 * run on (rule R9). Reads what the daemon left in its runtime folder; decides nothing.
 */
#ifndef CHB_CTL_FALLBACK_H
#define CHB_CTL_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>

#include <agent/core/time.h>
#include <agent/ctl/ocf.h>
#include <agent/process/proc.h>

/* What the daemon wrote down about one VM that is started, at its last change. */
struct chb_left_behind {
    bool promoted; /* the role that Pacemaker commanded last */
    bool has_qemu;
    struct chb_process_id qemu;
    char path[256]; /* of the file that says so */
};

/* Where the daemon's runtime folder is: the folder of its socket.
 * Returns 0; -ENOENT when nothing is written about this VM: it is not started on this host;
 * -EBADMSG when it cannot be understood; other errors of reading. */
int chb_left_behind_read(const char *socket_path, const char *vm, struct chb_left_behind *ret_left);

/* Does that QEMU still run? */
bool chb_left_behind_alive(const struct chb_left_behind *left);

/*
 * A monitor's answer without a daemon: the role last commanded while the VM's QEMU lives,
 * NOT_RUNNING when the VM is not started here, and ERR_GENERIC when QEMU is gone as well. ret_text:
 * why, at least 256 bytes.
 */
enum chb_ocf chb_fallback_monitor(const char *socket_path, const char *vm, bool probe,
                                  char *ret_text, size_t size);

/*
 * Stops a VM without a daemon, so that a host whose colo-hbd is broken need not be fenced for it:
 * ends that very QEMU (SIGKILL through a pidfd) and waits for its death. A dead replica never
 * speaks, so this is always safe. Returns SUCCESS or ERR_GENERIC with ret_text.
 */
enum chb_ocf chb_fallback_stop(const char *socket_path, const char *vm, chb_span limit,
                               char *ret_text, size_t size);

#endif
