/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/ctl/client.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <agent/ctl/ctl.h>

#define RETRY_MS 100
#define DEPTH_MAX 16

chb_time chb_ctl_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (chb_time){.ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec};
}

/* Milliseconds until the deadline, for poll(); 0 when it has passed. */
static int left_ms(chb_time deadline)
{
    int64_t ms = chb_span_ms(chb_time_since(deadline, chb_ctl_now()));
    if (ms < 0) {
        return 0;
    }
    return ms > 3600000 ? 3600000 : (int)ms + 1;
}

static int wait_for(int fd, short events, chb_time deadline)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = events};
        if (chb_time_reached(chb_ctl_now(), deadline)) {
            return -ETIMEDOUT;
        }
        int n = poll(&poll_fd, 1, left_ms(deadline));
        if (n > 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
    }
}

static int try_connect(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        int error = -errno;
        (void)close(fd);
        return error;
    }
    return fd;
}

/* Returns a descriptor or a negative errno. Goes on trying while nothing listens or the daemon's
 * queue is full. */
static int connect_within(const char *path, chb_span limit)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    chb_time deadline = chb_time_add(chb_ctl_now(), limit);
    for (;;) {
        int fd = try_connect(&address);
        bool later = fd == -ENOENT || fd == -ECONNREFUSED || fd == -EAGAIN;
        if (fd >= 0 || !later || chb_time_reached(chb_ctl_now(), deadline)) {
            return fd == -EAGAIN ? -ETIMEDOUT : fd;
        }
        const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
}

static int send_all(int fd, const char *text, size_t size, chb_time deadline)
{
    while (size > 0) {
        ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
        if (n >= 0) {
            text += n;
            size -= (size_t)n;
            continue;
        }
        if (errno == EINTR) {
            continue;
        }
        int r = errno == EAGAIN ? wait_for(fd, POLLOUT, deadline) : -errno;
        if (r < 0) {
            return r == -EPIPE ? -ECONNRESET : r;
        }
    }
    return 0;
}

/* Reads up to the first line end. line: CHB_CTL_LINE_MAX + 1 bytes. */
static int read_line(int fd, char *line, chb_time deadline)
{
    size_t used = 0;
    for (;;) {
        ssize_t n = recv(fd, line + used, CHB_CTL_LINE_MAX - used, 0);
        if (n > 0) {
            char *end = memchr(line + used, '\n', (size_t)n);
            used += (size_t)n;
            if (end != NULL) {
                *end = '\0';
                return 0;
            }
            if (used == CHB_CTL_LINE_MAX) {
                return -EMSGSIZE;
            }
            continue;
        }
        if (n == 0) {
            return -ECONNRESET;
        }
        if (errno == EINTR) {
            continue;
        }
        int r = errno == EAGAIN ? wait_for(fd, POLLIN, deadline) : -errno;
        if (r < 0) {
            return r;
        }
    }
}

static struct json_object *make_request(const char *command, const char *vm,
                                        struct json_object *args)
{
    struct json_object *request = json_object_new_object();
    json_object_object_add(request, "command", json_object_new_string(command));
    if (vm != NULL) {
        json_object_object_add(request, "vm", json_object_new_string(vm));
    }
    if (args != NULL) {
        json_object_object_add(request, "args", json_object_get(args));
    }
    return request;
}

/* Sends the request and reads the answer's line. */
static int converse(int fd, struct json_object *request, chb_time deadline, char *line)
{
    size_t size;
    const char *text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &size);
    if (size >= CHB_CTL_LINE_MAX) {
        return -EMSGSIZE;
    }
    int r = send_all(fd, text, size, deadline);
    if (r == 0) {
        r = send_all(fd, "\n", 1, deadline);
    }
    return r < 0 ? r : read_line(fd, line, deadline);
}

