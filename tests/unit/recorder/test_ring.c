/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A real core is recorded and read back: the ring's turns, restarts, cuts and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <agent/recorder/reader.h>
#include <agent/recorder/ring.h>
#include <tests/unit/recorder/random.h>

#define PATH "recorder-test.ring"
#define BYTES (CHB_RECORDING_BYTES_MIN * 4)

struct life {
    struct chb_recorder *recorder;
    struct chb_core core;
    chb_time now;
    uint64_t events;
};

static void begin(struct life *life, uint64_t session)
{
    static const uint32_t nodes[] = {1, 2, 3};
    struct chb_recorder_about about = {.vm = "vm",
                                       .node_name = "n1",
                                       .version = "0.1",
                                       .configuration = "a=1",
                                       .node = 1,
                                       .session = session,
                                       .now = {.ns = 1}};
    memset(life, 0, sizeof(*life));
    chb_core_init(&life->core, 1, session, nodes, 3);
    assert_int_equal(chb_recorder_open(PATH, BYTES, &about, &life->recorder), 0);
}

/* What can come at any time and leads a core that is not loaded into no assert. */
static void live(struct life *life, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct chb_event event;
        struct chb_actions actions;
        do {
            random_event(&event);
        } while (event.kind == CHB_EVENT_LOADED || event.kind == CHB_EVENT_ADOPTED);
        life->now.ns += 1000000;
        event.at = life->now;
        chb_recorder_event(life->recorder, &life->core, &event);
        chb_core_step(&life->core, &event, &actions);
        chb_recorder_result(life->recorder, &life->core, &actions);
        assert_int_equal(chb_recorder_error(life->recorder), 0);
        life->events++;
    }
}

static void end(struct life *life)
{
    life->recorder = chb_recorder_free(life->recorder);
}

static uint8_t *slurp(size_t *ret_size)
{
    struct stat status;
    int fd = open(PATH, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    *ret_size = (size_t)status.st_size;
    uint8_t *bytes = malloc(*ret_size + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, *ret_size), status.st_size);
    (void)close(fd);
    return bytes;
}

struct seen {
    uint64_t events;
    uint64_t results;
    uint64_t last;
    unsigned gaps[CHB_GAP_LOST + 1];
    unsigned damages;
};

/* Reads all and steps a core alongside: everything must be as it was. */
static void walk(const uint8_t *bytes, size_t size, struct seen *ret_seen)
{
    static struct chb_item item;
    struct chb_recording *recording = NULL;
    struct chb_core core;
    struct chb_actions actions = {0};
    char version[32];
    memset(ret_seen, 0, sizeof(*ret_seen));
    memset(&core, 0, sizeof(core));
    assert_int_equal(chb_recording_open(bytes, size, version, &recording), 0);
    for (;;) {
        chb_recording_next(recording, &item);
        if (item.kind == CHB_ITEM_KIND_MAX) {
            break;
        }
        if (item.kind == CHB_ITEM_SEGMENT) {
            ret_seen->gaps[item.gap]++;
            assert_string_equal(item.segment.vm, "vm");
            assert_string_equal(item.segment.configuration, "a=1");
            if (item.gap == CHB_GAP_NONE) {
                assert_null(chb_core_difference(&core, &item.core));
            }
            core = item.core;
        } else if (item.kind == CHB_ITEM_EVENT) {
            ret_seen->events++;
            ret_seen->last = item.number;
            chb_core_step(&core, &item.event, &actions);
        } else if (item.kind == CHB_ITEM_RESULT) {
            ret_seen->results++;
            assert_int_equal(item.result.actions_digest, chb_actions_digest(&actions));
            assert_int_equal(item.result.state_digest, chb_core_digest(&core));
        } else {
            ret_seen->damages++;
        }
    }
    (void)chb_recording_free(recording);
}

static void test_short(void **state)
{
    (void)state;
    struct life life;
    struct seen seen = {0};
    size_t size;
    begin(&life, 7);
    live(&life, 100);
    uint8_t *bytes = slurp(&size);
    walk(bytes, size, &seen);
    free(bytes);
    assert_int_equal(seen.events, 100);
    assert_int_equal(seen.results, 100);
    assert_int_equal(seen.gaps[CHB_GAP_FIRST], 1);
    assert_int_equal(seen.damages, 0);
    end(&life);
}

