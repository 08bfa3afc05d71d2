/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/records/store.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <agent/records/codec.h>

#define FILE_NAME_SIZE (CHB_VM_NAME_MAX + 32)

struct slots {
    unsigned newest; /* index; valid only with found */
    bool found;
    bool unreadable; /* a sound slot that we cannot understand or that is not ours */
    uint64_t sequence[CHB_STORE_SLOTS];
    bool valid[CHB_STORE_SLOTS];
    struct chb_record record[CHB_STORE_SLOTS];
};

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}
#define CLEANUP_FD __attribute__((cleanup(close_fd)))

static int file_name(const char *name, const char *suffix, char ret_name[static FILE_NAME_SIZE])
{
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL ||
        strnlen(name, CHB_VM_NAME_MAX + 1) > CHB_VM_NAME_MAX) {
        return -EINVAL;
    }
    (void)snprintf(ret_name, FILE_NAME_SIZE, "%s.record%s", name, suffix);
    return 0;
}

static int read_full(int fd, uint8_t *bytes, size_t size, off_t at)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, bytes + done, size - done, at + (off_t)done);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n == 0) {
            memset(bytes + done, 0, size - done); /* a file cut short is a torn slot, no error */
            return 0;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int write_full(int fd, const uint8_t *bytes, size_t size, off_t at)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pwrite(fd, bytes + done, size - done, at + (off_t)done);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n == 0) {
            return -EIO;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int read_slots(int fd, const char *name, struct slots *ret_slots)
{
    struct slots slots = {0};
    for (unsigned i = 0; i < CHB_STORE_SLOTS; i++) {
        uint8_t bytes[CHB_SLOT_SIZE];
        int r = read_full(fd, bytes, sizeof(bytes), (off_t)i * CHB_STORE_SLOT_STRIDE);
        if (r < 0) {
            return r;
        }
        r = chb_slot_decode(bytes, name, &slots.sequence[i], &slots.record[i]);
        slots.valid[i] = r == 0;
        slots.unreadable = slots.unreadable || r == -EPROTONOSUPPORT || r == -EXDEV;
        if (slots.valid[i] && (!slots.found || slots.sequence[i] > slots.sequence[slots.newest])) {
            slots.newest = i;
            slots.found = true;
        }
    }
    *ret_slots = slots;
    return 0;
}

static int write_slot(int fd, const char *name, unsigned slot, uint64_t sequence,
                      const struct chb_record *record)
{
    uint8_t bytes[CHB_SLOT_SIZE];
    int r = chb_slot_encode(name, sequence, record, bytes);
    if (r < 0) {
        return r;
    }
    r = write_full(fd, bytes, sizeof(bytes), (off_t)slot * CHB_STORE_SLOT_STRIDE);
    if (r < 0) {
        return r;
    }
    return fdatasync(fd) < 0 ? -errno : 0;
}

/* Makes the file complete before its name exists. */
static int create(int dir_fd, const char *name)
{
    char final_name[FILE_NAME_SIZE];
    char new_name[FILE_NAME_SIZE];
    int r = file_name(name, "", final_name);
    if (r < 0) {
        return r;
    }
    (void)file_name(name, ".new", new_name);
    CLEANUP_FD int fd = openat(dir_fd, new_name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    static const uint8_t zeros[CHB_STORE_SLOTS * CHB_STORE_SLOT_STRIDE];
    static const struct chb_record none = {.kind = CHB_RECORD_NONE};
    r = write_full(fd, zeros, sizeof(zeros), 0);
    for (unsigned i = 0; r == 0 && i < CHB_STORE_SLOTS; i++) {
        r = write_slot(fd, name, i, 1, &none);
    }
    if (r < 0) {
        return r;
    }
    if (fsync(fd) < 0 || renameat(dir_fd, new_name, dir_fd, final_name) < 0 || fsync(dir_fd) < 0) {
        return -errno;
    }
    return 0;
}

static int open_file(int dir_fd, const char *name, int flags)
{
    char path[FILE_NAME_SIZE];
    int r = file_name(name, "", path);
    if (r < 0) {
        return r;
    }
    int fd = openat(dir_fd, path, flags | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

int chb_store_load(int dir_fd, const char *name, struct chb_record *ret_record)
{
    CLEANUP_FD int fd = open_file(dir_fd, name, O_RDWR);
    if (fd == -ENOENT) {
        *ret_record = (struct chb_record){.kind = CHB_RECORD_NONE};
        return 0;
    }
    if (fd < 0) {
        return fd;
    }
    /* What is read may be in the page cache alone, left by a write that nobody confirmed. */
    if (fdatasync(fd) < 0) {
        return -errno;
    }
    struct slots slots;
    int r = read_slots(fd, name, &slots);
    if (r < 0) {
        return r;
    }
    if (!slots.found || slots.unreadable) {
        *ret_record = (struct chb_record){.kind = CHB_RECORD_UNKNOWN};
        return 0;
    }
    *ret_record = slots.record[slots.newest];
    return 0;
}

int chb_store_save(int dir_fd, const char *name, const struct chb_record *record)
{
    CLEANUP_FD int fd = open_file(dir_fd, name, O_RDWR);
    if (fd == -ENOENT) {
        int r = create(dir_fd, name);
        if (r < 0) {
            return r;
        }
        fd = open_file(dir_fd, name, O_RDWR);
    }
    if (fd < 0) {
        return fd;
    }
    struct slots slots;
    int r = read_slots(fd, name, &slots);
    if (r < 0) {
        return r;
    }
    if (slots.unreadable) {
        return -EPROTONOSUPPORT; /* never overwrite what a newer version knows */
    }
    unsigned target = slots.found ? (slots.newest + 1) % CHB_STORE_SLOTS : 0;
    uint64_t sequence = slots.found ? slots.sequence[slots.newest] + 1 : 1;
    return write_slot(fd, name, target, sequence, record);
}

int chb_store_mirror(int dir_fd, const char *name)
{
    CLEANUP_FD int fd = open_file(dir_fd, name, O_RDWR);
    if (fd < 0) {
        return fd;
    }
    struct slots slots;
    int r = read_slots(fd, name, &slots);
    if (r < 0 || !slots.found || slots.unreadable) {
        return r;
    }
    unsigned other = (slots.newest + 1) % CHB_STORE_SLOTS;
    if (slots.valid[other] && slots.sequence[other] == slots.sequence[slots.newest]) {
        return 0;
    }
    return write_slot(fd, name, other, slots.sequence[slots.newest], &slots.record[slots.newest]);
}
