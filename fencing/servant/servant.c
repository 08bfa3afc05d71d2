/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * colo-hbd-fencing: the one process that links libstonithd (see fencing/fencer.h for why).
 *
 *     colo-hbd-fencing CLIENT_NAME CALL_LIMIT_MS      with a SOCK_SEQPACKET socket as fd 3
 *
 * It connects once. Whatever goes wrong, it says why and exits; the judge starts another. Every
 * call into the library that can wait is between guard_begin() and guard_end(): a timer ends the
 * process when it overruns.
 *
 * Calls and what bounds them (read in the source of Pacemaker 2.1.5, and seen with a fencer that
 * was stopped and one that was killed):
 *
 * - connect, register_notification: wait for the fencer without limit. The guard.
 * - history: waits for its time-out and 60 s more. The guard.
 * - fence: waits only while the request ring is full. The guard.
 * - stonith_dispatch: reads what is there, but spins for ever once the connection is lost in the
 *   middle. The guard; and 50 ms if the fencer is known to have hung up.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <crm/common/results.h>
#include <crm/stonith-ng.h>

#include <fencing/message.h>

/*
 * The fencer's own words on a failure. Exported by libstonithd but not declared in its public
 * headers, hence weak: without them we say what the error code says ("No data available").
 */
extern const char *stonith__exit_reason(stonith_callback_data_t *data) __attribute__((weak));
extern const char *stonith__event_exit_reason(stonith_event_t *event) __attribute__((weak));

#define TICK_MS 100          /* how often the judge hears that we live, at least */
#define HISTORY_TIMEOUT_S 10 /* for the fencer; the guard is shorter */
#define LAST_WORDS_MS 50     /* to read what a fencer that is gone had sent */
#define CALLS_MAX 64         /* fence operations under way */

enum exit_status {
    EXIT_USAGE = 2,
    EXIT_FENCER = 3, /* no connection, or lost */
    EXIT_JUDGE = 4,  /* the daemon is gone or sends nonsense */
    EXIT_GUARD = 5,  /* a library call took too long */
};

/* One process, one connection, one thread: what the library's callbacks need is here. */
static struct {
    timer_t guard;
    long limit_ms;
    stonith_t *st;
    int st_fd;
    chb_time drained;              /* the inbox was empty then */
    chb_time arrival;              /* of what is being dispatched */
    uint64_t calls[CALLS_MAX + 1]; /* judge's id of each fence under way; 0: free. [0] unused */
} self;

/* Prepared before each guarded call, because a signal handler can only send what is there. */
static uint8_t goodbye_buffer[CHB_FENCING_MESSAGE_SIZE];

static chb_time now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (chb_time){.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

/* Waits for room: a judge that does not read has more to worry about than our punctuality. */
static void say(const struct chb_fencing_message *message)
{
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE];

    if (chb_fencing_encode(message, buffer) < 0) {
        return; /* a fence event without a target or action: nothing that anybody could use */
    }
    while (send(CHB_FENCING_SERVANT_FD, buffer, sizeof(buffer), MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) {
            _exit(EXIT_JUDGE);
        }
    }
}

static void prepare_goodbye(int error, const char *text)
{
    struct chb_fencing_message message = {.type = CHB_FENCING_SAY_GOODBYE, .error = error};

    chb_fencing_copy(message.text, sizeof(message.text), text);
    (void)chb_fencing_encode(&message, goodbye_buffer);
}

static _Noreturn void leave(int error, const char *text)
{
    char line[CHB_FENCER_TEXT_MAX];

    snprintf(line, sizeof(line), "%s: %s", text, pcmk_strerror(error));
    prepare_goodbye(error > 0 ? -error : error, line);
    (void)send(CHB_FENCING_SERVANT_FD, goodbye_buffer, sizeof(goodbye_buffer), MSG_NOSIGNAL);
    _exit(EXIT_FENCER);
}

static void on_guard(int signal_number)
{
    (void)signal_number;
    (void)send(CHB_FENCING_SERVANT_FD, goodbye_buffer, sizeof(goodbye_buffer),
               MSG_NOSIGNAL | MSG_DONTWAIT);
    _exit(EXIT_GUARD);
}

static void guard_set(long ms)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000},
    };

    timer_settime(self.guard, 0, &when, NULL);
}

static void guard_begin(const char *call)
{
    char text[128];

    snprintf(text, sizeof(text), "the fencer did not answer within %ld ms (%s)", self.limit_ms,
             call);
    prepare_goodbye(-ETIMEDOUT, text);
    guard_set(self.limit_ms);
}

/* For reading the last words of a fencer that has hung up: the library will not stop by itself. */
static void guard_begin_last(void)
{
    prepare_goodbye(-ENOTCONN, "the fencer ended");
    guard_set(LAST_WORDS_MS);
}

static void guard_end(void)
{
    guard_set(0);
}

