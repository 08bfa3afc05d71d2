/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bodies, field by field. The order of the fields here is the protocol. */
#include <assert.h>
#include <string.h>

#include <heartbeat/bytes.h>
#include <heartbeat/wire_body.h>

#define HEALTH_MAX 100

/* A reminder for whoever gives these structs a field: it has to be sent, compared and tested too.
 * (Sizes of the x86-64 and aarch64 ABIs.) */
static_assert(sizeof(struct chb_record) == 32, "chb_record changed: change the wire format too");
static_assert(sizeof(struct chb_ports) == 36, "chb_ports changed: change the wire format too");
static_assert(sizeof(struct chb_state_msg) == 224, "chb_state_msg changed: change the format too");
static_assert(sizeof(struct chb_request_msg) == 8,
              "chb_request_msg changed: change the format too");
static_assert(CHB_NICS_MAX == 8 && CHB_DISKS_MAX == 8,
              "arrays in the state message: change it too");

/* A place in a message that is being read; `ok` turns false once and for all. */
struct reader {
    const uint8_t *at;
    bool newer;
    bool ok;
};

static uint8_t *put_u8(uint8_t *at, uint8_t value)
{
    *at = value;
    return at + 1;
}

static uint8_t *put_u16(uint8_t *at, uint16_t value)
{
    chb_put_u16(at, value);
    return at + 2;
}

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
    chb_put_u32(at, value);
    return at + 4;
}

static uint8_t *put_u64(uint8_t *at, uint64_t value)
{
    chb_put_u64(at, value);
    return at + 8;
}

static uint8_t *put_zeros(uint8_t *at, size_t count)
{
    memset(at, 0, count);
    return at + count;
}

static uint8_t get_u8(struct reader *reader)
{
    return *reader->at++;
}

static uint16_t get_u16(struct reader *reader)
{
    uint16_t value = chb_get_u16(reader->at);
    reader->at += 2;
    return value;
}

static uint32_t get_u32(struct reader *reader)
{
    uint32_t value = chb_get_u32(reader->at);
    reader->at += 4;
    return value;
}

static uint64_t get_u64(struct reader *reader)
{
    uint64_t value = chb_get_u64(reader->at);
    reader->at += 8;
    return value;
}

static bool get_bool(struct reader *reader)
{
    uint8_t value = get_u8(reader);
    reader->ok = reader->ok && value <= 1;
    return value == 1;
}

/* One byte below `end`, else 0: an enum must never hold what it has no name for. */
static unsigned int get_below(struct reader *reader, unsigned int end)
{
    uint8_t value = get_u8(reader);
    if (value >= end) {
        reader->ok = false;
        return 0;
    }
    return value;
}

static void get_reserved(struct reader *reader, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t value = get_u8(reader);
        reader->ok = reader->ok && (value == 0 || reader->newer);
    }
}

static uint8_t *put_record(uint8_t *at, const struct chb_record *record)
{
    at = put_u64(at, record->generation);
    at = put_u32(at, record->author);
    at = put_u32(at, record->peer);
    at = put_u8(at, (uint8_t)record->kind);
    at = put_u8(at, (uint8_t)record->role);
    at = put_u8(at, record->overlays_pending);
    return put_zeros(at, 1);
}

static void get_record(struct reader *reader, struct chb_record *ret_record)
{
    ret_record->generation = get_u64(reader);
    ret_record->author = get_u32(reader);
    ret_record->peer = get_u32(reader);
    ret_record->kind = (enum chb_record_kind)get_below(reader, CHB_RECORD_KIND_MAX);
    ret_record->role = (enum chb_role)get_below(reader, CHB_ROLE_MAX);
    ret_record->overlays_pending = get_bool(reader);
    get_reserved(reader, 1);
}

