/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random objects of the core, made from their tables of fields. */
#ifndef CHB_TEST_RECORDER_RANDOM_H
#define CHB_TEST_RECORDER_RANDOM_H

#include <string.h>

#include <agent/recorder/layout.h>

static uint64_t random_state = 1;

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void random_object(const struct chb_layout *layout, uint8_t *object);

static void random_value(const struct chb_field *field, uint8_t *at)
{
    uint64_t number = random_number();
    uint32_t value = (uint32_t)number;
    if (field->type == CHB_FIELD_INNER) {
        random_object(field->inner, at);
    } else if (field->type == CHB_FIELD_BOOL) {
        bool truth = number % 2 == 1;
        memcpy(at, &truth, sizeof(truth));
    } else if (field->type == CHB_FIELD_ENUM) {
        value %= field->end;
        memcpy(at, &value, sizeof(value));
    } else if (field->type == CHB_FIELD_TIME) {
        number %= 600000000000; /* the longest time-out */
        memcpy(at, &number, sizeof(number));
    } else {
        memcpy(at, &number, field->size); /* any bytes will do */
    }
}

static void random_object(const struct chb_layout *layout, uint8_t *object)
{
    for (size_t i = 0; i < layout->n_fields; i++) {
        const struct chb_field *field = &layout->fields[i];
        for (size_t j = 0; j < field->count; j++) {
            random_value(field, object + field->offset + j * field->size);
        }
    }
}

static inline void random_event(struct chb_event *ret_event)
{
    memset(ret_event, 0, sizeof(*ret_event));
    ret_event->kind = (enum chb_event_kind)(random_number() % CHB_EVENT_MAX);
    random_object(chb_layout_event(ret_event->kind), (uint8_t *)ret_event);
}

#endif
