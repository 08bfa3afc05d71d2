/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the tables of fields are written down, and the structs that several of them hold. Private to
 * this folder. */
#ifndef CHB_RECORDER_LAYOUT_TABLES_H
#define CHB_RECORDER_LAYOUT_TABLES_H

#include <agent/recorder/layout.h>

#define CHB_MEMBER(type, member) (((type *)0)->member)
#define CHB_TYPE_OF(value)                                                                         \
    _Generic((value), bool                                                                         \
             : CHB_FIELD_BOOL, uint8_t                                                             \
             : CHB_FIELD_U8, uint16_t                                                              \
             : CHB_FIELD_U16, uint32_t                                                             \
             : CHB_FIELD_U32, uint64_t                                                             \
             : CHB_FIELD_U64, chb_time                                                             \
             : CHB_FIELD_TIME, chb_span                                                            \
             : CHB_FIELD_TIME)

/* One member; an array of them; an enum, whose values are below `max`; a struct. */
#define CHB_PLAIN(type_, member)                                                                   \
    {                                                                                              \
        .name = #member, .type = CHB_TYPE_OF(CHB_MEMBER(type_, member)),                           \
        .offset = offsetof(type_, member), .count = 1, .size = sizeof(CHB_MEMBER(type_, member))   \
    }
#define CHB_ARRAY(type_, member)                                                                   \
    {                                                                                              \
        .name = #member, .type = CHB_TYPE_OF(CHB_MEMBER(type_, member)[0]),                        \
        .offset = offsetof(type_, member),                                                         \
        .count = sizeof(CHB_MEMBER(type_, member)) / sizeof(CHB_MEMBER(type_, member)[0]),         \
        .size = sizeof(CHB_MEMBER(type_, member)[0])                                               \
    }
#define CHB_ENUM(type_, member, max)                                                               \
    {                                                                                              \
        .name = #member, .type = CHB_FIELD_ENUM, .offset = offsetof(type_, member), .count = 1,    \
        .size = sizeof(uint32_t) / (sizeof(CHB_MEMBER(type_, member)) == sizeof(uint32_t)),        \
        .end = (max)                                                                               \
    }
#define CHB_INNER(type_, member, layout)                                                           \
    {                                                                                              \
        .name = #member, .type = CHB_FIELD_INNER, .offset = offsetof(type_, member), .count = 1,   \
        .size = sizeof(CHB_MEMBER(type_, member)), .inner = &(layout)                              \
    }

#define CHB_LAYOUT(name_, type, table)                                                             \
    {                                                                                              \
        .name = (name_), .size = sizeof(type), .n_fields = sizeof(table) / sizeof((table)[0]),     \
        .fields = (table)                                                                          \
    }

#define CHB_OUTCOME_END (CHB_OUTCOME_UNKNOWN + 1)

extern const struct chb_layout chb_layout_record;
extern const struct chb_layout chb_layout_ports;
extern const struct chb_layout chb_layout_settings;
extern const struct chb_layout chb_layout_state;
extern const struct chb_layout chb_layout_request;
extern const struct chb_layout chb_layout_pending;

#endif
