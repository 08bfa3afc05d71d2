/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/records/writer.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <agent/records/servant.h>

#define ACCURACY_USEC 1000
#define RESTART_USEC 100000
#define DEAD_MAX 8

struct outstanding {
    uint64_t key; /* id on the socket; 0: free */
    uint64_t id;
    chb_time sent_at;
    chb_writer_fn *fn; /* NULL: given up or nobody waits */
    void *userdata;
};

struct chb_writer {
    sd_event *event;
    int64_t priority;
    chb_span limit;
    bool urgent;
    int dir_fd;
    int fd; /* -1: no servant */
    pid_t pid;
    pid_t dead[DEAD_MAX]; /* killed and not yet waited for; 0: free */
    sd_event_source *io;
    sd_event_source *deadline;
    sd_event_source *restart;
    uint64_t next_key;
    struct outstanding list[CHB_WRITER_OUTSTANDING_MAX];
};

static chb_time now(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (chb_time){.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

static int start_servant(struct chb_writer *writer);

/* The child: nothing of the daemon's but its socket and the folder. */
static _Noreturn void servant_main(int fd, int dir_fd, bool urgent)
{
    if (urgent) {
        /* A guest that burns its processors must not delay the record that lets it go on. */
        struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_RR)};
        (void)sched_setscheduler(0, SCHED_RR, &param);
        (void)setpriority(PRIO_PROCESS, 0, -20);
    }
    for (int number = 1; number < SIGRTMIN; number++) {
        (void)signal(number, SIG_DFL); /* the daemon's handlers are about the daemon */
    }
    (void)signal(SIGINT, SIG_IGN); /* a Ctrl-C at the terminal is for the daemon to judge */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    int high = fd > dir_fd ? fd : dir_fd;
    int low = fd > dir_fd ? dir_fd : fd;
    if (low > 3) {
        (void)close_range(3, (unsigned)low - 1, 0);
    }
    if (high > low + 1) {
        (void)close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    }
    (void)close_range((unsigned)high + 1, ~0U, 0);
    (void)prctl(PR_SET_NAME, "colo-hbd-disk");
    _exit(chb_servant_run(fd, dir_fd));
}

static void finish(struct outstanding *entry, enum chb_outcome outcome, int error,
                   const struct chb_record *record)
{
    struct outstanding done = *entry;
    *entry = (struct outstanding){0};
    if (done.fn == NULL) {
        return;
    }
    struct chb_written written = {
        .id = done.id,
        .outcome = outcome,
        .error = error,
        .took = chb_time_since(now(), done.sent_at),
    };
    if (record != NULL) {
        written.record = *record;
    }
    done.fn(done.userdata, &written);
}

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_writer *writer = userdata;
    (void)source;
    (void)usec;
    if (writer->fd < 0 && start_servant(writer) < 0) {
        uint64_t at = 0;
        (void)sd_event_now(writer->event, CLOCK_BOOTTIME, &at);
        (void)sd_event_source_set_time(writer->restart, at + RESTART_USEC);
        (void)sd_event_source_set_enabled(writer->restart, SD_EVENT_ONESHOT);
    }
    return 0;
}

/* One that hangs in the disk dies when the disk lets it, so nobody waits with patience. */
static void reap(struct chb_writer *writer)
{
    for (unsigned i = 0; i < DEAD_MAX; i++) {
        if (writer->dead[i] != 0 && waitpid(writer->dead[i], NULL, WNOHANG) != 0) {
            writer->dead[i] = 0;
        }
    }
}

static void bury(struct chb_writer *writer, pid_t pid)
{
    (void)kill(pid, SIGKILL);
    reap(writer);
    for (unsigned i = 0; i < DEAD_MAX; i++) {
        if (writer->dead[i] == 0) {
            writer->dead[i] = pid;
            return;
        }
    }
}