static void test_wrap(void **state)
{
    (void)state;
    struct life life;
    struct seen seen = {0};
    size_t size;
    begin(&life, 7);
    for (unsigned turn = 0; turn < 40; turn++) {
        live(&life, 997);
        uint8_t *bytes = slurp(&size);
        walk(bytes, size, &seen);
        free(bytes);
        assert_true(size <= BYTES);
        assert_int_equal(seen.last, life.events);
        assert_int_equal(seen.gaps[CHB_GAP_FIRST], 1);
        assert_int_equal(seen.gaps[CHB_GAP_LOST] + seen.gaps[CHB_GAP_SESSION] + seen.damages, 0);
    }
    assert_true(seen.events < life.events);
    assert_int_equal(seen.gaps[CHB_GAP_NONE], CHB_RECORDING_SEGMENTS - 1);
    end(&life);
}

static void test_restart_keeps_what_was(void **state)
{
    (void)state;
    struct life life;
    struct seen seen = {0};
    size_t size;
    for (uint64_t session = 1; session <= 4; session++) {
        begin(&life, session);
        live(&life, 50);
        end(&life);
    }
    uint8_t *bytes = slurp(&size);
    walk(bytes, size, &seen);
    free(bytes);
    assert_int_equal(seen.events, 200);
    assert_int_equal(seen.gaps[CHB_GAP_FIRST], 1);
    assert_int_equal(seen.gaps[CHB_GAP_SESSION], 3);
}

static off_t size_with(const struct chb_recorder_about *about, uint64_t bytes)
{
    struct chb_recorder *recorder = NULL;
    struct stat status;
    assert_int_equal(chb_recorder_open(PATH, bytes, about, &recorder), 0);
    (void)chb_recorder_free(recorder);
    assert_int_equal(stat(PATH, &status), 0);
    return status.st_size;
}

/* A ring of another VM, node or size is begun anew. */
static void test_strange_ring_is_replaced(void **state)
{
    (void)state;
    struct life life;
    for (int i = 0; i < 4; i++) {
        struct chb_recorder_about about = {.vm = i == 1 ? "other" : "vm",
                                           .version = "0.1",
                                           .configuration = "a=1",
                                           .node = i == 2 ? 2 : 1,
                                           .session = 2,
                                           .now = {.ns = 1}};
        begin(&life, 1);
        live(&life, 10);
        end(&life);
        off_t size = size_with(&about, i == 3 ? 2 * BYTES : BYTES);
        assert_true(i == 0 ? size > 0 : size == 0);
    }
}

