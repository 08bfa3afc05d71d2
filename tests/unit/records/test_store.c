/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <agent/records/codec.h>
#include <agent/records/store.h>

#define VM "colo-vm"
#define FILE_SIZE (CHB_STORE_SLOTS * CHB_STORE_SLOT_STRIDE)

static char folder[] = "/tmp/chb-store-XXXXXX";
static int dir_fd = -1;

static int set_up(void **state)
{
    (void)state;
    (void)strcpy(folder, "/tmp/chb-store-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlinkat(dir_fd, VM ".record", 0);
    (void)close(dir_fd);
    return rmdir(folder);
}

static struct chb_record solo(uint64_t generation)
{
    return (struct chb_record){.generation = generation, .author = 1, .kind = CHB_RECORD_SOLO};
}

static struct chb_record load(void)
{
    struct chb_record record = {.kind = CHB_RECORD_KIND_MAX};
    assert_int_equal(chb_store_load(dir_fd, VM, &record), 0);
    return record;
}

static void save(uint64_t generation)
{
    struct chb_record record = solo(generation);
    assert_int_equal(chb_store_save(dir_fd, VM, &record), 0);
}

static void read_file(uint8_t *bytes)
{
    int fd = openat(dir_fd, VM ".record", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, bytes, FILE_SIZE, 0), FILE_SIZE);
    (void)close(fd);
}

static void write_file(const uint8_t *bytes)
{
    int fd = openat(dir_fd, VM ".record", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, FILE_SIZE, 0), FILE_SIZE);
    (void)close(fd);
}

static void absent_is_none(void **state)
{
    (void)state;
    assert_int_equal(load().kind, CHB_RECORD_NONE);
}

static void newest_wins(void **state)
{
    (void)state;
    for (uint64_t generation = 1; generation < 8; generation++) {
        save(generation);
        assert_int_equal(load().generation, generation);
    }
    struct stat status;
    assert_int_equal(fstatat(dir_fd, VM ".record", &status, 0), 0);
    assert_int_equal(status.st_size, FILE_SIZE); /* preallocated: never grows */
}

/* Power fails after each single byte of the write: the old record stands until the last one. */
static void torn_at_each_byte(void **state)
{
    (void)state;
    static uint8_t before[FILE_SIZE];
    static uint8_t after[FILE_SIZE];
    static uint8_t torn[FILE_SIZE];
    save(6);
    read_file(before);
    save(7);
    read_file(after);
    size_t slot = 0;
    while (memcmp(before + slot, after + slot, CHB_SLOT_SIZE) == 0) {
        slot += CHB_STORE_SLOT_STRIDE;
        assert_true(slot < FILE_SIZE);
    }
    for (size_t cut = 0; cut <= CHB_SLOT_SIZE; cut++) {
        memcpy(torn, before, FILE_SIZE);
        memcpy(torn + slot, after + slot, cut);
        write_file(torn);
        uint64_t generation = load().generation;
        bool whole = memcmp(torn, after, FILE_SIZE) == 0;
        assert_int_equal(generation, whole ? 7 : 6);
        /* the other direction: the end arrived and the beginning did not */
        memcpy(torn, after, FILE_SIZE);
        memcpy(torn + slot, before + slot, cut);
        write_file(torn);
        whole = memcmp(torn, after, FILE_SIZE) == 0;
        assert_int_equal(load().generation, whole ? 7 : 6);
    }
}

static void torn_first_write_is_none(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_SIZE];
    save(3);
    read_file(bytes);
    for (size_t slot = 0; slot < FILE_SIZE; slot += CHB_STORE_SLOT_STRIDE) {
        uint64_t sequence;
        struct chb_record record;
        assert_int_equal(chb_slot_decode(bytes + slot, VM, &sequence, &record), 0);
        if (record.generation == 3) {
            bytes[slot + 100] ^= 1;
        }
    }
    write_file(bytes);
    assert_int_equal(load().kind, CHB_RECORD_NONE);
}

static void nothing_valid_is_unknown(void **state)
{
    (void)state;
    save(3);
    static const uint8_t zeros[FILE_SIZE];
    write_file(zeros);
    assert_int_equal(load().kind, CHB_RECORD_UNKNOWN);
    /* a file cut to nothing, too */
    int fd = openat(dir_fd, VM ".record", O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(load().kind, CHB_RECORD_UNKNOWN);
    /* and a new record mends it */
    save(4);
    assert_int_equal(load().generation, 4);
}

static void mirror_survives_either_slot(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_SIZE];
    save(5);
    assert_int_equal(chb_store_mirror(dir_fd, VM), 0);
    read_file(bytes);
    for (size_t slot = 0; slot < FILE_SIZE; slot += CHB_STORE_SLOT_STRIDE) {
        bytes[slot + 200] ^= 1;
        write_file(bytes);
        assert_int_equal(load().generation, 5);
        bytes[slot + 200] ^= 1;
    }
    write_file(bytes);
    save(6);
    assert_int_equal(load().generation, 6);
}

/* The file of another VM, copied over ours by a person, must not be believed nor overwritten. */
static void another_vms_file_is_unknown(void **state)
{
    (void)state;
    struct chb_record record = solo(9);
    assert_int_equal(chb_store_save(dir_fd, "other", &record), 0);
    assert_int_equal(renameat(dir_fd, "other.record", dir_fd, VM ".record"), 0);
    assert_int_equal(load().kind, CHB_RECORD_UNKNOWN);
    assert_int_equal(chb_store_save(dir_fd, VM, &record), -EPROTONOSUPPORT);
}

static void bad_names(void **state)
{
    (void)state;
    struct chb_record record = solo(1);
    assert_int_equal(chb_store_save(dir_fd, "../x", &record), -EINVAL);
    assert_int_equal(chb_store_save(dir_fd, "", &record), -EINVAL);
    assert_int_equal(chb_store_load(dir_fd, ".x", &record), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(absent_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(newest_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_at_each_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_first_write_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_valid_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mirror_survives_either_slot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_vms_file_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_names, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