static uint8_t *put_ports(uint8_t *at, const struct chb_ports *ports)
{
    at = put_u16(at, ports->nbd);
    at = put_u16(at, ports->migration);
    for (size_t i = 0; i < CHB_NICS_MAX; i++) {
        at = put_u16(at, ports->mirror[i]);
    }
    for (size_t i = 0; i < CHB_NICS_MAX; i++) {
        at = put_u16(at, ports->compare[i]);
    }
    return at;
}

static void get_ports(struct reader *reader, struct chb_ports *ret_ports)
{
    ret_ports->nbd = get_u16(reader);
    ret_ports->migration = get_u16(reader);
    for (size_t i = 0; i < CHB_NICS_MAX; i++) {
        ret_ports->mirror[i] = get_u16(reader);
    }
    for (size_t i = 0; i < CHB_NICS_MAX; i++) {
        ret_ports->compare[i] = get_u16(reader);
    }
}

void chb_wire_put_state(const struct chb_state_msg *state, uint8_t *ret_bytes)
{
    uint8_t *at = put_record(ret_bytes, &state->record);
    at = put_u8(at, (uint8_t)state->phase);
    at = put_u8(at, (uint8_t)state->role);
    at = put_u8(at, (uint8_t)state->join);
    at = put_u8(at, state->health);
    at = put_u64(at, state->generation);
    at = put_u64(at, state->dead_generation);
    at = put_u64(at, state->broken_generation);
    at = put_u64(at, state->join_id);
    at = put_u64(at, state->spec_hash);
    at = put_u32(at, state->join_node);
    at = put_u32(at, state->qemu_version);
    at = put_ports(at, &state->ports);
    for (size_t i = 0; i < CHB_DISKS_MAX; i++) {
        at = put_u64(at, state->disk_bytes[i]);
    }
    at = put_u8(at, state->image_present);
    at = put_u8(at, state->seeded);
    at = put_u8(at, state->oob_alive);
    at = put_u8(at, state->main_alive);
    for (size_t i = 0; i < CHB_SPEC_PARTS; i++) {
        at = put_u16(at, state->spec_parts[i]);
    }
    assert(at == ret_bytes + CHB_WIRE_STATE_BODY_SIZE);
}

static void get_state(struct reader *reader, struct chb_state_msg *ret_state)
{
    memset(ret_state, 0, sizeof(*ret_state));
    get_record(reader, &ret_state->record);
    ret_state->phase = (enum chb_phase)get_below(reader, CHB_PHASE_MAX);
    ret_state->role = (enum chb_role)get_below(reader, CHB_ROLE_MAX);
    ret_state->join = (enum chb_join)get_below(reader, CHB_JOIN_MAX);
    ret_state->health = (uint8_t)get_below(reader, HEALTH_MAX + 1);
    ret_state->generation = get_u64(reader);
    ret_state->dead_generation = get_u64(reader);
    ret_state->broken_generation = get_u64(reader);
    ret_state->join_id = get_u64(reader);
    ret_state->spec_hash = get_u64(reader);
    ret_state->join_node = get_u32(reader);
    ret_state->qemu_version = get_u32(reader);
    get_ports(reader, &ret_state->ports);
    for (size_t i = 0; i < CHB_DISKS_MAX; i++) {
        ret_state->disk_bytes[i] = get_u64(reader);
    }
    ret_state->image_present = get_bool(reader);
    ret_state->seeded = get_bool(reader);
    ret_state->oob_alive = get_bool(reader);
    ret_state->main_alive = get_bool(reader);
    for (size_t i = 0; i < CHB_SPEC_PARTS; i++) {
        ret_state->spec_parts[i] = get_u16(reader);
    }
}

static void put_heartbeat(const struct chb_heartbeat_msg *heartbeat, uint8_t *at)
{
    at = put_u32(at, heartbeat->vm_count);
    at = put_u32(at, heartbeat->flags);
    at = put_u32(at, heartbeat->lateness_ms);
    at = put_u32(at, heartbeat->agent_version);
    put_u64(at, heartbeat->digest);
}

