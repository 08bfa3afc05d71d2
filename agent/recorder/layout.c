/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/recorder/layout.h>

#include <agent/recorder/bytes.h>

static size_t width(const struct chb_field *field)
{
    switch (field->type) {
    case CHB_FIELD_BOOL:
    case CHB_FIELD_U8:
    case CHB_FIELD_ENUM:
        return 1;
    case CHB_FIELD_U16:
        return 2;
    case CHB_FIELD_U32:
        return 4;
    case CHB_FIELD_U64:
    case CHB_FIELD_TIME:
    case CHB_FIELD_PAST:
        return 8;
    case CHB_FIELD_INNER:
        break;
    }
    return chb_layout_bytes(field->inner);
}

size_t chb_layout_bytes(const struct chb_layout *layout)
{
    size_t bytes = 0;
    for (size_t i = 0; i < layout->n_fields; i++) {
        bytes += layout->fields[i].count * width(&layout->fields[i]);
    }
    return bytes;
}

static uint8_t *put_one(const struct chb_field *field, const uint8_t *from, uint8_t *at)
{
    bool truth;
    uint32_t number;
    int64_t time;

    switch (field->type) {
    case CHB_FIELD_BOOL:
        memcpy(&truth, from, sizeof(truth));
        *at = truth ? 1 : 0;
        return at + 1;
    case CHB_FIELD_U8:
        *at = *from;
        return at + 1;
    case CHB_FIELD_ENUM:
        memcpy(&number, from, sizeof(number));
        *at = (uint8_t)number;
        return at + 1;
    case CHB_FIELD_U16:
        return chb_put_le16(at, *(const uint16_t *)(const void *)from);
    case CHB_FIELD_U32:
        return chb_put_le32(at, *(const uint32_t *)(const void *)from);
    case CHB_FIELD_U64:
        return chb_put_le64(at, *(const uint64_t *)(const void *)from);
    case CHB_FIELD_TIME:
    case CHB_FIELD_PAST:
        memcpy(&time, from, sizeof(time));
        return chb_put_le64(at, (uint64_t)time);
    case CHB_FIELD_INNER:
        break;
    }
    return chb_layout_put(field->inner, from, at);
}

uint8_t *chb_layout_put(const struct chb_layout *layout, const void *object, uint8_t *at)
{
    for (size_t i = 0; i < layout->n_fields; i++) {
        const struct chb_field *field = &layout->fields[i];
        for (size_t j = 0; j < field->count; j++) {
            at = put_one(field, (const uint8_t *)object + field->offset + j * field->size, at);
        }
    }
    return at;
}

static bool get_one(const struct chb_field *field, const uint8_t *at, uint8_t *to)
{
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    int64_t time;
    bool truth;

    switch (field->type) {
    case CHB_FIELD_BOOL:
        truth = *at == 1;
        memcpy(to, &truth, sizeof(truth));
        return *at <= 1;
    case CHB_FIELD_U8:
        *to = *at;
        return true;
    case CHB_FIELD_ENUM:
        u32 = *at;
        memcpy(to, &u32, sizeof(u32));
        return *at < field->end;
    case CHB_FIELD_U16:
        u16 = chb_get_le16(at);
        memcpy(to, &u16, sizeof(u16));
        return true;
    case CHB_FIELD_U32:
        u32 = chb_get_le32(at);
        memcpy(to, &u32, sizeof(u32));
        return true;
    case CHB_FIELD_U64:
        u64 = chb_get_le64(at);
        memcpy(to, &u64, sizeof(u64));
        return true;
    case CHB_FIELD_TIME:
    case CHB_FIELD_PAST:
        time = (int64_t)chb_get_le64(at);
        memcpy(to, &time, sizeof(time));
        /* The distance of any two times can be had. */
        return time >= 0 || field->type == CHB_FIELD_PAST;
    case CHB_FIELD_INNER:
        break;
    }
    return chb_layout_get(field->inner, at, to);
}

bool chb_layout_get(const struct chb_layout *layout, const uint8_t *at, void *ret_object)
{
    for (size_t i = 0; i < layout->n_fields; i++) {
        const struct chb_field *field = &layout->fields[i];
        size_t step = width(field);
        for (size_t j = 0; j < field->count; j++) {
            uint8_t *to = (uint8_t *)ret_object + field->offset + j * field->size;
            if (!get_one(field, at, to)) {
                return false;
            }
            at += step;
        }
    }
    return true;
}

const char *chb_layout_difference(const struct chb_layout *layout, const void *a, const void *b)
{
    for (size_t i = 0; i < layout->n_fields; i++) {
        const struct chb_field *field = &layout->fields[i];
        for (size_t j = 0; j < field->count; j++) {
            const uint8_t *x = (const uint8_t *)a + field->offset + j * field->size;
            const uint8_t *y = (const uint8_t *)b + field->offset + j * field->size;
            bool same = field->type == CHB_FIELD_INNER
                            ? chb_layout_difference(field->inner, x, y) == NULL
                            : memcmp(x, y, field->size) == 0;
            if (!same) {
                return field->name;
            }
        }
    }
    return NULL;
}

/* ---- the shape as a number ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t shape(uint64_t hash, const struct chb_layout *layout)
{
    for (size_t i = 0; i < layout->n_fields; i++) {
        const struct chb_field *field = &layout->fields[i];
        for (const char *c = field->name; *c != '\0'; c++) {
            hash = mix(hash, (uint8_t)*c);
        }
        hash = mix(hash, (uint64_t)field->type << 32 | (uint64_t)field->count << 16 | field->end);
        if (field->inner != NULL) {
            hash = shape(hash, field->inner);
        }
    }
    return mix(hash, layout->n_fields);
}

uint64_t chb_layout_id(void)
{
    uint64_t hash = shape(shape(CHB_NODES_MAX, &chb_layout_core), &chb_layout_peer);
    for (unsigned kind = 0; kind < CHB_EVENT_MAX; kind++) {
        hash = shape(hash, chb_layout_event((enum chb_event_kind)kind));
    }
    for (unsigned kind = 0; kind < CHB_ACTION_MAX; kind++) {
        hash = shape(hash, chb_layout_action((enum chb_action_kind)kind));
    }
    return hash;
}
