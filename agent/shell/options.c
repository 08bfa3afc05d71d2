/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/shell/options.h>

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum key {
    OPTION_FOREGROUND = 'f',
    OPTION_CONFIG = 'c',
    OPTION_STATE_DIR = 0x100,
    OPTION_RUNTIME_DIR,
    OPTION_LOG_DIR,
    OPTION_SOCKET,
    OPTION_FENCING_SERVANT,
    OPTION_TOOLS_DIR,
};

static const struct argp_option option_list[] = {
    {"foreground", OPTION_FOREGROUND, NULL, 0, "Log to standard error", 0},
    {"config", OPTION_CONFIG, "FILE", 0, "Configuration file (default " CHB_CONF_PATH ")", 0},
    {"state-dir", OPTION_STATE_DIR, "DIR", 0, "Records and histories of this host", 0},
    {"runtime-dir", OPTION_RUNTIME_DIR, "DIR", 0, "What the next daemon takes over; on /run", 0},
    {"log-dir", OPTION_LOG_DIR, "DIR", 0, "QEMU's own logs (default /var/log/colo-hbd)", 0},
    {"socket", OPTION_SOCKET, "FILE", 0, "Control socket (default RUNTIME_DIR/control.sock)", 0},
    {"fencing-servant", OPTION_FENCING_SERVANT, "FILE", 0, "Program that talks to the fencer", 0},
    {"tools-dir", OPTION_TOOLS_DIR, "DIR", 0, "Pacemaker's programs (default /usr/sbin)", 0},
    {0},
};

struct given {
    const char *config;
    const char *state_dir;
    const char *runtime_dir;
    const char *log_dir;
    const char *socket;
    const char *fencing_servant;
    const char *tools_dir;
    bool foreground;
};

static error_t take(int key, char *arg, struct argp_state *state)
{
    struct given *given = state->input;
    const char **path = NULL;
    switch (key) {
    case OPTION_FOREGROUND:
        given->foreground = true;
        return 0;
    case OPTION_CONFIG:
        path = &given->config;
        break;
    case OPTION_STATE_DIR:
        path = &given->state_dir;
        break;
    case OPTION_RUNTIME_DIR:
        path = &given->runtime_dir;
        break;
    case OPTION_LOG_DIR:
        path = &given->log_dir;
        break;
    case OPTION_SOCKET:
        path = &given->socket;
        break;
    case OPTION_FENCING_SERVANT:
        path = &given->fencing_servant;
        break;
    case OPTION_TOOLS_DIR:
        path = &given->tools_dir;
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument \"%s\"", arg);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    if (arg[0] != '/' || strlen(arg) >= CHB_CONF_PATH_SIZE) {
        argp_error(state, "\"%s\": write an absolute path of at most %d bytes", arg,
                   CHB_CONF_PATH_SIZE - 1);
    }
    *path = arg;
    return 0;
}

static void set(char ret_path[static CHB_CONF_PATH_SIZE], const char *path)
{
    if (path != NULL) {
        (void)snprintf(ret_path, CHB_CONF_PATH_SIZE, "%s", path);
    }
}

static void join(char ret_path[static CHB_CONF_PATH_SIZE], const char *folder, const char *name)
{
    int n = snprintf(ret_path, CHB_CONF_PATH_SIZE, "%s/%s", folder, name);
    if (n >= CHB_CONF_PATH_SIZE) {
        (void)fprintf(stderr, "colo-hbd: %s/%s: this path is too long\n", folder, name);
        exit(2);
    }
}

void chb_options_parse(int argc, char **argv, struct chb_options *ret_options)
{
    static char version[] = "colo-hbd " CHB_VERSION;
    static char text[] = "Heartbeat and failover agent for QEMU COLO pairs.";
    argp_program_version = version;
    const struct argp parser = {option_list, take, NULL, text, NULL, NULL, NULL};
    struct given given = {0};
    argp_err_exit_status = 2;
    if (argp_parse(&parser, argc, argv, 0, NULL, &given) != 0) {
        exit(2);
    }
    struct chb_config_error error = {0};
    memset(ret_options, 0, sizeof(*ret_options));
    struct chb_conf *conf = &ret_options->conf;
    if (chb_conf_load(given.config, conf, &error) < 0) {
        (void)fprintf(stderr, "colo-hbd: %s\n", error.text);
        exit(2);
    }
    bool overlays_follow =
        strncmp(conf->overlay_dir, conf->state_dir, strlen(conf->state_dir)) == 0;
    set(conf->state_dir, given.state_dir);
    set(conf->runtime_dir, given.runtime_dir);
    if (given.state_dir != NULL && overlays_follow) {
        join(conf->overlay_dir, conf->state_dir, "overlays");
    }
    ret_options->foreground = given.foreground;
    set(ret_options->log_dir, given.log_dir != NULL ? given.log_dir : "/var/log/colo-hbd");
    set(ret_options->tools_dir, given.tools_dir != NULL ? given.tools_dir : "/usr/sbin");
    set(ret_options->fencing_servant,
        given.fencing_servant != NULL ? given.fencing_servant : CHB_FENCING_SERVANT);
    if (given.socket != NULL) {
        set(ret_options->socket, given.socket);
    } else {
        join(ret_options->socket, conf->runtime_dir, "control.sock");
    }
}
