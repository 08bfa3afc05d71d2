/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same library with two real QEMUs on this machine: command line, capabilities, pings, prepare,
 * join, going solo on both sides, and a join of what was a secondary. No guest kernel: the firmware
 * is guest enough.
 *
 * Needs root (taps), /dev/net/tun, qemu-system-x86_64 and qemu-img; else it is skipped (status 77).
 * Under TCG QEMU 7.2 needs the shim of tests/lab, named by CHB_TCG_SHIM (see tests/lab/shim). With
 * CHB_FAKE_QEMU, the path of fake-qemu, two of those live the same life, and nothing else is
 * needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <agent/qemu/cmdline.h>
#include <qmp/sequence.h>
#include <qmp/survey.h>

#define MEMORY_MB 128
#define DISK_SIZE "64M"

struct replica {
    const char *vm; /* name: another one on each side, for both are on one host */
    char run_dir[64];
    char image[96];
    char tap[IFNAMSIZ];
    char mac[18];
    struct chb_vm_spec spec;
    pid_t pid;
    bool was_secondary;
    struct chb_qmp_client *client;
    struct chb_qmp_caps caps;
    struct chb_seq *seq;
    struct chb_seq_result result;
    struct chb_qmp_survey survey;
    struct chb_qmp_pong pong;
    bool done; /* whatever was asked */
    bool closed;
};

static const char *fake; /* path of fake-qemu, or NULL */
static sd_event *event;
static char dir[] = "/tmp/chb-real-XXXXXX";
static struct replica sides[2] = {{.vm = "chb-test-a"}, {.vm = "chb-test-b"}};
static struct chb_cmdline cmdline;

static void wait_for(const bool *done, unsigned ms)
{
    struct timespec start;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        assert_true(sd_event_run(event, 10000) >= 0);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        assert_true((now.tv_sec - start.tv_sec) * 1000 < (long)ms);
    } while (!*done);
}

static int run_tool(const char *const *words)
{
    const pid_t pid = fork();
    int status = -1;
    if (pid == 0) {
        (void)execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int create_image(const char *path)
{
    if (fake != NULL) {
        return 0;
    }
    const char *const words[] = {"qemu-img", "create", "-q", "-f", "qcow2", path, DISK_SIZE, NULL};
    return run_tool(words);
}

/* A persistent tap that is up and in no bridge. */
static int make_tap(const char *name, bool persist)
{
    if (fake != NULL) {
        return 0;
    }
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETPERSIST, persist) < 0) {
        return -errno;
    }
    (void)close(fd);
    if (persist) {
        const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        request.ifr_flags = IFF_UP;
        const int r = ioctl(control, SIOCSIFFLAGS, &request);
        (void)close(control);
        return r < 0 ? -errno : 0;
    }
    return 0;
}

static void on_caps(void *userdata, enum chb_outcome outcome, const struct chb_qmp_caps *caps,
                    const char *error_text)
{
    struct replica *side = userdata;
    char reason[160];
    (void)error_text;
    assert_int_equal(outcome, CHB_OUTCOME_DONE);
    side->caps = *caps;
    const int r = chb_qmp_caps_check(caps, reason, sizeof(reason));
    assert_string_equal(reason, "");
    assert_int_equal(r, 0);
    side->done = true;
}

static void on_ready(void *userdata, const struct chb_qmp_version *version)
{
    struct replica *side = userdata;
    print_message("%s: QEMU %u.%u.%u%s\n", side->vm, version->major, version->minor, version->micro,
                  version->package);
    assert_int_equal(chb_qmp_caps_probe(side->client, chb_ms(10000), on_caps, side), 0);
}

static void on_closed(void *userdata, int error)
{
    struct replica *side = userdata;
    (void)error;
    side->closed = true;
}

static const struct chb_qmp_client_callbacks client_callbacks = {
    .on_ready = on_ready,
    .on_closed = on_closed,
};

