/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fencing/message.h>

#include <errno.h>
#include <string.h>

#define MAGIC 0x43484246u /* "FBHC" in memory */

/* Where each field is. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_TYPE = 8,
    AT_ERROR = 12,
    AT_TIMEOUT = 16,
    AT_STATE = 20,
    AT_RESERVED = 24,
    AT_ID = 32,
    AT_ARRIVAL = 40,
    AT_NOT_BEFORE = 48,
    AT_COMPLETED = 56,
    AT_NODE = 64,
    AT_ACTION = AT_NODE + CHB_FENCER_NAME_MAX,
    AT_EXECUTIONER = AT_ACTION + CHB_FENCER_ACTION_MAX,
    AT_ORIGIN = AT_EXECUTIONER + CHB_FENCER_NAME_MAX,
    AT_CLIENT = AT_ORIGIN + CHB_FENCER_NAME_MAX,
    AT_TEXT = AT_CLIENT + CHB_FENCER_NAME_MAX,
    AT_PADDING = AT_TEXT + CHB_FENCER_TEXT_MAX,
};

_Static_assert((int)AT_PADDING <= CHB_FENCING_MESSAGE_SIZE, "the fields fit");

static void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

static void put_u64(uint8_t *to, uint64_t value)
{
    put_u32(to, (uint32_t)value);
    put_u32(to + 4, (uint32_t)(value >> 32));
}

static uint32_t get_u32(const uint8_t *from)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        value |= (uint32_t)from[i] << (8 * i);
    }
    return value;
}

static uint64_t get_u64(const uint8_t *from)
{
    return get_u32(from) | ((uint64_t)get_u32(from + 4) << 32);
}

/* Terminated, without control characters, and NUL to its end, so that equal means equal bytes. */
static bool text_is_valid(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    if (length == size) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    for (size_t i = length; i < size; i++) {
        if (text[i] != '\0') {
            return false;
        }
    }
    return true;
}

static bool strings_are_valid(const struct chb_fencing_message *m)
{
    return text_is_valid(m->node, sizeof(m->node)) && text_is_valid(m->action, sizeof(m->action)) &&
           text_is_valid(m->executioner, sizeof(m->executioner)) &&
           text_is_valid(m->origin, sizeof(m->origin)) &&
           text_is_valid(m->client, sizeof(m->client)) && text_is_valid(m->text, sizeof(m->text));
}

/* The rules that hold for every type. */
static bool numbers_are_valid(const struct chb_fencing_message *m)
{
    return m->error <= 0 && m->error > -100000 && m->arrival.ns >= 0 && m->not_before.ns >= 0 &&
           m->completed_ns >= 0 && (unsigned)m->state <= CHB_FENCING_ENTRY_FAILED;
}

static bool type_is_valid(const struct chb_fencing_message *m, bool *ret_from_servant)
{
    *ret_from_servant = true;
    switch (m->type) {
    case CHB_FENCING_ASK_FENCE:
        *ret_from_servant = false;
        return m->id != 0 && m->node[0] != '\0' && chb_fencing_cuts_power(m->action) &&
               m->timeout_s >= 1 && m->timeout_s <= CHB_FENCER_TIMEOUT_MS_MAX / 1000;
    case CHB_FENCING_ASK_HISTORY:
        *ret_from_servant = false;
        return m->id != 0 && m->node[0] != '\0';
    case CHB_FENCING_ASK_MARK:
        *ret_from_servant = false;
        return true;
    case CHB_FENCING_SAY_CONNECTED:
    case CHB_FENCING_SAY_LIFE:
        return chb_time_is_set(m->not_before);
    case CHB_FENCING_SAY_RESULT:
    case CHB_FENCING_SAY_END:
        return m->id != 0;
    case CHB_FENCING_SAY_GOODBYE:
        return true;
    case CHB_FENCING_SAY_EVENT:
        return m->node[0] != '\0' && m->action[0] != '\0' && chb_time_is_set(m->not_before) &&
               !chb_time_before(m->arrival, m->not_before);
    case CHB_FENCING_SAY_ENTRY:
        return m->id != 0 && m->node[0] != '\0' && m->action[0] != '\0';
    }
    return false;
}

static bool message_is_valid(const struct chb_fencing_message *m, bool *ret_from_servant)
{
    return strings_are_valid(m) && numbers_are_valid(m) && type_is_valid(m, ret_from_servant);
}

