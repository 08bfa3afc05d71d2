/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_qemu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 65536
#define LOG_MAX_BYTES 262144

struct monitor {
    struct fake_qemu *fake;
    const char *name;
    char path[108];
    int listener;
    sd_event_source *listen_io;
    int fd;
    sd_event_source *io;
    char in[LINE_MAX_BYTES];
    size_t in_used;
    char *out;
    size_t out_used;
    int received_fd;
};

struct trick {
    char command[64];
    unsigned nth;
    unsigned seen;
    enum fake_trick trick;
    char text[128];
    unsigned delay_ms;
};

/* Something that happens a little later: a callback of the model, or an answer. */
struct later {
    struct later *next;
    struct fake_qemu *fake;
    sd_event_source *timer;
    fake_later_fn *fn;
    struct monitor *monitor;
    char *text;
};

struct fake_qemu {
    sd_event *event;
    struct monitor monitors[2];
    struct fake_model model;
    unsigned version[3];
    bool oob;
    bool greeting;
    bool hung;
    struct trick tricks[FAKE_TRICKS_MAX];
    size_t n_tricks;
    struct later *laters;
    size_t log_used;
    size_t log_last; /* where its last line begins */
    char log[LOG_MAX_BYTES];
};

static void hang_up(struct monitor *monitor)
{
    monitor->io = sd_event_source_disable_unref(monitor->io);
    if (monitor->fd >= 0) {
        (void)close(monitor->fd);
        monitor->fd = -1;
    }
    free(monitor->out);
    monitor->out = NULL;
    monitor->out_used = 0;
    monitor->in_used = 0;
}

void fake_qemu_close(struct fake_qemu *fake)
{
    hang_up(&fake->monitors[0]);
    hang_up(&fake->monitors[1]);
}

