/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <agent/process/child.h>

static char folder[32];
static char log_path[64];
static sd_event *event;
static struct chb_child *child;
static struct chb_child_exit last;
static unsigned n_exits;

static void on_exit_seen(void *userdata, const struct chb_child_exit *exit)
{
    assert_ptr_equal(userdata, &last);
    last = *exit;
    n_exits++;
}

static int set_up(void **state)
{
    (void)state;
    n_exits = 0;
    child = NULL;
    (void)strcpy(folder, "/tmp/chb-child-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(log_path, sizeof(log_path), "%s/log", folder);
    return sd_event_new(&event) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    child = chb_child_free(child);
    event = sd_event_unref(event);
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static int spawn(const char *program, const char *arg1, const char *arg2)
{
    char words[3][256];
    char *argv[] = {words[0], words[1], arg2 != NULL ? words[2] : NULL, NULL};
    (void)snprintf(words[0], sizeof(words[0]), "%s", program);
    (void)snprintf(words[1], sizeof(words[1]), "%s", arg1);
    (void)snprintf(words[2], sizeof(words[2]), "%s", arg2 != NULL ? arg2 : "");
    struct chb_child_spec spec = {.argv = argv, .log_path = log_path, .oom_score_adj = 0};
    return chb_child_spawn(event, &spec, 0, on_exit_seen, &last, &child);
}

static void run_until_exit(void)
{
    for (unsigned turn = 0; turn < 200 && n_exits == 0; turn++) {
        assert_true(sd_event_run(event, 50000) >= 0);
    }
    assert_int_equal(n_exits, 1);
}

static void death_is_seen(void **state)
{
    (void)state;
    assert_int_equal(spawn("sleep", "100", NULL), 0);
    assert_int_equal(getsid(chb_child_id(child)->pid), chb_child_id(child)->pid);
    assert_int_equal(chb_child_signal(child, SIGKILL), 0);
    run_until_exit();
    assert_true(last.known);
    assert_int_equal(last.code, CLD_KILLED);
    assert_int_equal(last.status, SIGKILL);
    assert_int_equal(chb_child_signal(child, SIGKILL), -ESRCH);
}

static void freeze_and_thaw(void **state)
{
    (void)state;
    assert_int_equal(spawn("sleep", "100", NULL), 0);
    assert_int_equal(chb_child_is_stopped(child), 0);
    assert_int_equal(chb_child_signal(child, SIGSTOP), 0);
    for (unsigned i = 0; i < 100 && chb_child_is_stopped(child) == 0; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(chb_child_is_stopped(child), 1);
    assert_int_equal(chb_child_signal(child, SIGCONT), 0);
    for (unsigned i = 0; i < 100 && chb_child_is_stopped(child) == 1; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(chb_child_is_stopped(child), 0);
    /* a stopped process dies of SIGKILL all the same */
    assert_int_equal(chb_child_signal(child, SIGSTOP), 0);
    assert_int_equal(chb_child_signal(child, SIGKILL), 0);
    run_until_exit();
}

static void missing_program(void **state)
{
    (void)state;
    assert_int_equal(spawn("/nonexistent/qemu", "x", NULL), -ENOENT);
    assert_null(child);
}

static void last_words_are_kept(void **state)
{
    (void)state;
    assert_int_equal(spawn("sh", "-c", "echo one; echo 'qemu: no\033such disk' >&2; exit 3"), 0);
    run_until_exit();
    assert_int_equal(last.code, CLD_EXITED);
    assert_int_equal(last.status, 3);
    char text[64];
    assert_string_equal(chb_log_tail(log_path, text, sizeof(text)), "one qemu: no?such disk");
    char small[6];
    assert_string_equal(chb_log_tail(log_path, small, sizeof(small)), " disk");
    assert_string_equal(chb_log_tail("/nonexistent/log", text, sizeof(text)), "");
}

static void the_log_before_is_kept_and_bounded(void **state)
{
    (void)state;
    assert_int_equal(spawn("sh", "-c", "echo first"), 0);
    run_until_exit();
    child = chb_child_free(child);
    n_exits = 0;
    assert_int_equal(spawn("sh", "-c", "echo second"), 0);
    run_until_exit();
    char text[64];
    char old[80];
    (void)snprintf(old, sizeof(old), "%s.old", log_path);
    assert_string_equal(chb_log_tail(log_path, text, sizeof(text)), "second");
    assert_string_equal(chb_log_tail(old, text, sizeof(text)), "first");
    chb_log_bound(log_path, 1000);
    assert_string_equal(chb_log_tail(log_path, text, sizeof(text)), "second");
    chb_log_bound(log_path, 3);
    assert_string_equal(chb_log_tail(log_path, text, sizeof(text)), "");
}

/* A daemon that was started again is not the parent any more. */
static void adoption(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t middle = fork();
    if (middle == 0) {
        pid_t orphan = fork();
        if (orphan == 0) {
            (void)close(fds[0]);
            (void)close(fds[1]);
            (void)execlp("sleep", "sleep", "100", (char *)NULL);
            _exit(1);
        }
        _exit(write(fds[1], &orphan, sizeof(orphan)) == (ssize_t)sizeof(orphan) ? 0 : 1);
    }
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    pid_t orphan;
    assert_int_equal(read(fds[0], &orphan, sizeof(orphan)), sizeof(orphan));
    (void)close(fds[0]);
    (void)close(fds[1]);

    struct chb_process_id id;
    assert_int_equal(chb_process_id_read(orphan, &id), 0);
    struct chb_process_id other = id;
    other.start_time++;
    assert_int_equal(chb_child_adopt(event, &other, 0, on_exit_seen, &last, &child), -ESRCH);
    other = id;
    other.boot_id[0] = other.boot_id[0] == '0' ? '1' : '0';
    assert_int_equal(chb_child_adopt(event, &other, 0, on_exit_seen, &last, &child), -ESRCH);
    assert_int_equal(chb_child_adopt(event, &id, 0, on_exit_seen, &last, &child), 0);
    assert_int_equal(chb_child_signal(child, SIGKILL), 0);
    run_until_exit();
    assert_false(last.known);
    child = chb_child_free(child);
    for (unsigned i = 0; i < 100; i++) {
        int r = chb_child_adopt(event, &id, 0, on_exit_seen, &last, &child);
        if (r == -ESRCH) {
            return; /* nobody has waited for it in the meantime, or somebody has */
        }
        child = chb_child_free(child);
        (void)usleep(10000);
    }
    /* a zombie that nobody waits for is still held, and its death is seen at once */
    assert_int_equal(chb_child_adopt(event, &id, 0, on_exit_seen, &last, &child), 0);
    n_exits = 0;
    run_until_exit();
}

/* Freeing lets the process run on (R9). */
static void letting_go(void **state)
{
    (void)state;
    assert_int_equal(spawn("sleep", "100", NULL), 0);
    pid_t pid = chb_child_id(child)->pid;
    child = chb_child_free(child);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* No descriptor of ours survives in the process. */
static void descriptors_are_closed(void **state)
{
    (void)state;
    assert_int_equal(dup2(0, 77), 77);
    assert_int_equal(spawn("sh", "-c", "ls /proc/self/fd | tr '\\n' ' '"), 0);
    run_until_exit();
    char text[64];
    (void)chb_log_tail(log_path, text, sizeof(text));
    assert_string_equal(text, "0 1 2 3");
    (void)close(77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(death_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freeze_and_thaw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(last_words_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_log_before_is_kept_and_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(adoption, set_up, tear_down),
        cmocka_unit_test_setup_teardown(letting_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(descriptors_are_closed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
