/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of recordings that are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <agent/records/keep.h>

#define SOURCE_BYTES 200000

static char folder[] = "/tmp/chb-keep-XXXXXX";
static int dir_fd;
static char source[64];

static bool exists(const char *name, off_t *ret_size)
{
    char path[128];
    struct stat status;
    (void)snprintf(path, sizeof(path), "recordings/vm/%s", name);
    bool is = fstatat(dir_fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
    *ret_size = is ? status.st_size : 0;
    return is;
}

static void keeps_the_newest(void **state)
{
    (void)state;
    off_t size = 0;
    for (int i = 10; i < 10 + 2 * CHB_KEPT_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%d.recording", i);
        assert_int_equal(chb_keep_copy(dir_fd, "vm", source, name), 0);
        assert_true(exists(name, &size));
        assert_int_equal(size, SOURCE_BYTES);
        (void)snprintf(name, sizeof(name), "%d.recording", i - CHB_KEPT_MAX);
        assert_false(exists(name, &size));
    }
    assert_false(exists(".unfinished", &size));
}

static void refuses_ways_out(void **state)
{
    (void)state;
    assert_int_equal(chb_keep_copy(dir_fd, "../vm", source, "a"), -EINVAL);
    assert_int_equal(chb_keep_copy(dir_fd, "vm", source, "a/b"), -EINVAL);
    assert_int_equal(chb_keep_copy(dir_fd, "vm", source, ".."), -EINVAL);
    assert_int_equal(chb_keep_copy(dir_fd, "vm", "/nowhere/to/be/found", "a"), -ENOENT);
}

static int set_up(void **state)
{
    static char bytes[SOURCE_BYTES];
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)snprintf(source, sizeof(source), "%s/source", folder);
    int fd = open(source, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    memset(bytes, 'x', sizeof(bytes));
    ssize_t n = fd < 0 ? -1 : write(fd, bytes, sizeof(bytes));
    return close(fd) == 0 && n == SOURCE_BYTES && dir_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[64];
    (void)state;
    (void)close(dir_fd);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_newest),
        cmocka_unit_test(refuses_ways_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
