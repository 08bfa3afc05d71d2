/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/conf_file.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/config/file.h>
#include <agent/config/table.h>
#include <agent/config/units.h>

#define HEARTBEAT_MS_MIN 10
#define HEARTBEAT_MS_MAX 10000
#define SILENCE_MS_MIN 100
#define SILENCE_MS_MAX 60000
#define RECORDER_BYTES_MIN (UINT64_C(64) << 10)
#define RECORDER_BYTES_MAX (UINT64_C(1) << 30)

/* Each reads one value: NULL, or what to write instead. */
typedef const char *read_value(const char *value, struct chb_conf *conf);

static const char *read_path(const char *value, char ret_path[static CHB_CONF_PATH_SIZE])
{
    if (value[0] != '/' || strlen(value) >= CHB_CONF_PATH_SIZE) {
        return "an absolute path of at most 255 bytes";
    }
    (void)snprintf(ret_path, CHB_CONF_PATH_SIZE, "%s", value);
    return NULL;
}

/* A path, or a name that is looked up in PATH. */
static const char *read_program(const char *value, char ret_path[static CHB_CONF_PATH_SIZE])
{
    if (strlen(value) >= CHB_CONF_PATH_SIZE || strchr(value, ' ') != NULL ||
        (value[0] != '/' && strchr(value, '/') != NULL)) {
        return "a program's name, or its absolute path of at most 255 bytes";
    }
    (void)snprintf(ret_path, CHB_CONF_PATH_SIZE, "%s", value);
    return NULL;
}

static const char *read_log_level(const char *value, struct chb_conf *conf)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            conf->log_level = (enum chb_log_level)i;
            return NULL;
        }
    }
    return "error, warning, notice, info or debug";
}

static const char *read_log_target(const char *value, struct chb_conf *conf)
{
    static const char *const names[] = {"journal", "syslog", "stderr"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            conf->log_target = (enum chb_log_target)i;
            return NULL;
        }
    }
    return "journal, syslog or stderr";
}

static const char *read_state_dir(const char *value, struct chb_conf *conf)
{
    return read_path(value, conf->state_dir);
}

static const char *read_runtime_dir(const char *value, struct chb_conf *conf)
{
    return read_path(value, conf->runtime_dir);
}

static const char *read_overlay_dir(const char *value, struct chb_conf *conf)
{
    return read_path(value, conf->overlay_dir);
}

static const char *read_qemu(const char *value, struct chb_conf *conf)
{
    return read_program(value, conf->qemu);
}

static const char *read_qemu_img(const char *value, struct chb_conf *conf)
{
    return read_program(value, conf->qemu_img);
}

static const char *read_control_group(const char *value, struct chb_conf *conf)
{
    if (strlen(value) >= sizeof(conf->control_group) || strpbrk(value, " :/\t") != NULL) {
        return "a group's name";
    }
    (void)snprintf(conf->control_group, sizeof(conf->control_group), "%s", value);
    return NULL;
}

static const char *read_heartbeat_interval(const char *value, struct chb_conf *conf)
{
    chb_span span;
    if (chb_parse_span(value, &span) < 0 || chb_span_ms(span) < HEARTBEAT_MS_MIN ||
        chb_span_ms(span) > HEARTBEAT_MS_MAX) {
        return "a time with its unit from 10ms to 10s, for example 200ms";
    }
    conf->heartbeat_interval = span;
    return NULL;
}

static const char *read_silence_timeout(const char *value, struct chb_conf *conf)
{
    chb_span span;
    if (chb_parse_span(value, &span) < 0 || chb_span_ms(span) < SILENCE_MS_MIN ||
        chb_span_ms(span) > SILENCE_MS_MAX) {
        return "a time with its unit from 100ms to 60s, for example 1s";
    }
    conf->silence_timeout = span;
    return NULL;
}

static const char *read_realtime(const char *value, struct chb_conf *conf)
{
    return chb_parse_bool(value, &conf->realtime) < 0 ? "yes or no" : NULL;
}

static const char *read_recorder(const char *value, struct chb_conf *conf)
{
    return chb_parse_bool(value, &conf->recorder) < 0 ? "yes or no" : NULL;
}

static const char *read_recorder_size(const char *value, struct chb_conf *conf)
{
    uint64_t bytes;
    if (chb_parse_size(value, 0, &bytes) < 0 || bytes < RECORDER_BYTES_MIN ||
        bytes > RECORDER_BYTES_MAX) {
        return "a size with its unit from 64K to 1G, for example 4M";
    }
    conf->recorder_bytes = bytes;
    return NULL;
}

#define N_KEYS 13

/* The same order in both; chb_conf_keys() gives out the first. */
static const char *const keys[N_KEYS + 1] = {
    "log_level",          "log_target",
    "state_dir",          "runtime_dir",
    "overlay_dir",        "qemu",
    "qemu_img",           "control_group",
    "heartbeat_interval", "silence_timeout",
    "realtime",           "recorder",
    "recorder_size",      NULL,
};
static read_value *const readers[N_KEYS] = {
    read_log_level,       read_log_target,    read_state_dir,
    read_runtime_dir,     read_overlay_dir,   read_qemu,
    read_qemu_img,        read_control_group, read_heartbeat_interval,
    read_silence_timeout, read_realtime,      read_recorder,
    read_recorder_size,
};