static void explain(struct chb_fencing_message *message, int rc, const char *reason)
{
    chb_fencing_copy(message->text, sizeof(message->text),
                     reason == NULL || reason[0] == '\0' ? pcmk_strerror(rc) : reason);
}

static void on_fence(stonith_t *st, stonith_event_t *event)
{
    struct chb_fencing_message message = {
        .type = CHB_FENCING_SAY_EVENT,
        .arrival = self.arrival,
        .not_before = self.drained,
        .error = event->result,
    };

    (void)st;
    if (!chb_fencing_copy(message.node, sizeof(message.node), event->target) ||
        !chb_fencing_copy(message.action, sizeof(message.action), event->action)) {
        return; /* no node or action of Pacemaker is that long */
    }
    chb_fencing_copy(message.executioner, sizeof(message.executioner), event->executioner);
    chb_fencing_copy(message.origin, sizeof(message.origin), event->origin);
    chb_fencing_copy(message.client, sizeof(message.client), event->client_origin);
    if (event->result != 0) {
        explain(&message, event->result,
                stonith__event_exit_reason == NULL ? NULL : stonith__event_exit_reason(event));
    }
    say(&message);
}

static void say_result(uint64_t id, int rc, const char *reason)
{
    struct chb_fencing_message message = {
        .type = CHB_FENCING_SAY_RESULT,
        .id = id,
        .error = rc,
    };

    if (rc != 0) {
        explain(&message, rc, reason);
    }
    say(&message);
}

static void on_fence_result(stonith_t *st, stonith_callback_data_t *data)
{
    uint64_t *call = data->userdata;

    (void)st;
    say_result(*call, data->rc, stonith__exit_reason == NULL ? NULL : stonith__exit_reason(data));
    *call = 0;
}

static void ask_fence(const struct chb_fencing_message *ask)
{
    uint64_t *call = &self.calls[1];
    int rc;

    while (call < &self.calls[CALLS_MAX] && *call != 0) {
        call++;
    }
    if (*call != 0) {
        say_result(ask->id, -ENOBUFS, NULL);
        return;
    }
    guard_begin("fence");
    rc = self.st->cmds->fence(self.st, st_opt_none, ask->node, ask->action, ask->timeout_s, 0);
    guard_end();
    if (rc <= 0) {
        say_result(ask->id, rc < 0 ? rc : -EPROTO, NULL);
        return;
    }
    *call = ask->id;
    /* Time-out 0: the library's own timers need a GLib main loop; the judge keeps the time. */
    self.st->cmds->register_callback(self.st, rc, 0, st_opt_none, call, "colo-hbd",
                                     on_fence_result);
}

static void dispatch(void)
{
    struct pollfd inbox = {.fd = self.st_fd, .events = POLLIN};
    bool connected;

    if (poll(&inbox, 1, 0) > 0 && (inbox.revents & (POLLHUP | POLLERR)) != 0) {
        guard_begin_last();
    } else {
        guard_begin("dispatch");
    }
    connected = stonith_dispatch(self.st);
    guard_end();
    if (!connected) {
        leave(-ENOTCONN, "connection to the fencer lost");
    }
}

/* Looks whether the inbox is empty and, if so, since when that is known for sure. */
static bool inbox_is_empty(void)
{
    struct pollfd inbox = {.fd = self.st_fd, .events = POLLIN};
    chb_time asked = now();

    if (poll(&inbox, 1, 0) != 0) {
        return false;
    }
    self.drained = asked;
    return true;
}

static void say_entry(uint64_t id, const stonith_history_t *entry)
{
    struct chb_fencing_message message = {.type = CHB_FENCING_SAY_ENTRY, .id = id};
    int64_t seconds = entry->completed;

    if (entry->state == st_duplicate) {
        return; /* it ends with the operation that it was merged into, which has its own entry */
    }
    message.state = entry->state == st_done     ? CHB_FENCING_ENTRY_DONE
                    : entry->state == st_failed ? CHB_FENCING_ENTRY_FAILED
                                                : CHB_FENCING_ENTRY_PENDING;
    if (seconds > 0 && seconds < INT64_MAX / 1000000000 - 1) {
        message.completed_ns = seconds * 1000000000;
        if (entry->completed_nsec > 0 && entry->completed_nsec < 1000000000) {
            message.completed_ns += entry->completed_nsec;
        }
    }
    if (!chb_fencing_copy(message.node, sizeof(message.node), entry->target) ||
        !chb_fencing_copy(message.action, sizeof(message.action), entry->action)) {
        return;
    }
    chb_fencing_copy(message.executioner, sizeof(message.executioner), entry->delegate);
    chb_fencing_copy(message.origin, sizeof(message.origin), entry->origin);
    chb_fencing_copy(message.client, sizeof(message.client), entry->client);
    say(&message);
}

