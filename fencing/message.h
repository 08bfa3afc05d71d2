/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fencing client and its servant say to each other: one SOCK_SEQPACKET datagram of fixed
 * size per message, every field at a fixed place, little endian, strings padded with NULs. A
 * message that is not exactly what encode() would have made is refused, whole.
 *
 * Both ends come from one build, but a package upgrade may replace the servant's file under a
 * running daemon: hence the version.
 *
 * The codec is pure: no IO, no clock, no allocation.
 */
#ifndef CHB_FENCING_MESSAGE_H
#define CHB_FENCING_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <agent/core/time.h>
#include <fencing/fencer.h>

#define CHB_FENCING_MESSAGE_SIZE 1536
#define CHB_FENCING_VERSION 1
#define CHB_FENCING_SERVANT_FD 3 /* the servant's end of the socket pair */

/* Who fenced, when somebody confirmed it by hand (Pacemaker, fenced_remote.c). */
#define CHB_FENCING_HUMAN "a human"

/*
 * type          | direction | fields beside the type
 * ASK_FENCE     | judge     | id, node, action, timeout_s
 * ASK_HISTORY   | judge     | id, node
 * ASK_MARK      | judge     | none; answered with SAY_LIFE
 * SAY_CONNECTED | servant   | not_before: notifications are registered from then on
 * SAY_LIFE      | servant   | not_before: the inbox was empty then
 * SAY_RESULT    | servant   | id, error, text
 * SAY_EVENT     | servant   | all strings, error, arrival, not_before
 * SAY_ENTRY     | servant   | id, node, action, executioner, origin, client, completed, state
 * SAY_END       | servant   | id, error, text: the history's end
 * SAY_GOODBYE   | servant   | error, text: why it exits
 */
enum chb_fencing_type {
    CHB_FENCING_ASK_FENCE = 1,
    CHB_FENCING_ASK_HISTORY,
    CHB_FENCING_ASK_MARK,
    CHB_FENCING_SAY_CONNECTED,
    CHB_FENCING_SAY_LIFE,
    CHB_FENCING_SAY_RESULT,
    CHB_FENCING_SAY_EVENT,
    CHB_FENCING_SAY_ENTRY,
    CHB_FENCING_SAY_END,
    CHB_FENCING_SAY_GOODBYE,
};

/* State of an entry of the history. */
enum chb_fencing_entry_state {
    CHB_FENCING_ENTRY_PENDING,
    CHB_FENCING_ENTRY_DONE,
    CHB_FENCING_ENTRY_FAILED,
};

/* Fields that a type does not use are zero. */
struct chb_fencing_message {
    enum chb_fencing_type type;
    uint64_t id;
    int32_t error;     /* 0 or a negative errno */
    int32_t timeout_s; /* 1 to 3600 */
    chb_time arrival;
    chb_time not_before;
    int64_t completed_ns; /* CLOCK_REALTIME of some node, since the epoch */
    enum chb_fencing_entry_state state;
    char node[CHB_FENCER_NAME_MAX];
    char action[CHB_FENCER_ACTION_MAX];
    char executioner[CHB_FENCER_NAME_MAX];
    char origin[CHB_FENCER_NAME_MAX];
    char client[CHB_FENCER_NAME_MAX];
    char text[CHB_FENCER_TEXT_MAX];
};

/*
 * Writes a message. buffer: CHB_FENCING_MESSAGE_SIZE bytes. -EINVAL, with the buffer untouched, for
 * a message that decode() would refuse: both ends check (a program error of ours stays ours).
 */
int chb_fencing_encode(const struct chb_fencing_message *message, uint8_t *buffer);

/*
 * Reads a message of `size` bytes that came from the servant (from_servant) or from the judge.
 * -EBADMSG, with *ret untouched, if it is not a valid message of that direction.
 */
int chb_fencing_decode(const uint8_t *buffer, size_t size, bool from_servant,
                       struct chb_fencing_message *ret);

/*
 * Copies text from outside into a string field: control characters become '?', and what does not
 * fit is cut. NULL gives the empty string. Returns false if something was cut: a name that was cut
 * must not be used as a name.
 */
bool chb_fencing_copy(char *to, size_t size, const char *from);

/* True for the actions that leave the node without power or freshly booted: "off" and "reboot". */
bool chb_fencing_cuts_power(const char *action);

#endif
