/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of colo-hbd, on top of its configuration file. */
#ifndef CHB_SHELL_OPTIONS_H
#define CHB_SHELL_OPTIONS_H

#include <stdbool.h>

#include <agent/config/conf_file.h>

struct chb_options {
    struct chb_conf conf;
    bool foreground;
    char log_dir[CHB_CONF_PATH_SIZE];
    char socket[CHB_CONF_PATH_SIZE];
    char fencing_servant[CHB_CONF_PATH_SIZE];
    char tools_dir[CHB_CONF_PATH_SIZE]; /* where Pacemaker's programs are */
};

/* Reads the command line and the file. Ends the process for --help, --version and for mistakes,
 * after saying what is wrong on standard error. */
void chb_options_parse(int argc, char **argv, struct chb_options *ret_options);

#endif