static void ask_history(const struct chb_fencing_message *ask)
{
    struct chb_fencing_message end = {.type = CHB_FENCING_SAY_END, .id = ask->id};
    stonith_history_t *history = NULL;
    int rc;

    guard_begin("history");
    rc = self.st->cmds->history(self.st, st_opt_sync_call, ask->node, &history, HISTORY_TIMEOUT_S);
    guard_end();
    /* The answer may have overtaken events that were sent before it: those first, so that the end
     * of this history really separates the past from the future (chb_fencer_note_alive()). */
    while (!inbox_is_empty()) {
        self.arrival = now();
        dispatch();
    }
    for (stonith_history_t *entry = history; entry != NULL; entry = entry->next) {
        if (entry->target != NULL && strcasecmp(entry->target, ask->node) == 0) {
            say_entry(ask->id, entry);
        }
    }
    stonith_history_free(history);
    end.error = rc > 0 ? -rc : rc;
    if (rc != 0) {
        chb_fencing_copy(end.text, sizeof(end.text), pcmk_strerror(rc));
    }
    say(&end);
}

static void say_life(void)
{
    struct chb_fencing_message message = {
        .type = CHB_FENCING_SAY_LIFE,
        .not_before = self.drained,
    };
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE];

    /* Dropped if the socket is full: then the judge has enough to read. */
    if (chb_fencing_encode(&message, buffer) == 0) {
        (void)send(CHB_FENCING_SERVANT_FD, buffer, sizeof(buffer), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

static void hear_judge(void)
{
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE + 1];
    struct chb_fencing_message ask;
    ssize_t size = recv(CHB_FENCING_SERVANT_FD, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0 || chb_fencing_decode(buffer, (size_t)size, false, &ask) < 0) {
        _exit(EXIT_JUDGE);
    }
    if (ask.type == CHB_FENCING_ASK_FENCE) {
        ask_fence(&ask);
    } else if (ask.type == CHB_FENCING_ASK_HISTORY) {
        ask_history(&ask);
    }
    say_life(); /* the answer to ASK_MARK, and news after any other */
}

static void connect_fencer(const char *client_name)
{
    struct chb_fencing_message connected = {.type = CHB_FENCING_SAY_CONNECTED};
    stonith_history_t *history = NULL;
    int rc;

    self.st = stonith_api_new();
    if (self.st == NULL) {
        leave(-ENOMEM, "cannot make a fencer connection");
    }
    guard_begin("connect");
    rc = self.st->cmds->connect(self.st, client_name, &self.st_fd);
    guard_end();
    if (rc != 0) {
        leave(rc, "cannot connect to the fencer (is Pacemaker running?)");
    }
    guard_begin("register_notification");
    rc = self.st->cmds->register_notification(self.st, T_STONITH_NOTIFY_FENCE, on_fence);
    guard_end();
    if (rc != 0) {
        leave(rc, "cannot register for fence notifications");
    }
    /* The library hides whether the registration arrived; an answer to a later request says so. */
    guard_begin("history");
    rc = self.st->cmds->history(self.st, st_opt_sync_call, "", &history, HISTORY_TIMEOUT_S);
    guard_end();
    stonith_history_free(history);
    if (rc != 0) {
        leave(rc, "the fencer does not answer");
    }
    self.drained = now();
    connected.not_before = self.drained;
    say(&connected);
}

static _Noreturn void serve(void)
{
    struct pollfd fds[] = {
        {.fd = self.st_fd, .events = POLLIN},
        {.fd = CHB_FENCING_SERVANT_FD, .events = POLLIN},
    };
    chb_time life = now();

    for (;;) {
        chb_time asked = now();
        int n = poll(fds, 2, 0);

        if (n >= 0 && fds[0].revents == 0) {
            self.drained = asked;
        }
        if (chb_time_reached(asked, chb_time_add(life, chb_ms(TICK_MS)))) {
            life = asked;
            say_life();
        }
        if (n == 0) {
            (void)poll(fds, 2, TICK_MS); /* only waits: the turn after it looks again */
            continue;
        }
        if (n < 0) {
            continue;
        }
        if (fds[0].revents != 0) {
            self.arrival = now();
            dispatch();
        }
        if (fds[1].revents != 0) {
            hear_judge();
        }
    }
}

int main(int argc, char **argv)
{
    struct sigevent alarm_event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct sigaction action = {.sa_handler = on_guard};
    char *end = NULL;

    self.limit_ms = argc == 3 ? strtol(argv[2], &end, 10) : 0;
    if (argc != 3 || *end != '\0' || self.limit_ms < 1 || self.limit_ms > 600000) {
        fprintf(stderr, "usage: %s CLIENT_NAME CALL_LIMIT_MS (started by colo-hbd only)\n",
                argc > 0 ? argv[0] : "colo-hbd-fencing");
        return EXIT_USAGE;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sigaction(SIGALRM, &action, NULL) < 0 ||
        timer_create(CLOCK_MONOTONIC, &alarm_event, &self.guard) < 0) {
        leave(-errno, "cannot set up the guard timer");
    }
    connect_fencer(argv[1]);
    serve();
}
