/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for colo-hbd-fencing. Its first argument, the client's name, is the part that it plays;
 * in the part "normal" the node that is asked for says what happens. See play() and fence().
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <fencing/message.h>

static unsigned histories;     /* asked so far */
static bool lingers = true;    /* an operation from long ago is under way */
static bool has_begun = false; /* and one that is new */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static chb_time now(void)
{
    return (chb_time){.ns = clock_ns(CLOCK_BOOTTIME)};
}

static void say(const struct chb_fencing_message *message)
{
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE];

    if (chb_fencing_encode(message, buffer) < 0) {
        abort();
    }
    if (send(CHB_FENCING_SERVANT_FD, buffer, sizeof(buffer), MSG_NOSIGNAL) < 0) {
        _exit(9);
    }
}

static void say_simple(enum chb_fencing_type type)
{
    const struct chb_fencing_message message = {.type = type, .not_before = now()};

    say(&message);
}

static void say_result(uint64_t id, int error, const char *text)
{
    struct chb_fencing_message message = {.type = CHB_FENCING_SAY_RESULT, .id = id};

    message.error = error;
    chb_fencing_copy(message.text, sizeof(message.text), text);
    say(&message);
}

static void say_event(const char *node, const char *action, int error, const char *executioner,
                      const char *client, int64_t age_ms)
{
    struct chb_fencing_message message = {.type = CHB_FENCING_SAY_EVENT, .error = error};

    message.arrival = now();
    message.not_before = chb_time_add(message.arrival, chb_ms(-age_ms));
    chb_fencing_copy(message.node, sizeof(message.node), node);
    chb_fencing_copy(message.action, sizeof(message.action), action);
    chb_fencing_copy(message.executioner, sizeof(message.executioner), executioner);
    chb_fencing_copy(message.origin, sizeof(message.origin), "n1");
    chb_fencing_copy(message.client, sizeof(message.client), client);
    say(&message);
}

static void fence(const struct chb_fencing_message *ask)
{
    if (strcmp(ask->node, "good") == 0) {
        say_result(ask->id, 0, "");
        say_event(ask->node, ask->action, 0, "n2", "normal.17", 0);
    } else if (strcmp(ask->node, "refused") == 0) {
        say_result(ask->id, -ENODATA, "the device refuses");
    } else if (strcmp(ask->node, "human") == 0) {
        /* Confirmed by a person while the attempt runs; the attempt's failure comes after. */
        say_event(ask->node, "off", 0, CHB_FENCING_HUMAN, "stonith_admin.5", 0);
        say_event(ask->node, ask->action, -ETIME, "n2", "normal.17", 0);
        say_result(ask->id, -ETIME, "too late");
    } else if (strcmp(ask->node, "stale") == 0) {
        /* A success that may be older than the request proves nothing for it. */
        say_event(ask->node, "off", 0, "n2", "pacemaker-controld.5", 60000);
        say_result(ask->id, -ENODATA, "the device refuses");
    } else if (strcmp(ask->node, "unfenced") == 0) {
        say_event(ask->node, "on", 0, "n2", "pacemaker-controld.5", 0);
        say_result(ask->id, -ENODATA, "the device refuses");
    } else if (strcmp(ask->node, "lingering") == 0) {
        /* The request was merged into an operation that began long ago, if that still lingers. */
        say_event(ask->node, ask->action, 0, "n2", "pacemaker-controld.5", 0);
        say_event(ask->node, ask->action, 0, "n2", "normal.17", 0);
        say_result(ask->id, 0, "");
        lingers = false;
        has_begun = true;
    } else if (strcmp(ask->node, "deadly") == 0) {
        say_event("other", "off", 0, "n2", "pacemaker-controld.5", 0);
        _exit(7);
    }
    /* "slow" and all others: no answer */
}

static void say_entry_of(uint64_t id, const char *node, const char *client, int64_t age_ms,
                         enum chb_fencing_entry_state state)
{
    struct chb_fencing_message message = {.type = CHB_FENCING_SAY_ENTRY, .id = id, .state = state};

    message.completed_ns = clock_ns(CLOCK_REALTIME) - age_ms * 1000000;
    chb_fencing_copy(message.node, sizeof(message.node), node);
    chb_fencing_copy(message.action, sizeof(message.action), "reboot");
    chb_fencing_copy(message.executioner, sizeof(message.executioner), "n2");
    chb_fencing_copy(message.origin, sizeof(message.origin), "n1");
    chb_fencing_copy(message.client, sizeof(message.client), client);
    say(&message);
}

