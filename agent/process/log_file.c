/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's own log: its last words, and a bound on its size. */
#include <agent/process/child.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_BYTES 2048

char *chb_log_tail(const char *path, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return ret_text;
    }
    char text[TAIL_BYTES + 1];
    struct stat status;
    off_t from =
        fstat(fd, &status) == 0 && status.st_size > TAIL_BYTES ? status.st_size - TAIL_BYTES : 0;
    ssize_t length = pread(fd, text, TAIL_BYTES, from);
    (void)close(fd);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' ')) {
        length--;
    }
    if (length <= 0) {
        return ret_text;
    }
    /* The end says why; the beginning of what does not fit is left out. */
    size_t used = 0;
    size_t start = (size_t)length >= size ? (size_t)length - (size - 1) : 0;
    for (size_t i = start; i < (size_t)length && used + 1 < size; i++) {
        char c = text[i];
        if (c == '\n') {
            c = ' ';
        } else if (c < ' ' || c > '~') {
            c = '?';
        }
        ret_text[used++] = c;
    }
    ret_text[used] = '\0';
    return ret_text;
}

void chb_log_bound(const char *path, int64_t bytes_max)
{
    struct stat status;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > bytes_max &&
        ftruncate(fd, 0) < 0) {
        /* tried again at the next look */
    }
    (void)close(fd);
}