/* Takes the answer apart. Returns 0 or -EPROTO. */
static int read_reply(const char *line, struct chb_reply *reply)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL) {
        return -ENOMEM;
    }
    reply->root = json_tokener_parse_ex(tokener, line, (int)strlen(line) + 1);
    json_tokener_free(tokener);
    if (!json_object_is_type(reply->root, json_type_object) ||
        !json_object_is_type(chb_ctl_member(reply->root, "ok"), json_type_boolean)) {
        return -EPROTO;
    }
    reply->ok = chb_ctl_bool(reply->root, "ok", false);
    reply->result = chb_ctl_member(reply->root, "result");
    if (!reply->ok) {
        struct json_object *error = chb_ctl_member(reply->root, "error");
        reply->code = chb_ctl_text(error, "code", "internal");
        reply->reason = chb_ctl_text(error, "reason", "");
        (void)snprintf(
            reply->text, sizeof(reply->text), "%s",
            chb_ctl_text(error, "text", "colo-hbd says no without a reason: see its log"));
    }
    return 0;
}

/* The daemon did not answer: why, and what to do. */
static void explain_error(struct chb_reply *reply, const char *path)
{
    const char *text = "unexpected error: see journalctl -u colo-hbd";
    reply->code = "unreachable";
    switch (-reply->error) {
    case ENOENT:
    case ECONNREFUSED:
        text = "colo-hbd does not run: systemctl start colo-hbd";
        break;
    case EACCES:
    case EPERM:
        text = "not allowed: become root, or a member of the group haclient";
        break;
    case ETIMEDOUT:
        text = "colo-hbd did not answer in time; what was asked for may still happen: see coloctl "
               "status and journalctl -u colo-hbd";
        break;
    case ECONNRESET:
        text = "colo-hbd went away before it answered; what was asked for may still happen: see "
               "coloctl status and journalctl -u colo-hbd";
        break;
    case EPROTO:
    case EMSGSIZE:
        text = "what answers is no colo-hbd of this version: restart it after an upgrade "
               "(systemctl restart colo-hbd), guests run on";
        break;
    default:
        break;
    }
    (void)snprintf(reply->text, sizeof(reply->text), "%s: %s (%s)", path, text,
                   strerror(-reply->error));
}

void chb_ctl_ask(const char *socket_path, const char *command, const char *vm,
                 struct json_object *args, chb_span connect_limit, chb_span answer_limit,
                 struct chb_reply *ret_reply)
{
    *ret_reply = (struct chb_reply){.code = "", .reason = ""};
    char *line = malloc(CHB_CTL_LINE_MAX + 1);
    struct json_object *request = make_request(command, vm, args);
    int r = line == NULL || request == NULL ? -ENOMEM : 0;
    int fd = -1;
    if (r == 0) {
        fd = connect_within(socket_path, connect_limit);
        r = fd < 0 ? fd : 0;
    }
    if (r == 0) {
        r = converse(fd, request, chb_time_add(chb_ctl_now(), answer_limit), line);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (r == 0) {
        r = read_reply(line, ret_reply);
    }
    json_object_put(request);
    free(line);
    if (r < 0) {
        ret_reply->error = r;
        explain_error(ret_reply, socket_path);
    }
}

void chb_reply_clear(struct chb_reply *reply)
{
    json_object_put(reply->root);
    *reply = (struct chb_reply){.code = "", .reason = ""};
}

int chb_reply_exit(const struct chb_reply *reply)
{
    static const struct {
        const char *code;
        int exit_code;
    } codes[] = {
        {"no-such-vm", CHB_CTL_NO_SUCH_VM}, {"refused", CHB_CTL_REFUSED},
        {"invalid", CHB_CTL_INVALID},       {"busy", CHB_CTL_NOT_NOW},
        {"not-ready", CHB_CTL_NOT_NOW},     {"timeout", CHB_CTL_TIMEOUT},
    };
    if (reply->error == -ETIMEDOUT) {
        return CHB_CTL_TIMEOUT;
    }
    if (reply->error != 0) {
        return CHB_CTL_NO_DAEMON;
    }
    if (reply->ok) {
        return CHB_CTL_OK;
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(reply->code, codes[i].code) == 0) {
            return codes[i].exit_code;
        }
    }
    return CHB_CTL_FAILED;
}

void chb_reply_complain(const struct chb_reply *reply, const char *vm)
{
    (void)fprintf(stderr, "coloctl: %s%s%s\n", vm == NULL ? "" : vm, vm == NULL ? "" : ": ",
                  reply->text);
}