static void say_entry(uint64_t id, const char *node, int64_t age_ms,
                      enum chb_fencing_entry_state state)
{
    say_entry_of(id, node, "pacemaker-controld.5", age_ms, state);
}

/* "old": one fence just before; the same entry, with a newer stamp, at each later question.
 * "new": like that, and two more entries from the second question on, of which one is the end of
 * what was under way. "lingering": what is under way. Others: nothing. */
static void history(const struct chb_fencing_message *ask)
{
    struct chb_fencing_message end = {.type = CHB_FENCING_SAY_END, .id = ask->id};

    histories++;
    if (strcmp(ask->node, "old") == 0 || strcmp(ask->node, "new") == 0) {
        say_entry(ask->id, ask->node, 0, CHB_FENCING_ENTRY_DONE);
        say_entry(ask->id, ask->node, 0, CHB_FENCING_ENTRY_FAILED);
    }
    if (strcmp(ask->node, "old") == 0 || (strcmp(ask->node, "new") == 0 && histories == 1)) {
        say_entry(ask->id, ask->node, 0, CHB_FENCING_ENTRY_PENDING);
    }
    if (strcmp(ask->node, "new") == 0 && histories > 1) {
        say_entry(ask->id, ask->node, 0, CHB_FENCING_ENTRY_DONE);
        say_entry(ask->id, ask->node, 0, CHB_FENCING_ENTRY_DONE);
    }
    if (strcmp(ask->node, "lingering") == 0 && lingers) {
        say_entry(ask->id, ask->node, 0, CHB_FENCING_ENTRY_PENDING);
    }
    if (strcmp(ask->node, "lingering") == 0 && has_begun) {
        say_entry_of(ask->id, ask->node, "stonith_admin.9", 0, CHB_FENCING_ENTRY_PENDING);
    }
    if (strcmp(ask->node, "broken") == 0) {
        end.error = -ECOMM;
    }
    if (strcmp(ask->node, "unsettled") == 0) {
        say_event(ask->node, "off", 0, "n2", "pacemaker-controld.5", 0);
    }
    say(&end);
    if (strcmp(ask->node, "unsettled") == 0) {
        say_event(ask->node, "off", 0, "n2", "pacemaker-controld.5", 0);
    }
}

static void hear(void)
{
    uint8_t buffer[CHB_FENCING_MESSAGE_SIZE + 1];
    struct chb_fencing_message ask;
    ssize_t size = recv(CHB_FENCING_SERVANT_FD, buffer, sizeof(buffer), 0);

    if (size <= 0 || chb_fencing_decode(buffer, (size_t)size, false, &ask) < 0) {
        _exit(8);
    }
    if (ask.type == CHB_FENCING_ASK_FENCE) {
        fence(&ask);
    } else if (ask.type == CHB_FENCING_ASK_HISTORY) {
        history(&ask);
    }
    say_simple(CHB_FENCING_SAY_LIFE);
}

/* The parts that end or hang. Returns for "normal" and "deaf". */
static void play(const char *part)
{
    const char nonsense[] = "nonsense";

    if (strcmp(part, "absent") == 0) {
        struct chb_fencing_message bye = {.type = CHB_FENCING_SAY_GOODBYE, .error = -ENOTCONN};
        chb_fencing_copy(bye.text, sizeof(bye.text), "no fencer here");
        say(&bye);
        _exit(3);
    }
    if (strcmp(part, "mute") == 0) {
        pause();
    }
    say_simple(CHB_FENCING_SAY_CONNECTED);
    if (strcmp(part, "stopped") == 0) {
        raise(SIGSTOP);
    }
    if (strcmp(part, "babble") == 0) {
        (void)send(CHB_FENCING_SERVANT_FD, nonsense, sizeof(nonsense), MSG_NOSIGNAL);
        pause();
    }
}

int main(int argc, char **argv)
{
    struct pollfd judge = {.fd = CHB_FENCING_SERVANT_FD, .events = POLLIN};
    const char *part = argc > 1 ? argv[1] : "";

    play(part);
    for (;;) {
        if (strcmp(part, "deaf") == 0) {
            usleep(20000);
        } else if (poll(&judge, 1, 50) > 0) {
            hear();
        }
        say_simple(CHB_FENCING_SAY_LIFE);
    }
}