int chb_fencing_encode(const struct chb_fencing_message *message, uint8_t *buffer)
{
    bool from_servant;

    if (!message_is_valid(message, &from_servant) || message->timeout_s < 0) {
        return -EINVAL;
    }
    memset(buffer, 0, CHB_FENCING_MESSAGE_SIZE);
    put_u32(buffer + AT_MAGIC, MAGIC);
    put_u32(buffer + AT_VERSION, CHB_FENCING_VERSION);
    put_u32(buffer + AT_TYPE, (uint32_t)message->type);
    put_u32(buffer + AT_ERROR, (uint32_t)-message->error);
    put_u32(buffer + AT_TIMEOUT, (uint32_t)message->timeout_s);
    put_u32(buffer + AT_STATE, (uint32_t)message->state);
    put_u64(buffer + AT_ID, message->id);
    put_u64(buffer + AT_ARRIVAL, (uint64_t)message->arrival.ns);
    put_u64(buffer + AT_NOT_BEFORE, (uint64_t)message->not_before.ns);
    put_u64(buffer + AT_COMPLETED, (uint64_t)message->completed_ns);
    memcpy(buffer + AT_NODE, message->node, sizeof(message->node));
    memcpy(buffer + AT_ACTION, message->action, sizeof(message->action));
    memcpy(buffer + AT_EXECUTIONER, message->executioner, sizeof(message->executioner));
    memcpy(buffer + AT_ORIGIN, message->origin, sizeof(message->origin));
    memcpy(buffer + AT_CLIENT, message->client, sizeof(message->client));
    memcpy(buffer + AT_TEXT, message->text, sizeof(message->text));
    return 0;
}

/* Numbers whose range a cast could hide, and bytes that mean nothing. */
static bool frame_is_valid(const uint8_t *buffer, size_t size)
{
    if (size != CHB_FENCING_MESSAGE_SIZE || get_u32(buffer + AT_MAGIC) != MAGIC ||
        get_u32(buffer + AT_VERSION) != CHB_FENCING_VERSION) {
        return false;
    }
    if (get_u32(buffer + AT_TYPE) < CHB_FENCING_ASK_FENCE ||
        get_u32(buffer + AT_TYPE) > CHB_FENCING_SAY_GOODBYE ||
        get_u32(buffer + AT_ERROR) >= 100000 ||
        get_u32(buffer + AT_TIMEOUT) > CHB_FENCER_TIMEOUT_MS_MAX / 1000 ||
        get_u32(buffer + AT_STATE) > CHB_FENCING_ENTRY_FAILED ||
        get_u64(buffer + AT_RESERVED) != 0) {
        return false;
    }
    if (get_u64(buffer + AT_ARRIVAL) > INT64_MAX || get_u64(buffer + AT_NOT_BEFORE) > INT64_MAX ||
        get_u64(buffer + AT_COMPLETED) > INT64_MAX) {
        return false;
    }
    for (size_t i = AT_PADDING; i < CHB_FENCING_MESSAGE_SIZE; i++) {
        if (buffer[i] != 0) {
            return false;
        }
    }
    return true;
}

int chb_fencing_decode(const uint8_t *buffer, size_t size, bool from_servant,
                       struct chb_fencing_message *ret)
{
    struct chb_fencing_message m = {0};
    bool is_from_servant;

    if (!frame_is_valid(buffer, size)) {
        return -EBADMSG;
    }
    m.type = (enum chb_fencing_type)get_u32(buffer + AT_TYPE);
    m.error = -(int32_t)get_u32(buffer + AT_ERROR);
    m.timeout_s = (int32_t)get_u32(buffer + AT_TIMEOUT);
    m.state = (enum chb_fencing_entry_state)get_u32(buffer + AT_STATE);
    m.id = get_u64(buffer + AT_ID);
    m.arrival.ns = (int64_t)get_u64(buffer + AT_ARRIVAL);
    m.not_before.ns = (int64_t)get_u64(buffer + AT_NOT_BEFORE);
    m.completed_ns = (int64_t)get_u64(buffer + AT_COMPLETED);
    memcpy(m.node, buffer + AT_NODE, sizeof(m.node));
    memcpy(m.action, buffer + AT_ACTION, sizeof(m.action));
    memcpy(m.executioner, buffer + AT_EXECUTIONER, sizeof(m.executioner));
    memcpy(m.origin, buffer + AT_ORIGIN, sizeof(m.origin));
    memcpy(m.client, buffer + AT_CLIENT, sizeof(m.client));
    memcpy(m.text, buffer + AT_TEXT, sizeof(m.text));
    if (!message_is_valid(&m, &is_from_servant) || is_from_servant != from_servant) {
        return -EBADMSG;
    }
    *ret = m;
    return 0;
}

bool chb_fencing_copy(char *to, size_t size, const char *from)
{
    size_t length = 0;

    memset(to, 0, size);
    if (from == NULL) {
        return true;
    }
    for (; from[length] != '\0' && length < size - 1; length++) {
        unsigned char c = (unsigned char)from[length];
        to[length] = c < 0x20 || c == 0x7f ? '?' : from[length];
    }
    return from[length] == '\0';
}

bool chb_fencing_cuts_power(const char *action)
{
    return strcmp(action, "off") == 0 || strcmp(action, "reboot") == 0;
}
