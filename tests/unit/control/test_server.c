/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <agent/control/server.h>

static char folder[32];
static char path[64];
static sd_event *event;
static struct chb_control_server *server;
static uint64_t waiting; /* client whose reply is kept back */
static uint64_t gone;

static void on_request(void *userdata, uint64_t client, const struct chb_control_request *request)
{
    assert_ptr_equal(userdata, &waiting);
    if (strcmp(request->command, "later") == 0) {
        waiting = client;
        return;
    }
    if (strcmp(request->command, "big") == 0) {
        char *text = malloc(900001);
        memset(text, 'x', 900000);
        text[900000] = '\0';
        chb_control_reply(server, client, chb_control_ok(json_object_new_string(text)));
        free(text);
        return;
    }
    chb_control_reply(server, client, chb_control_ok(json_object_new_string(request->command)));
}

static void on_gone(void *userdata, uint64_t client)
{
    assert_ptr_equal(userdata, &waiting);
    gone = client;
}

static int set_up(void **state)
{
    (void)state;
    waiting = 0;
    gone = 0;
    (void)strcpy(folder, "/tmp/chb-control-XXXXXX");
    if (mkdtemp(folder) == NULL || sd_event_new(&event) < 0) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/socket", folder);
    struct chb_control_config config = {.path = path, .group = "haclient"};
    return chb_control_server_new(event, &config, on_request, on_gone, &waiting, &server);
}

static int tear_down(void **state)
{
    (void)state;
    server = chb_control_server_free(server);
    event = sd_event_unref(event);
    return rmdir(folder);
}

static void turn(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        assert_true(sd_event_run(event, 5000) >= 0);
    }
}

static int connect_client(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    turn(1);
    return fd;
}

/* Everything until the server closes. */
static size_t read_all(int fd, char *text, size_t size)
{
    size_t used = 0;
    for (;;) {
        turn(1);
        ssize_t n = recv(fd, text + used, size - 1 - used, MSG_DONTWAIT);
        if (n == 0) {
            break;
        }
        used += n > 0 ? (size_t)n : 0;
    }
    text[used] = '\0';
    (void)close(fd);
    return used;
}

static void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

static void one_request(void **state)
{
    (void)state;
    char text[256];
    int fd = connect_client();
    put(fd, "{\"command\":\"hello\"}\n");
    (void)read_all(fd, text, sizeof(text));
    assert_string_equal(text, "{\"ok\":true,\"result\":\"hello\"}\n");
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07, 0);
}

static void byte_by_byte(void **state)
{
    (void)state;
    static const char line[] = "{\"command\":\"slow\"}\r\n";
    char text[256];
    int fd = connect_client();
    for (size_t i = 0; i + 1 < sizeof(line); i++) {
        assert_int_equal(send(fd, line + i, 1, 0), 1);
        turn(1);
    }
    (void)read_all(fd, text, sizeof(text));
    assert_string_equal(text, "{\"ok\":true,\"result\":\"slow\"}\n");
}

static void bad_json_is_answered(void **state)
{
    (void)state;
    char text[256];
    int fd = connect_client();
    put(fd, "hello\n");
    (void)read_all(fd, text, sizeof(text));
    assert_non_null(strstr(text, "\"code\":\"invalid\""));
}

static void too_long_is_refused(void **state)
{
    (void)state;
    char text[256];
    static char chunk[4096];
    memset(chunk, 'x', sizeof(chunk));
    int fd = connect_client();
    for (unsigned i = 0; i < 70; i++) {
        if (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) < 0) {
            break;
        }
        turn(2);
    }
    /* what was not read makes the close a reset: whatever is left of the answer says why */
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    assert_true(n != -1 || errno != EAGAIN);
    if (n > 0) {
        text[n] = '\0';
        assert_non_null(strstr(text, "too long"));
    }
    (void)close(fd);
}

static void reply_later(void **state)
{
    (void)state;
    char text[256];
    int fd = connect_client();
    put(fd, "{\"command\":\"later\"}\n");
    turn(3);
    assert_int_not_equal(waiting, 0);
    chb_control_reply(server, waiting, chb_control_ok(NULL));
    (void)read_all(fd, text, sizeof(text));
    assert_string_equal(text, "{\"ok\":true,\"result\":{}}\n");
    chb_control_reply(server, waiting, chb_control_ok(NULL)); /* twice: nobody there any more */
}

static void the_client_leaves(void **state)
{
    (void)state;
    int fd = connect_client();
    put(fd, "{\"command\":\"later\"}\n");
    turn(3);
    (void)close(fd);
    turn(3);
    assert_int_equal(gone, waiting);
    chb_control_reply(server, waiting, chb_control_ok(NULL));
}

static void a_big_reply_to_a_slow_reader(void **state)
{
    (void)state;
    int fd = connect_client();
    put(fd, "{\"command\":\"big\"}\n");
    turn(5);
    char *text = malloc(1000000);
    assert_int_equal(read_all(fd, text, 1000000), 900000 + 24);
    free(text);
}

static void clients_are_bounded(void **state)
{
    (void)state;
    int fds[CHB_CONTROL_CLIENTS_MAX + 1];
    for (unsigned i = 0; i <= CHB_CONTROL_CLIENTS_MAX; i++) {
        fds[i] = connect_client();
    }
    turn(2);
    char byte;
    assert_int_equal(recv(fds[CHB_CONTROL_CLIENTS_MAX], &byte, 1, MSG_DONTWAIT), 0);
    assert_int_equal(recv(fds[0], &byte, 1, MSG_DONTWAIT), -1);
    for (unsigned i = 0; i <= CHB_CONTROL_CLIENTS_MAX; i++) {
        (void)close(fds[i]);
    }
    turn(CHB_CONTROL_CLIENTS_MAX + 2);
    int fd = connect_client();
    char text[256];
    put(fd, "{\"command\":\"hello\"}\n");
    (void)read_all(fd, text, sizeof(text));
    assert_non_null(strstr(text, "hello"));
}

static void a_second_daemon_is_refused(void **state)
{
    (void)state;
    struct chb_control_server *second = NULL;
    struct chb_control_config config = {.path = path};
    assert_int_equal(chb_control_server_new(event, &config, on_request, NULL, NULL, &second),
                     -EADDRINUSE);
    assert_int_equal(access(path, F_OK), 0);
}

/* Somebody who is neither root nor in the group is not heard. */
static void strangers_are_turned_away(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(path, 0666), 0);
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(65534) < 0 || setuid(65534) < 0) {
            _exit(1);
        }
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
            _exit(2);
        }
        char byte;
        _exit(recv(fd, &byte, 1, 0) == 0 ? 0 : 3);
    }
    int status = -1;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        turn(1);
    }
    assert_int_equal(status, 0);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_json_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_long_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reply_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_client_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_big_reply_to_a_slow_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clients_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_daemon_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strangers_are_turned_away, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
