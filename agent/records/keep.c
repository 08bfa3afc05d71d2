/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/records/keep.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNFINISHED ".unfinished" /* what a crash leaves is overwritten by the next */
#define CHUNK_BYTES (64 * 1024)
#define ENTRIES_MAX 4096

static int open_folder(int dir_fd, const char *name)
{
    if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST) {
        return -errno;
    }
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *bytes, ssize_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, (size_t)size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            bytes += n;
            size -= n;
        }
    }
    return 0;
}

static int copy_bytes(int from, int to)
{
    char *chunk = malloc(CHUNK_BYTES);
    int r = chunk == NULL ? -ENOMEM : 0;
    while (r == 0) {
        ssize_t n = read(from, chunk, CHUNK_BYTES);
        if (n == 0) {
            break;
        }
        r = n > 0 ? write_all(to, chunk, n) : errno == EINTR ? 0 : -errno;
    }
    free(chunk);
    return r;
}

static int copy_file(int folder, const char *source, const char *file)
{
    int from = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0) {
        return -errno;
    }
    int to =
        openat(folder, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = to < 0 ? -errno : copy_bytes(from, to);
    if (r == 0 && fsync(to) < 0) {
        r = -errno;
    }
    if (r == 0 && renameat(folder, UNFINISHED, folder, file) < 0) {
        r = -errno;
    }
    if (to >= 0) {
        (void)close(to);
    }
    (void)close(from);
    return r;
}

/* How many there are, and the one whose name is the first. */
static int count_files(DIR *entries, char *ret_first, size_t size)
{
    int count = 0;
    struct dirent *entry;
    rewinddir(entries);
    while (count < ENTRIES_MAX && (entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (count++ == 0 || strcmp(entry->d_name, ret_first) < 0) {
            (void)snprintf(ret_first, size, "%s", entry->d_name);
        }
    }
    return count;
}

static void remove_oldest(int folder)
{
    char first[256];
    int fd = dup(folder);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (entries == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    while (count_files(entries, first, sizeof(first)) > CHB_KEPT_MAX &&
           unlinkat(folder, first, 0) == 0) {
    }
    (void)closedir(entries);
}

int chb_keep_copy(int dir_fd, const char *name, const char *source, const char *file)
{
    if (name[0] == '.' || file[0] == '.' || strchr(name, '/') != NULL ||
        strchr(file, '/') != NULL) {
        return -EINVAL;
    }
    int all = open_folder(dir_fd, "recordings");
    int folder = all < 0 ? all : open_folder(all, name);
    int r = folder < 0 ? folder : copy_file(folder, source, file);
    if (r == 0) {
        remove_oldest(folder);
    }
    if (folder >= 0) {
        (void)close(folder);
    }
    if (all >= 0) {
        (void)close(all);
    }
    return r;
}