/* The servant is gone or talks nonsense. */
static void drop_servant(struct chb_writer *writer)
{
    writer->io = sd_event_source_disable_unref(writer->io);
    (void)close(writer->fd);
    writer->fd = -1;
    bury(writer, writer->pid);
    writer->pid = -1;
    uint64_t at = 0;
    (void)sd_event_now(writer->event, CLOCK_BOOTTIME, &at);
    (void)sd_event_source_set_time(writer->restart, at + RESTART_USEC);
    (void)sd_event_source_set_enabled(writer->restart, SD_EVENT_ONESHOT);
    for (unsigned i = 0; i < CHB_WRITER_OUTSTANDING_MAX; i++) {
        if (writer->list[i].key != 0) {
            finish(&writer->list[i], CHB_OUTCOME_UNKNOWN, -ECONNRESET, NULL);
        }
    }
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct chb_writer *writer = userdata;
    (void)source;
    (void)revents;
    struct chb_servant_answer answer;
    ssize_t size = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (size != (ssize_t)sizeof(answer)) {
        drop_servant(writer);
        return 0;
    }
    for (unsigned i = 0; i < CHB_WRITER_OUTSTANDING_MAX; i++) {
        if (writer->list[i].key == answer.id) {
            /* A write that failed may still have reached the disk, but as a whole or as a torn
             * slot, and it is not confirmed: FAILED means that the old record stands or that the
             * new one is there and nobody acted on it. */
            finish(&writer->list[i], answer.error == 0 ? CHB_OUTCOME_DONE : CHB_OUTCOME_FAILED,
                   answer.error, &answer.record);
            break;
        }
    }
    return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_writer *writer = userdata;
    (void)usec;
    chb_time at = now();
    reap(writer);
    for (unsigned i = 0; i < CHB_WRITER_OUTSTANDING_MAX; i++) {
        struct outstanding *entry = &writer->list[i];
        if (entry->key != 0 && entry->fn != NULL &&
            chb_time_reached(at, chb_time_add(entry->sent_at, writer->limit))) {
            chb_writer_fn *fn = entry->fn;
            struct chb_written written = {
                .id = entry->id,
                .outcome = CHB_OUTCOME_UNKNOWN,
                .error = -ETIME,
                .took = chb_time_since(at, entry->sent_at),
            };
            entry->fn = NULL; /* its place stays taken until the servant answers */
            fn(entry->userdata, &written);
        }
    }
    (void)sd_event_source_set_time(source, (uint64_t)(at.ns + writer->limit.ns / 4) / 1000);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_servant(struct chb_writer *writer)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        return -errno;
    }
    pid_t pid = fork();
    if (pid < 0) {
        int r = -errno;
        (void)close(pair[0]);
        (void)close(pair[1]);
        return r;
    }
    if (pid == 0) {
        servant_main(pair[1], writer->dir_fd, writer->urgent);
    }
    (void)close(pair[1]);
    writer->fd = pair[0];
    writer->pid = pid;
    int r = sd_event_add_io(writer->event, &writer->io, writer->fd, EPOLLIN, on_io, writer);
    if (r >= 0) {
        r = sd_event_source_set_priority(writer->io, writer->priority);
    }
    if (r < 0) {
        drop_servant(writer);
    }
    return r;
}

int chb_writer_new(sd_event *event, const char *folder, int64_t priority, chb_span limit,
                   bool urgent, struct chb_writer **ret_writer)
{
    struct chb_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return -ENOMEM;
    }
    writer->event = sd_event_ref(event);
    writer->priority = priority;
    writer->limit = limit;
    writer->urgent = urgent;
    writer->fd = -1;
    writer->pid = -1;
    writer->dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = writer->dir_fd < 0 ? -errno : 0;
    uint64_t at = 0;
    if (r == 0) {
        r = sd_event_now(event, CLOCK_BOOTTIME, &at);
    }
    if (r >= 0) {
        r = sd_event_add_time(event, &writer->deadline, CLOCK_BOOTTIME,
                              at + (uint64_t)limit.ns / 4000, ACCURACY_USEC, on_deadline, writer);
    }
    if (r >= 0) {
        r = sd_event_add_time(event, &writer->restart, CLOCK_BOOTTIME, UINT64_MAX, ACCURACY_USEC,
                              on_restart, writer);
    }
    if (r >= 0) {
        (void)sd_event_source_set_priority(writer->deadline, priority + 1);
        (void)sd_event_source_set_priority(writer->restart, priority + 1);
        (void)sd_event_source_set_enabled(writer->restart, SD_EVENT_OFF);
        r = start_servant(writer);
    }
    if (r < 0) {
        chb_writer_free(writer);
        return r;
    }
    *ret_writer = writer;
    return 0;
}