static void start(struct replica *side, enum chb_vm_role role)
{
    char reason[256];
    char path[CHB_QEMU_PATH_SIZE];
    char oob_path[CHB_QEMU_PATH_SIZE];

    side->spec.role = role;
    side->was_secondary = role == CHB_VM_SECONDARY;
    if (role == CHB_VM_SECONDARY) {
        assert_int_equal(chb_qemu_path(&side->spec, CHB_QEMU_PATH_ACTIVE, 0, path), 0);
        assert_int_equal(create_image(path), 0);
        assert_int_equal(chb_qemu_path(&side->spec, CHB_QEMU_PATH_HIDDEN, 0, path), 0);
        assert_int_equal(create_image(path), 0);
    }
    const int r = chb_cmdline_build(&side->spec, &cmdline, reason, sizeof(reason));
    assert_string_equal(reason, "");
    assert_int_equal(r, 0);
    side->pid = fork();
    if (side->pid == 0) {
        if (getenv("CHB_TCG_SHIM") != NULL) {
            (void)setenv("LD_PRELOAD", getenv("CHB_TCG_SHIM"), 1);
        }
        (void)execvp(cmdline.words[0], cmdline.words);
        _exit(127);
    }
    assert_int_equal(chb_qemu_path(&side->spec, CHB_QEMU_PATH_MONITOR, 0, path), 0);
    assert_int_equal(chb_qemu_path(&side->spec, CHB_QEMU_PATH_MONITOR_OOB, 0, oob_path), 0);
    side->done = false;
    side->closed = false;
    assert_int_equal(chb_qmp_client_open(event, path, oob_path, 0, chb_ms(20000), &client_callbacks,
                                         side, &side->client),
                     0);
    wait_for(&side->done, 20000);
}

static void kill_side(struct replica *side)
{
    if (side->pid > 0) {
        (void)kill(side->pid, SIGKILL);
        (void)waitpid(side->pid, NULL, 0);
    }
    side->pid = 0;
    side->client = chb_qmp_client_free(side->client);
}

static void on_milestone(void *userdata, enum chb_seq_milestone milestone, chb_time at)
{
    const struct replica *side = userdata;
    (void)at;
    print_message("  %s: %s\n", side->vm, chb_seq_milestone_name(milestone));
}

static void on_done(void *userdata, const struct chb_seq_result *result)
{
    struct replica *side = userdata;
    print_message("  %s: %.1f ms, %zu steps, outcome %d %s %s\n", side->vm,
                  (double)chb_time_since(result->finished_at, result->started_at).ns / 1e6,
                  result->n_steps, (int)result->outcome, result->step, result->text);
    side->result = *result;
    side->done = true;
    side->seq = chb_seq_free(side->seq);
}

static const struct chb_seq_callbacks seq_callbacks = {
    .on_milestone = on_milestone,
    .on_done = on_done,
};

static void run(struct replica *side, const struct chb_seq_table *table, const struct replica *peer,
                bool peer_reachable)
{
    struct chb_seq_params params = {
        .n_disks = 1,
        .n_nics = 1,
        .vnet_hdr = {true},
        .was_secondary = side->was_secondary,
        .peer_reachable = peer_reachable,
        .memory_mb = MEMORY_MB,
    };
    print_message("%s on %s\n", chb_seq_table_name(table), side->vm);
    (void)snprintf(params.listen_address, sizeof(params.listen_address), "%s",
                   side->spec.listen_address);
    if (peer != NULL) {
        (void)snprintf(params.peer_address, sizeof(params.peer_address), "%s",
                       peer->spec.listen_address);
        params.ports = peer->result.ports;
    }
    (void)snprintf(params.socket_prefix, sizeof(params.socket_prefix), "%s/", side->run_dir);
    side->done = false;
    assert_int_equal(
        chb_seq_start(side->client, table, &params, &side->caps, &seq_callbacks, side, &side->seq),
        0);
    wait_for(&side->done, 60000);
    assert_string_equal(side->result.text, "");
    assert_int_equal(side->result.outcome, CHB_OUTCOME_DONE);
}

static void on_survey(void *userdata, enum chb_outcome outcome, const struct chb_qmp_survey *survey,
                      const char *error_text)
{
    struct replica *side = userdata;
    assert_string_equal(error_text, "");
    assert_int_equal(outcome, CHB_OUTCOME_DONE);
    side->survey = *survey;
    side->done = true;
}

static const struct chb_qmp_survey *survey(struct replica *side)
{
    side->done = false;
    assert_int_equal(chb_qmp_survey(side->client, chb_ms(10000), on_survey, side), 0);
    wait_for(&side->done, 10000);
    return &side->survey;
}

static void on_pong(void *userdata, const struct chb_qmp_pong *pong)
{
    struct replica *side = userdata;
    side->pong = *pong;
    side->done = true;
}

static void ping_both(struct replica *side)
{
    for (int i = 0; i < CHB_QMP_MONITOR_MAX; i++) {
        side->done = false;
        assert_int_equal(
            chb_qmp_ping(side->client, (enum chb_qmp_monitor)i, chb_ms(5000), on_pong, side), 0);
        wait_for(&side->done, 6000);
        assert_int_equal(side->pong.outcome, CHB_OUTCOME_DONE);
    }
}

