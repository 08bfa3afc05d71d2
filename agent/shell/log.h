/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's log: libqb, to the journal or standard error, and into the blackbox. */
#ifndef CHB_SHELL_LOG_H
#define CHB_SHELL_LOG_H

#include <syslog.h>

#include <agent/config/conf_file.h>

/* @foreground: to standard error, whatever the configuration says. @blackbox: path of the file that
 * holds the newest messages after a crash; borrowed for good. */
void chb_log_open(const struct chb_conf *conf, bool foreground, const char *blackbox);
void chb_log_close(void);

/* One line. @level: LOG_ERR to LOG_DEBUG. */
void chb_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes the blackbox: after an assertion, and on SIGUSR1. */
void chb_log_dump(void);

#endif
