/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/shell/log.h>

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <qb/qblog.h>

#define LINE_MAX_BYTES 512
#define JOURNAL "/run/systemd/journal/socket"
#define BLACKBOX_BYTES (256 * 1024)

static const char *blackbox_path;

static int syslog_level(enum chb_log_level level)
{
    switch (level) {
    case CHB_LOG_LEVEL_ERROR:
        return LOG_ERR;
    case CHB_LOG_LEVEL_WARNING:
        return LOG_WARNING;
    case CHB_LOG_LEVEL_NOTICE:
        return LOG_NOTICE;
    case CHB_LOG_LEVEL_INFO:
        return LOG_INFO;
    case CHB_LOG_LEVEL_DEBUG:
        return LOG_DEBUG;
    }
    return LOG_NOTICE;
}

static void enable(int32_t target, int level)
{
    (void)qb_log_filter_ctl(target, QB_LOG_FILTER_CLEAR_ALL, QB_LOG_FILTER_FILE, "*", LOG_TRACE);
    (void)qb_log_filter_ctl(target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", (uint8_t)level);
    (void)qb_log_ctl(target, QB_LOG_CONF_ENABLED, QB_TRUE);
}

void chb_log_open(const struct chb_conf *conf, bool foreground, const char *blackbox)
{
    int level = syslog_level(conf->log_level);
    bool to_stderr = foreground || conf->log_target == CHB_LOG_TARGET_STDERR;
    qb_log_init("colo-hbd", LOG_DAEMON, (uint8_t)LOG_ERR);
    (void)qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_FALSE);
    if (to_stderr) {
        qb_log_format_set(QB_LOG_STDERR, "%T colo-hbd[%P] %7p: %b");
        enable(QB_LOG_STDERR, level);
    } else {
        /* Without a journal, libsystemd drops what it is given and says nothing. */
        bool journal = conf->log_target == CHB_LOG_TARGET_JOURNAL && access(JOURNAL, W_OK) == 0;
        (void)qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_USE_JOURNAL, journal ? QB_TRUE : QB_FALSE);
        enable(QB_LOG_SYSLOG, level);
    }
    blackbox_path = blackbox;
    (void)qb_log_ctl(QB_LOG_BLACKBOX, QB_LOG_CONF_SIZE, BLACKBOX_BYTES);
    enable(QB_LOG_BLACKBOX, LOG_DEBUG);
}

void chb_log_close(void)
{
    qb_log_fini();
}

void chb_log(int level, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    qb_log_from_external_source("colo-hbd", "shell", "%s", (uint8_t)level, 0, 0, line);
}

void chb_log_dump(void)
{
    if (blackbox_path != NULL) {
        (void)unlink(blackbox_path);
        (void)qb_log_blackbox_write_to_file(blackbox_path);
    }
}
