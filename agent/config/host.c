/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the configuration that asks this host: the config file, images, bridges, folders. */
#include <agent/config/params.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <agent/config/file.h>

#define DEFAULT_QEMU "qemu-system-x86_64"

int chb_params_load(const struct chb_vm_identity *identity, const struct chb_param *params,
                    size_t n_params, struct chb_vm_config **ret_config,
                    struct chb_config_error *ret_error)
{
    char *text = NULL;
    size_t size = 0;
    for (size_t i = 0; i < n_params && i < CHB_PARAMS_MAX; i++) {
        const char *path = params[i].value;
        if (strcmp(params[i].key, "config") != 0 || path[0] == '\0' || text != NULL) {
            continue;
        }
        if (path[0] != '/') {
            return chb_config_fail(ret_error, -EINVAL, "config", 0,
                                   "config: \"%.80s\" is not right: write an absolute path, for "
                                   "example /etc/colo-hbd/%s.json",
                                   path, identity->vm);
        }
        int r = chb_read_file(path, CHB_PARAM_FILE_MAX, &text, &size);
        if (r < 0) {
            return chb_config_fail(
                ret_error, r, "config", 0,
                "config: cannot read %.200s on this host: %s: put the file there, "
                "readable for root, at most %d bytes",
                path, strerror(-r), CHB_PARAM_FILE_MAX);
        }
    }
    int r = chb_params_parse(identity, params, n_params, text, size, ret_config, ret_error);
    free(text);
    return r;
}

int chb_vm_config_missing_image(const struct chb_vm_config *config,
                                struct chb_config_error *ret_error)
{
    for (unsigned i = 0; i < config->spec.n_disks; i++) {
        const char *path = config->spec.disks[i].path;
        struct stat status;
        int error = 0;
        if (stat(path, &status) < 0 || access(path, R_OK | W_OK) < 0) {
            error = errno;
        } else if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
            error = S_ISDIR(status.st_mode) ? EISDIR : ENOTBLK;
        }
        if (error != 0) {
            return chb_config_fail(
                ret_error, -error, "disks", 0,
                "disks: entry %u: image %.200s on this host: %s: make it, with "
                "exactly the size that the other host's has (qemu-img create -f "
                "%s)",
                i + 1, path, strerror(error),
                config->spec.disks[i].format == NULL ? "qcow2" : config->spec.disks[i].format);
        }
    }
    return 0;
}

static int check_bridges(const struct chb_vm_config *config, struct chb_config_error *ret_error)
{
    for (unsigned i = 0; i < config->spec.n_nics; i++) {
        char path[128];
        const char *bridge = config->spec.nics[i].bridge;
        (void)snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", bridge);
        if (access(path, F_OK) < 0) {
            return chb_config_fail(
                ret_error, -ENODEV, "nics", 0,
                "nics: entry %u: this host has no bridge %s: make it (ip link add "
                "%s type bridge), or name another one",
                i + 1, bridge, bridge);
        }
    }
    return 0;
}

/* Looks a program up in PATH as execvp() does. */
static bool is_in_path(const char *name)
{
    const char *path = getenv("PATH");
    if (path == NULL) {
        path = "/usr/local/bin:/usr/bin:/bin";
    }
    while (*path != '\0') {
        char file[4096];
        size_t length = strcspn(path, ":");
        int n = snprintf(file, sizeof(file), "%.*s/%s", (int)length, path, name);
        if (n > 0 && (size_t)n < sizeof(file) && access(file, X_OK) == 0) {
            return true;
        }
        path += length;
        path += *path == ':' ? 1 : 0;
    }
    return false;
}

int chb_vm_config_check_host(const struct chb_vm_config *config, struct chb_config_error *ret_error)
{
    const struct chb_vm_spec *spec = &config->spec;
    const char *qemu = spec->binary == NULL ? DEFAULT_QEMU : spec->binary;
    bool found = qemu[0] == '/' ? access(qemu, X_OK) == 0 : is_in_path(qemu);
    if (!found) {
        return chb_config_fail(ret_error, -ENOENT, "qemu", 0,
                               "qemu: %.200s is not on this host, or may not be run: install it "
                               "(Debian: qemu-system-x86), or name it with qemu=",
                               qemu);
    }
    if (spec->overlay_dir != NULL) {
        struct stat status;
        int error = stat(spec->overlay_dir, &status) < 0 ? errno : 0;
        if (error == 0 && !S_ISDIR(status.st_mode)) {
            error = ENOTDIR;
        }
        if (error != 0) {
            return chb_config_fail(
                ret_error, -error, "overlay_dir", 0,
                "overlay_dir: %.200s on this host: %s: make the folder, or leave "
                "the parameter out",
                spec->overlay_dir, strerror(error));
        }
    }
    int r = check_bridges(config, ret_error);
    return r < 0 ? r : chb_vm_config_missing_image(config, ret_error);
}