/* So is a file that is none. */
static void test_strange_file_is_replaced(void **state)
{
    (void)state;
    struct life life;
    struct seen seen = {0};
    size_t size;
    int fd = open(PATH, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (unsigned i = 0; i < BYTES; i += 8) {
        uint64_t word = random_number();
        assert_int_equal(write(fd, &word, 8), 8);
    }
    (void)close(fd);
    begin(&life, 1);
    live(&life, 10);
    uint8_t *bytes = slurp(&size);
    walk(bytes, size, &seen);
    free(bytes);
    assert_int_equal(seen.events, 10);
    assert_true(size < BYTES);
    end(&life);
}

/* Cut anywhere: what is left is read, and nothing else. */
static void test_torn_tail(void **state)
{
    (void)state;
    struct life life;
    struct seen seen = {0};
    struct seen before = {0};
    size_t size;
    begin(&life, 7);
    live(&life, 30);
    uint8_t *bytes = slurp(&size);
    char version[32];
    struct chb_recording *recording = NULL;
    assert_int_equal(chb_recording_open(bytes, 511, version, &recording), -EBADMSG);
    for (size_t cut = CHB_SEGMENT_HEADER_BYTES; cut <= size; cut++) {
        walk(bytes, cut, &seen);
        assert_int_equal(seen.damages, 0);
        assert_true(seen.events == before.events || seen.events == before.events + 1);
        before = seen;
    }
    assert_int_equal(seen.events, 30);
    free(bytes);
    end(&life);
}

/* One wrong byte: said, and what follows begins at the next sound state. */
static void test_damage_is_said(void **state)
{
    (void)state;
    struct life life;
    struct seen seen = {0};
    size_t size;
    begin(&life, 7);
    live(&life, 1500);
    end(&life);
    uint8_t *bytes = slurp(&size);
    size_t segment = BYTES / CHB_RECORDING_SEGMENTS;
    assert_true(size > 3 * segment);
    bytes[segment + segment / 2] ^= 4; /* an entry of the second */
    walk(bytes, size, &seen);
    assert_int_equal(seen.damages, 1);
    assert_int_equal(seen.gaps[CHB_GAP_LOST], 1);
    assert_int_equal(seen.last, 1500);
    bytes[segment + segment / 2] ^= 4;
    bytes[segment + 100] ^= 4; /* the header of the second */
    walk(bytes, size, &seen);
    assert_int_equal(seen.gaps[CHB_GAP_LOST], 1);
    assert_int_equal(seen.last, 1500);
    bytes[segment + 100] ^= 4;
    bytes[segment + CHB_SEGMENT_HEADER_BYTES + 50] ^= 4; /* its state */
    walk(bytes, size, &seen);
    assert_int_equal(seen.damages, 1);
    assert_int_equal(seen.gaps[CHB_GAP_LOST], 1);
    assert_int_equal(seen.last, 1500);
    free(bytes);
}

static void put_header(uint8_t *bytes, uint32_t format, uint64_t layout)
{
    struct chb_segment segment;
    assert_int_equal(chb_segment_get(bytes, &segment), 0);
    segment.format = format;
    segment.layout = layout;
    chb_segment_put(&segment, bytes);
}

static void test_other_versions_are_refused(void **state)
{
    (void)state;
    struct life life;
    size_t size;
    begin(&life, 7);
    live(&life, 10);
    end(&life);
    uint8_t *bytes = slurp(&size);
    char version[32];
    struct chb_recording *recording = NULL;
    put_header(bytes, CHB_RECORDING_FORMAT, chb_layout_id() + 1);
    assert_int_equal(chb_recording_open(bytes, size, version, &recording), -ESTALE);
    assert_string_equal(version, "0.1");
    put_header(bytes, CHB_RECORDING_FORMAT + 1, chb_layout_id());
    assert_int_equal(chb_recording_open(bytes, size, version, &recording), -EPROTONOSUPPORT);
    assert_string_equal(version, "0.1");
    free(bytes);
}

/* Whatever is in the file, reading it ends. (The sanitizers look at how.) */
static void test_any_bytes(void **state)
{
    (void)state;
    struct life life;
    size_t size;
    static struct chb_item item;
    begin(&life, 7);
    live(&life, 400);
    end(&life);
    uint8_t *bytes = slurp(&size);
    for (unsigned i = 0; i < 300; i++) {
        char version[32];
        struct chb_recording *recording = NULL;
        size_t at = (size_t)(random_number() % size);
        uint8_t old = bytes[at];
        bytes[at] = (uint8_t)random_number();
        size_t cut = size - (size_t)(random_number() % 4096);
        if (chb_recording_open(bytes, cut, version, &recording) == 0) {
            unsigned items = 0;
            do {
                chb_recording_next(recording, &item);
                assert_true(++items < 10000);
            } while (item.kind != CHB_ITEM_KIND_MAX);
            (void)chb_recording_free(recording);
        }
        bytes[at] = old;
    }
    free(bytes);
}

static int clean(void **state)
{
    (void)state;
    (void)unlink(PATH);
    return 0;
}

/* In a folder of its own, on tmpfs as in production where there is one. */
static int enter_folder(void **state)
{
    char folder[] = "/dev/shm/recorder-XXXXXX";
    char other[] = "/tmp/recorder-XXXXXX";
    char *path = mkdtemp(folder) != NULL ? folder : mkdtemp(other);
    *state = path != NULL ? strdup(path) : NULL;
    return *state != NULL && chdir(*state) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    int r = chdir("/") == 0 && rmdir(*state) == 0 ? 0 : -1;
    free(*state);
    return r;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_short, clean),
        cmocka_unit_test_teardown(test_wrap, clean),
        cmocka_unit_test_teardown(test_restart_keeps_what_was, clean),
        cmocka_unit_test_teardown(test_strange_ring_is_replaced, clean),
        cmocka_unit_test_teardown(test_strange_file_is_replaced, clean),
        cmocka_unit_test_teardown(test_torn_tail, clean),
        cmocka_unit_test_teardown(test_damage_is_said, clean),
        cmocka_unit_test_teardown(test_other_versions_are_refused, clean),
        cmocka_unit_test_teardown(test_any_bytes, clean),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