struct chb_writer *chb_writer_free(struct chb_writer *writer)
{
    if (writer == NULL) {
        return NULL;
    }
    writer->io = sd_event_source_disable_unref(writer->io);
    writer->deadline = sd_event_source_disable_unref(writer->deadline);
    writer->restart = sd_event_source_disable_unref(writer->restart);
    if (writer->fd >= 0) {
        (void)close(writer->fd); /* it ends by itself once it has read what is queued */
    }
    if (writer->dir_fd >= 0) {
        (void)close(writer->dir_fd);
    }
    sd_event_unref(writer->event);
    free(writer);
    return NULL;
}

/* Hands a request over. @fn NULL: nobody waits for the answer. */
static int hand_over(struct chb_writer *writer, struct chb_servant_request *request, uint64_t id,
                     chb_writer_fn *fn, void *userdata)
{
    if (writer->fd < 0) {
        return -ENOTCONN;
    }
    struct outstanding *entry = NULL;
    for (unsigned i = 0; i < CHB_WRITER_OUTSTANDING_MAX && entry == NULL; i++) {
        entry = writer->list[i].key == 0 ? &writer->list[i] : NULL;
    }
    if (entry == NULL) {
        return -EBUSY;
    }
    request->id = ++writer->next_key;
    if (send(writer->fd, request, sizeof(*request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        return errno == EAGAIN ? -EBUSY : -ENOTCONN;
    }
    *entry = (struct outstanding){
        .key = request->id,
        .id = id,
        .sent_at = now(),
        .fn = fn,
        .userdata = userdata,
    };
    return 0;
}

static int name_request(struct chb_servant_request *request, const char *name)
{
    size_t length = strnlen(name, CHB_VM_NAME_MAX + 1);
    if (length == 0 || length > CHB_VM_NAME_MAX || name[0] == '.' || strchr(name, '/') != NULL) {
        return -EINVAL;
    }
    memcpy(request->name, name, length);
    return 0;
}

int chb_writer_load(struct chb_writer *writer, const char *name, uint64_t id, chb_writer_fn *fn,
                    void *userdata)
{
    struct chb_servant_request request = {.what = CHB_SERVANT_LOAD};
    int r = name_request(&request, name);
    return r < 0 ? r : hand_over(writer, &request, id, fn, userdata);
}

int chb_writer_save(struct chb_writer *writer, const char *name, const struct chb_record *record,
                    uint64_t id, chb_writer_fn *fn, void *userdata)
{
    struct chb_servant_request request = {.what = CHB_SERVANT_SAVE, .record = *record};
    int r = name_request(&request, name);
    return r < 0 ? r : hand_over(writer, &request, id, fn, userdata);
}

int chb_writer_append(struct chb_writer *writer, const char *name, const char *line)
{
    struct chb_servant_request request = {.what = CHB_SERVANT_APPEND};
    int r = name_request(&request, name);
    if (r < 0) {
        return r;
    }
    (void)snprintf(request.text, sizeof(request.text), "%.*s\n", CHB_SERVANT_TEXT_MAX - 2, line);
    return hand_over(writer, &request, 0, NULL, NULL);
}

int chb_writer_copy(struct chb_writer *writer, const char *name, const char *source,
                    const char *file, uint64_t id, chb_writer_fn *fn, void *userdata)
{
    struct chb_servant_request request = {.what = CHB_SERVANT_COPY};
    size_t from = strlen(source) + 1;
    size_t to = strlen(file) + 1;
    int r = name_request(&request, name);
    if (r < 0 || from > sizeof(request.text) || to > sizeof(request.text) - from) {
        return -EINVAL;
    }
    memcpy(request.text, source, from);
    memcpy(request.text + from, file, to);
    return hand_over(writer, &request, id, fn, userdata);
}

int chb_writer_pid(const struct chb_writer *writer)
{
    return writer->pid;
}