static void get_heartbeat(struct reader *reader, struct chb_heartbeat_msg *ret_heartbeat)
{
    ret_heartbeat->vm_count = get_u32(reader);
    uint32_t flags = get_u32(reader);
    reader->ok = reader->ok && ((flags & ~CHB_HEARTBEAT_FLAGS_ALL) == 0 || reader->newer);
    ret_heartbeat->flags = flags & CHB_HEARTBEAT_FLAGS_ALL;
    ret_heartbeat->lateness_ms = get_u32(reader);
    ret_heartbeat->agent_version = get_u32(reader);
    ret_heartbeat->digest = get_u64(reader);
}

static void put_request(const struct chb_request_msg *request, uint8_t *at)
{
    at = put_u8(at, (uint8_t)request->request);
    at = put_zeros(at, 3);
    put_u32(at, request->node);
}

static void get_request(struct reader *reader, struct chb_request_msg *ret_request)
{
    ret_request->request = (enum chb_request)get_below(reader, CHB_REQUEST_MAX);
    get_reserved(reader, 3);
    ret_request->node = get_u32(reader);
}

size_t chb_wire_body_size(enum chb_wire_type type)
{
    switch (type) {
    case CHB_WIRE_HEARTBEAT:
        return CHB_WIRE_HEARTBEAT_SIZE - CHB_WIRE_HEADER_SIZE;
    case CHB_WIRE_STATE:
        return CHB_WIRE_STATE_BODY_SIZE;
    case CHB_WIRE_REQUEST:
        return CHB_WIRE_REQUEST_SIZE - CHB_WIRE_HEADER_SIZE;
    case CHB_WIRE_NONE:
    case CHB_WIRE_TYPE_MAX:
        break;
    }
    return 0;
}

void chb_wire_put_body(const struct chb_wire_message *message, uint8_t *ret_bytes)
{
    switch (message->type) {
    case CHB_WIRE_HEARTBEAT:
        put_heartbeat(&message->u.heartbeat, ret_bytes);
        break;
    case CHB_WIRE_STATE:
        chb_wire_put_state(&message->u.state, ret_bytes);
        break;
    case CHB_WIRE_REQUEST:
        put_request(&message->u.request, ret_bytes);
        break;
    case CHB_WIRE_NONE:
    case CHB_WIRE_TYPE_MAX:
        break;
    }
}

bool chb_wire_get_body(const uint8_t *bytes, bool newer, struct chb_wire_message *message)
{
    struct reader reader = {.at = bytes, .newer = newer, .ok = true};

    switch (message->type) {
    case CHB_WIRE_HEARTBEAT:
        get_heartbeat(&reader, &message->u.heartbeat);
        break;
    case CHB_WIRE_STATE:
        get_state(&reader, &message->u.state);
        break;
    case CHB_WIRE_REQUEST:
        get_request(&reader, &message->u.request);
        break;
    case CHB_WIRE_NONE:
    case CHB_WIRE_TYPE_MAX:
        return false;
    }
    return reader.ok;
}

static bool state_is_valid(const struct chb_state_msg *state)
{
    return (unsigned int)state->record.kind < CHB_RECORD_KIND_MAX &&
           (unsigned int)state->record.role < CHB_ROLE_MAX &&
           (unsigned int)state->phase < CHB_PHASE_MAX && (unsigned int)state->role < CHB_ROLE_MAX &&
           (unsigned int)state->join < CHB_JOIN_MAX && state->health <= HEALTH_MAX;
}

bool chb_wire_body_is_valid(const struct chb_wire_message *message)
{
    switch (message->type) {
    case CHB_WIRE_HEARTBEAT:
        return (message->u.heartbeat.flags & ~CHB_HEARTBEAT_FLAGS_ALL) == 0;
    case CHB_WIRE_STATE:
        return state_is_valid(&message->u.state);
    case CHB_WIRE_REQUEST:
        return (unsigned int)message->u.request.request < CHB_REQUEST_MAX;
    case CHB_WIRE_NONE:
    case CHB_WIRE_TYPE_MAX:
        break;
    }
    return false;
}
