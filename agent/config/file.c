/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads up to size bytes. Returns how many, or a negative errno. */
static ssize_t read_all(int fd, char *text, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t n = read(fd, text + used, size - used);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        used += (size_t)n;
    }
    return (ssize_t)used;
}

int chb_read_file(const char *path, size_t size_max, char **ret_text, size_t *ret_size)
{
    struct stat status;
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = fstat(fd, &status) < 0 ? -errno : 0;
    if (n == 0 && !S_ISREG(status.st_mode)) {
        n = -EINVAL;
    }
    if (n == 0) {
        text = malloc(size_max + 1);
        n = text == NULL ? -ENOMEM : read_all(fd, text, size_max + 1);
    }
    (void)close(fd);
    if (n > (ssize_t)size_max) {
        n = -EFBIG;
    }
    if (n < 0) {
        free(text);
        return (int)n;
    }
    text[n] = '\0';
    *ret_text = text;
    *ret_size = (size_t)n;
    return 0;
}