const char *const *chb_conf_keys(void)
{
    return keys;
}

void chb_conf_init(struct chb_conf *ret_conf)
{
    *ret_conf = (struct chb_conf){
        .log_level = CHB_LOG_LEVEL_NOTICE,
        .log_target = CHB_LOG_TARGET_JOURNAL,
        .state_dir = "/var/lib/colo-hbd",
        .runtime_dir = "/run/colo-hbd",
        .qemu = "qemu-system-x86_64",
        .qemu_img = "qemu-img",
        .control_group = "haclient",
        .heartbeat_interval = chb_ms(200),
        .silence_timeout = chb_ms(1000),
        .realtime = true,
        .recorder = true,
        .recorder_bytes = UINT64_C(4) << 20,
    };
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r", text[length - 1]) != NULL) {
        text[--length] = '\0';
    }
    return text;
}

static int parse_line(char *line, unsigned number, bool seen[static N_KEYS], struct chb_conf *conf,
                      struct chb_config_error *ret_error)
{
    line[strcspn(line, "#")] = '\0';
    line = trim(line);
    if (*line == '\0') {
        return 0;
    }
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        return chb_config_fail(ret_error, -EINVAL, "", number,
                               "line %u: \"%.80s\": write KEY = VALUE, or # before a comment",
                               number, line);
    }
    *equals = '\0';
    char *key = trim(line);
    char *value = trim(equals + 1);
    size_t i = 0;
    while (i < N_KEYS && strcmp(keys[i], key) != 0) {
        i++;
    }
    if (i == N_KEYS) {
        const char *meant = chb_closest_name(key, keys, N_KEYS);
        return chb_config_fail(
            ret_error, -EINVAL, key, number, "line %u: there is no key \"%.40s\": %s%s%s", number,
            key, meant == NULL ? "" : "write ", meant == NULL ? "" : meant,
            meant == NULL ? "remove it; colo-hbd.conf(5) has the list" : ", or remove it");
    }
    if (seen[i]) {
        return chb_config_fail(ret_error, -EINVAL, key, number,
                               "line %u: %s is given a second time: remove one", number, key);
    }
    seen[i] = true;
    const char *remedy = *value == '\0' ? "a value, or remove the line" : readers[i](value, conf);
    if (remedy != NULL) {
        return chb_config_fail(ret_error, -EINVAL, key, number,
                               "line %u: %s = \"%.80s\" is not right: write %s", number, key, value,
                               remedy);
    }
    return 0;
}

/* What depends on more than one key. */
static int finish(struct chb_conf *conf, struct chb_config_error *ret_error)
{
    if (conf->silence_timeout.ns < 3 * conf->heartbeat_interval.ns) {
        return chb_config_fail(
            ret_error, -EINVAL, "silence_timeout", 0,
            "silence_timeout (%lld ms) is less than three times "
            "heartbeat_interval (%lld ms): a single late heartbeat would count as "
            "silence; make it longer",
            (long long)chb_span_ms(conf->silence_timeout),
            (long long)chb_span_ms(conf->heartbeat_interval));
    }
    if (conf->overlay_dir[0] == '\0') {
        int n =
            snprintf(conf->overlay_dir, sizeof(conf->overlay_dir), "%s/overlays", conf->state_dir);
        if (n < 0 || (size_t)n >= sizeof(conf->overlay_dir)) {
            return chb_config_fail(ret_error, -EINVAL, "state_dir", 0,
                                   "state_dir is too long: write at most 246 bytes");
        }
    }
    return 0;
}

int chb_conf_parse(const char *text, size_t size, struct chb_conf *ret_conf,
                   struct chb_config_error *ret_error)
{
    bool seen[N_KEYS] = {false};
    struct chb_conf conf;
    chb_conf_init(&conf);
    if (size > CHB_CONF_FILE_MAX || memchr(text, '\0', size) != NULL) {
        return chb_config_fail(
            ret_error, -EINVAL, "", 0,
            "this is no configuration file: it holds a NUL byte, or more than %d "
            "bytes",
            CHB_CONF_FILE_MAX);
    }
    char *copy = strndup(text, size);
    if (copy == NULL) {
        return chb_config_fail(ret_error, -ENOMEM, "", 0, "out of memory");
    }
    int r = 0;
    unsigned number = 0;
    for (char *next = copy; r == 0 && next != NULL;) {
        char *line = strsep(&next, "\n");
        r = parse_line(line, ++number, seen, &conf, ret_error);
    }
    free(copy);
    if (r == 0) {
        r = finish(&conf, ret_error);
    }
    if (r == 0) {
        *ret_conf = conf;
    }
    return r;
}

int chb_conf_load(const char *path, struct chb_conf *ret_conf, struct chb_config_error *ret_error)
{
    char *text = NULL;
    size_t size = 0;
    const char *file = path == NULL ? CHB_CONF_PATH : path;
    int r = chb_read_file(file, CHB_CONF_FILE_MAX, &text, &size);
    if (r < 0 && r != -ENOENT) {
        return chb_config_fail(ret_error, r, "", 0, "%.200s: %s", file, strerror(-r));
    }
    r = chb_conf_parse(text == NULL ? "" : text, size, ret_conf, ret_error);
    free(text);
    return r;
}