static void flush(struct monitor *monitor)
{
    while (monitor->out_used > 0) {
        const ssize_t sent =
            send(monitor->fd, monitor->out, monitor->out_used, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0) {
            break;
        }
        memmove(monitor->out, monitor->out + sent, monitor->out_used - (size_t)sent);
        monitor->out_used -= (size_t)sent;
    }
    (void)sd_event_source_set_io_events(monitor->io,
                                        monitor->out_used > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void say(struct monitor *monitor, const char *text, size_t length)
{
    if (monitor->fd < 0) {
        return;
    }
    monitor->out = realloc(monitor->out, monitor->out_used + length);
    memcpy(monitor->out + monitor->out_used, text, length);
    monitor->out_used += length;
    flush(monitor);
}

static void say_json(struct monitor *monitor, struct json_object *message)
{
    char *line = NULL;
    const int length =
        asprintf(&line, "%s\r\n", json_object_to_json_string_ext(message, JSON_C_TO_STRING_SPACED));
    say(monitor, line, (size_t)length);
    free(line);
}

static void forget_later(struct later *later)
{
    struct later **at = &later->fake->laters;
    while (*at != later) {
        at = &(*at)->next;
    }
    *at = later->next;
    (void)sd_event_source_disable_unref(later->timer);
    free(later->text);
    free(later);
}

static int on_later(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct later *later = userdata;
    struct fake_qemu *fake = later->fake;
    fake_later_fn *fn = later->fn;
    if (later->text != NULL) {
        say(later->monitor, later->text, strlen(later->text));
    }
    forget_later(later);
    if (fn != NULL) {
        fn(fake);
    }
    return 0;
}

static void add_later(struct fake_qemu *fake, unsigned delay_ms, fake_later_fn *fn,
                      struct monitor *monitor, char *text)
{
    struct later *later = calloc(1, sizeof(*later));
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    const uint64_t at =
        (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 + (uint64_t)delay_ms * 1000;
    *later = (struct later){
        .next = fake->laters, .fake = fake, .fn = fn, .monitor = monitor, .text = text};
    fake->laters = later;
    (void)sd_event_add_time(fake->event, &later->timer, CLOCK_BOOTTIME, at, 1000, on_later, later);
}

void fake_qemu_later(struct fake_qemu *fake, unsigned delay_ms, fake_later_fn *fn)
{
    add_later(fake, delay_ms, fn, NULL, NULL);
}

sd_event *fake_qemu_event(struct fake_qemu *fake)
{
    return fake->event;
}

void fake_qemu_emit(struct fake_qemu *fake, const char *name, const char *data)
{
    struct json_object *event = json_object_new_object();
    struct json_object *timestamp = json_object_new_object();

    json_object_object_add(timestamp, "seconds", json_object_new_int(1));
    json_object_object_add(timestamp, "microseconds", json_object_new_int(2));
    json_object_object_add(event, "timestamp", timestamp);
    json_object_object_add(event, "event", json_object_new_string(name));
    if (data != NULL) {
        json_object_object_add(event, "data", json_tokener_parse(data));
    }
    say_json(&fake->monitors[0], event);
    say_json(&fake->monitors[1], event);
    json_object_put(event);
}

const char *fake_qemu_log(const struct fake_qemu *fake)
{
    return fake->log;
}

void fake_qemu_clear_log(struct fake_qemu *fake)
{
    fake->log_used = 0;
    fake->log_last = 0;
    fake->log[0] = '\0';
}

static void note(struct fake_qemu *fake, const char *monitor, const char *command,
                 struct json_object *arguments)
{
    char line[4096];
    const int length =
        snprintf(line, sizeof(line), "%s %s%s%s\n", monitor, command, arguments != NULL ? " " : "",
                 arguments != NULL
                     ? json_object_to_json_string_ext(arguments, JSON_C_TO_STRING_PLAIN |
                                                                     JSON_C_TO_STRING_NOSLASHESCAPE)
                     : "");
    if (strcmp(fake->log + fake->log_last, line) == 0 ||
        fake->log_used + (size_t)length >= sizeof(fake->log)) {
        return;
    }
    fake->log_last = fake->log_used;
    memcpy(fake->log + fake->log_used, line, (size_t)length + 1);
    fake->log_used += (size_t)length;
}

static struct trick *find_trick(struct fake_qemu *fake, const char *command)
{
    struct trick *found = NULL;
    for (size_t i = 0; i < fake->n_tricks; i++) {
        struct trick *trick = &fake->tricks[i];
        if (strcmp(trick->command, command) == 0 &&
            (++trick->seen == trick->nth || trick->nth == 0)) {
            found = trick;
        }
    }
    return found;
}

/* A line that is too long, or too deep, for anybody. */
static void say_monstrous(struct monitor *monitor, size_t size, char open, char close)
{
    char *line = malloc(size);
    memset(line, open, size / 2);
    memset(line + size / 2, close, size - size / 2);
    line[size - 1] = '\n';
    say(monitor, line, size);
    free(line);
}

/* Does what cannot be undone by answering. Returns true if the command is over with that. */
static bool play(struct monitor *monitor, const struct trick *trick)
{
    switch (trick->trick) {
    case FAKE_CLOSE:
        fake_qemu_close(monitor->fake);
        return true;
    case FAKE_GARBAGE:
        say(monitor, "{nonsense\r\n", 11);
        return true;
    case FAKE_OVERSIZE:
        say_monstrous(monitor, (size_t)5 * 1024 * 1024, 'x', 'x');
        return true;
    case FAKE_DEEP:
        say_monstrous(monitor, 2001, '[', ']');
        return true;
    case FAKE_HANG:
        monitor->fake->hung = true;
        return true;
    case FAKE_EVENT_FIRST:
        fake_qemu_emit(monitor->fake, trick->text, NULL);
        return false;
    case FAKE_NO_TRICK:
    case FAKE_ERROR:
    case FAKE_SILENT:
    case FAKE_LATE:
        break;
    }
    return false;
}

static void on_command(struct monitor *monitor, const char *command, struct json_object *arguments,
                       struct json_object *id)
{
    struct fake_qemu *fake = monitor->fake;
    const struct trick *trick = find_trick(fake, command);
    const char *error = NULL;
    struct json_object *result = NULL;
    int fd = -1;

    if (strcmp(command, "getfd") == 0) {
        fd = monitor->received_fd; /* it may have been read together with an earlier command */
        monitor->received_fd = -1;
    }
    if (strcmp(command, "qmp_capabilities") != 0) {
        note(fake, monitor->name, command, arguments);
    }
    if (fake->hung && monitor == &fake->monitors[0]) {
        return;
    }
    if (trick != NULL && play(monitor, trick)) {
        return;
    }
    if (trick != NULL && trick->trick == FAKE_ERROR) {
        error = trick->text;
    } else {
        result = fake_model_do(fake, command, arguments, fd, &error);
    }
    char *text = fake_answer_text(result, error, id);
    if (trick != NULL && trick->trick == FAKE_LATE) {
        add_later(fake, trick->delay_ms, NULL, monitor, text);
        return;
    }
    if (trick == NULL || trick->trick != FAKE_SILENT) {
        say(monitor, text, strlen(text));
    }
    free(text);
}

static void on_line(struct monitor *monitor, const char *line)
{
    struct json_object *message = json_tokener_parse(line);
    struct json_object *command = NULL;
    struct json_object *arguments = NULL;
    struct json_object *id = NULL;

    (void)json_object_object_get_ex(message, "arguments", &arguments);
    (void)json_object_object_get_ex(message, "id", &id);
    if (json_object_object_get_ex(message, "execute", &command) ||
        json_object_object_get_ex(message, "exec-oob", &command)) {
        on_command(monitor, json_object_get_string(command), arguments, id);
    }
    json_object_put(message);
}

/* Reads what is there; a descriptor that comes along is for the next `getfd`. */
static ssize_t receive(struct monitor *monitor)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec piece = {.iov_base = monitor->in + monitor->in_used,
                          .iov_len = sizeof(monitor->in) - 1 - monitor->in_used};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    const ssize_t got = recvmsg(monitor->fd, &message, MSG_CMSG_CLOEXEC);
    if (got > 0 && message.msg_controllen >= CMSG_LEN(sizeof(int))) {
        memcpy(&monitor->received_fd, CMSG_DATA(&control.header), sizeof(int));
    }
    return got;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)fd;
    struct monitor *monitor = userdata;
    if ((events & EPOLLOUT) != 0) {
        flush(monitor);
    }
    if ((events & (EPOLLIN | EPOLLHUP)) == 0) {
        return 0;
    }
    const ssize_t got = receive(monitor);
    if (got <= 0) {
        hang_up(monitor);
        return 0;
    }
    monitor->in_used += (size_t)got;
    monitor->in[monitor->in_used] = '\0';
    char *line = monitor->in;
    for (char *end = strchr(line, '\n'); end != NULL && monitor->fd >= 0;
         end = strchr(line, '\n')) {
        *end = '\0';
        on_line(monitor, line);
        line = end + 1;
    }
    if (monitor->fd >= 0) {
        monitor->in_used -= (size_t)(line - monitor->in);
        memmove(monitor->in, line, monitor->in_used + 1);
    }
    return 0;
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)source;
    (void)events;
    struct monitor *monitor = userdata;
    const struct fake_qemu *fake = monitor->fake;
    char *line = NULL;

    const int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0) {
        return 0;
    }
    hang_up(monitor);
    monitor->fd = connection;
    (void)sd_event_add_io(fake->event, &monitor->io, connection, EPOLLIN, on_io, monitor);
    const int length =
        asprintf(&line,
                 "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": %u, \"minor\": %u, "
                 "\"major\": %u}, \"package\": \"fake\"}, \"capabilities\": [%s]}}\r\n",
                 fake->version[2], fake->version[1], fake->version[0], fake->oob ? "\"oob\"" : "");
    if (fake->greeting) {
        say(monitor, line, (size_t)length);
    }
    free(line);
    return 0;
}

