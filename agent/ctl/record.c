/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coloctl record: has the daemon write out what it has recorded of a VM, now. */
#include <agent/ctl/ctl.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <agent/ctl/client.h>

#define RECORD_TIMEOUT_MS 40000
#define CHUNK_BYTES 65536

/* Never over a file that is there: it may be the only recording of another incident. */
static int copy(const char *from, const char *to)
{
    static char chunk[CHUNK_BYTES];
    int source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0) {
        return -errno;
    }
    int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = target < 0 ? -errno : 0;
    for (ssize_t n = 1; r == 0 && n > 0;) {
        n = read(source, chunk, sizeof(chunk));
        if (n < 0 || (n > 0 && write(target, chunk, (size_t)n) != n)) {
            r = n < 0 ? -errno : -EIO;
        }
    }
    if (target >= 0 && close(target) < 0 && r == 0) {
        r = -errno;
    }
    if (target >= 0 && r < 0) {
        (void)unlink(to); /* half a recording, and in the way of the next try */
    }
    (void)close(source);
    return r;
}

int chb_ctl_record(struct chb_ctl *ctl, int argc, char **argv)
{
    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
        return chb_ctl_usage("record", "usage: coloctl record VM [FILE]");
    }
    struct chb_reply reply;
    chb_span limit = ctl->timeout.ns != 0 ? ctl->timeout : chb_ms(RECORD_TIMEOUT_MS);
    chb_ctl_ask(ctl->socket_path, "record", argv[1], NULL, chb_ms(0), limit, &reply);
    int code = chb_reply_exit(&reply);
    if (code != CHB_CTL_OK) {
        chb_reply_complain(&reply, argv[1]);
        chb_reply_clear(&reply);
        return code;
    }
    const char *file = chb_ctl_text(reply.result, "file", "");
    if (argc == 3) {
        int r = copy(file, argv[2]);
        if (r < 0) {
            (void)fprintf(stderr, "coloctl: record: %s: cannot be copied to %s: %s\n", file,
                          argv[2], strerror(-r));
            code = CHB_CTL_FAILED;
        }
    }
    if (code == CHB_CTL_OK) {
        printf("%s\n", argc == 3 ? argv[2] : file);
    }
    chb_reply_clear(&reply);
    return code;
}