/* @primary runs alone; @secondary is started and joined. */
static void pair(struct replica *primary, struct replica *secondary)
{
    start(secondary, CHB_VM_SECONDARY);
    run(secondary, &chb_seq_secondary_prepare, NULL, false);
    run(primary, &chb_seq_join, secondary, true);
    ping_both(primary);
    ping_both(secondary);
    assert_int_equal(survey(primary)->colo_mode, CHB_COLO_MODE_PRIMARY);
    assert_true(primary->survey.nbd_child);
    assert_int_equal(survey(secondary)->colo_mode, CHB_COLO_MODE_SECONDARY);
    assert_true(secondary->survey.overlays);
}

static void check_alone(struct replica *side)
{
    assert_int_equal(survey(side)->colo_mode, CHB_COLO_MODE_NONE);
    assert_int_equal(side->survey.run_state, CHB_RUN_STATE_RUNNING);
    assert_false(side->survey.nbd_child);
}

static void test_life_of_a_pair(void **state)
{
    (void)state;
    struct replica *a = &sides[0];
    struct replica *b = &sides[1];

    a->spec.paused = true;
    start(a, CHB_VM_PRIMARY);
    assert_int_equal(survey(a)->run_state, CHB_RUN_STATE_PRELAUNCH);
    run(a, &chb_seq_start_primary, NULL, true);
    ping_both(a);
    run(a, &chb_seq_join_abort, NULL, true); /* with nothing to undo */
    check_alone(a);

    pair(a, b);
    kill_side(b);
    run(a, &chb_seq_solo_primary, b, true);
    check_alone(a);

    pair(a, b);
    kill_side(a);
    run(b, &chb_seq_solo_secondary, a, true);
    check_alone(b);
    for (int i = 0; i < 500 && survey(b)->overlays; i++) {
        (void)usleep(10000);
    }
    assert_false(b->survey.overlays); /* merged by QEMU itself */

    pair(b, a);
    (void)kill(a->pid, SIGSTOP);
    run(b, &chb_seq_solo_primary, a, false);
    check_alone(b);
    kill_side(a);

    pair(b, a);
    (void)kill(b->pid, SIGSTOP);
    run(a, &chb_seq_solo_secondary, b, false);
    check_alone(a);
    kill_side(b);

    start(b, CHB_VM_SECONDARY);
    run(b, &chb_seq_secondary_prepare, NULL, false);
    run(b, &chb_seq_secondary_unprepare, NULL, false);
    assert_int_equal(kill(a->pid, SIGTERM), 0); /* it ends in order */
    assert_int_equal(waitpid(a->pid, NULL, 0), a->pid);
    a->pid = 0;
    wait_for(&a->closed, 5000);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL || sd_event_new(&event) < 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        struct replica *side = &sides[i];
        (void)snprintf(side->run_dir, sizeof(side->run_dir), "%s/%d", dir, i);
        (void)snprintf(side->image, sizeof(side->image), "%s/%d.qcow2", dir, i);
        chb_qemu_tap_name(side->vm, 0, side->tap);
        chb_qemu_default_mac("chb-test", 0, side->mac);
        if (mkdir(side->run_dir, 0700) < 0 || create_image(side->image) != 0 ||
            make_tap(side->tap, true) < 0) {
            return -1;
        }
        side->spec = (struct chb_vm_spec){
            .name = side->vm,
            .binary = fake,
            .memory_mb = MEMORY_MB,
            .cpus = 1,
            .accel = "tcg",
            .n_disks = 1,
            .disks = {{.path = side->image}},
            .n_nics = 1,
            .nics = {{.mac = side->mac, .tap = side->tap}},
            .run_dir = side->run_dir,
            .overlay_dir = dir,
            .listen_address = i == 0 ? "127.0.0.1" : "::1",
        };
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        sides[i].seq = chb_seq_free(sides[i].seq);
        kill_side(&sides[i]);
        (void)make_tap(sides[i].tap, false);
    }
    event = sd_event_unref(event);
    const char *const words[] = {"rm", "-rf", dir, NULL};
    return run_tool(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life_of_a_pair, set_up, tear_down),
    };
    const char *const qemu[] = {"sh", "-c", "qemu-system-x86_64 --version >/dev/null", NULL};
    const char *const qemu_img[] = {"sh", "-c", "qemu-img --version >/dev/null", NULL};
    fake = getenv("CHB_FAKE_QEMU");
    if (fake == NULL && (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK) < 0 ||
                         run_tool(qemu) != 0 || run_tool(qemu_img) != 0)) {
        (void)puts("skipped: needs root, /dev/net/tun, qemu-system-x86_64 and qemu-img");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