static int listen_on(struct monitor *monitor, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(monitor->path, sizeof(monitor->path), "%s", path);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    (void)unlink(path);
    monitor->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (monitor->listener < 0 ||
        bind(monitor->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(monitor->listener, 4) < 0) {
        return -errno;
    }
    return sd_event_add_io(monitor->fake->event, &monitor->listen_io, monitor->listener, EPOLLIN,
                           on_connect, monitor);
}

struct fake_qemu *fake_qemu_new(sd_event *event, const char *main_path, const char *oob_path)
{
    const char *paths[2] = {main_path, oob_path};
    struct fake_qemu *fake = calloc(1, sizeof(*fake));

    fake->event = event;
    fake->version[0] = 7;
    fake->version[1] = 2;
    fake->oob = true;
    fake->greeting = true;
    fake->model = (struct fake_model){.run_state = "running",
                                      .colo_mode = "none",
                                      .colo_last_mode = "none",
                                      .migrate_fd = -1,
                                      .nbd_fd = -1};
    for (int i = 0; i < 2; i++) {
        struct monitor *monitor = &fake->monitors[i];
        monitor->fake = fake;
        monitor->name = i == 0 ? "main" : "oob";
        monitor->fd = -1;
        monitor->received_fd = -1;
        if (listen_on(monitor, paths[i]) < 0) {
            abort();
        }
    }
    return fake;
}

struct fake_qemu *fake_qemu_free(struct fake_qemu *fake)
{
    while (fake->laters != NULL) {
        forget_later(fake->laters);
    }
    for (int i = 0; i < 2; i++) {
        hang_up(&fake->monitors[i]);
        (void)sd_event_source_disable_unref(fake->monitors[i].listen_io);
        (void)close(fake->monitors[i].listener);
        (void)unlink(fake->monitors[i].path);
    }
    fake_model_drop_migration(&fake->model);
    if (fake->model.nbd_fd >= 0) {
        (void)close(fake->model.nbd_fd);
    }
    free(fake);
    return NULL;
}

struct fake_model *fake_qemu_model(struct fake_qemu *fake)
{
    return &fake->model;
}

void fake_qemu_set_version(struct fake_qemu *fake, unsigned major, unsigned minor, unsigned micro)
{
    fake->version[0] = major;
    fake->version[1] = minor;
    fake->version[2] = micro;
}

void fake_qemu_set_oob(struct fake_qemu *fake, bool offered)
{
    fake->oob = offered;
}

void fake_qemu_set_greeting(struct fake_qemu *fake, bool given)
{
    fake->greeting = given;
}

void fake_qemu_trick(struct fake_qemu *fake, const char *command, unsigned nth,
                     enum fake_trick trick, const char *text, unsigned delay_ms)
{
    if (fake->n_tricks == FAKE_TRICKS_MAX) {
        abort();
    }
    struct trick *new = &fake->tricks[fake->n_tricks++];
    *new = (struct trick){.nth = nth, .trick = trick, .delay_ms = delay_ms};
    (void)snprintf(new->command, sizeof(new->command), "%s", command);
    (void)snprintf(new->text, sizeof(new->text), "%s", text != NULL ? text : "");
}
