/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/ctl/doctor_qemu.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/ctl/ctl.h>
#include <agent/ctl/run.h>
#include <qmp/caps.h>

#define LIMIT_MS 10000
#define VERSION_LIMIT_MS 5000
#define OUTPUT_MAX (4 * 1024 * 1024)
#define DEPTH_MAX 32

static const char script[] = "{\"execute\":\"qmp_capabilities\"}\n"
                             "{\"execute\":\"query-qmp-schema\",\"id\":\"schema\"}\n"
                             "{\"execute\":\"quit\"}\n";

static struct json_object *parse_line(const char *line, size_t length)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL) {
        return NULL;
    }
    struct json_object *object = json_tokener_parse_ex(tokener, line, (int)length);
    if (json_tokener_get_error(tokener) != json_tokener_success) {
        json_object_put(object);
        object = NULL;
    }
    json_tokener_free(tokener);
    return object;
}

static bool read_greeting(struct json_object *line, struct chb_qmp_version *ret_version)
{
    struct json_object *greeting = chb_ctl_member(line, "QMP");
    struct json_object *qemu = chb_ctl_member(chb_ctl_member(greeting, "version"), "qemu");
    if (qemu == NULL) {
        return false;
    }
    ret_version->major = (unsigned)chb_ctl_number(qemu, "major", 0);
    ret_version->minor = (unsigned)chb_ctl_number(qemu, "minor", 0);
    ret_version->micro = (unsigned)chb_ctl_number(qemu, "micro", 0);
    return true;
}

/* Goes through what QEMU said. Returns 0, -EPROTO, or what chb_qmp_caps_check() says. */
static int judge(const char *output, struct chb_qmp_version *version, char *ret_reason, size_t size)
{
    struct chb_qmp_caps caps;
    bool greeted = false;
    int r = -EPROTO;
    (void)snprintf(ret_reason, size, "it does not speak QMP: is it a QEMU?");
    while (*output != '\0' && r == -EPROTO) {
        size_t length = strcspn(output, "\r\n");
        struct json_object *line = parse_line(output, length);
        if (!greeted) {
            greeted = read_greeting(line, version);
        } else if (strcmp(chb_ctl_text(line, "id", ""), "schema") == 0 &&
                   chb_qmp_caps_parse(version, chb_ctl_member(line, "return"), &caps) == 0) {
            r = chb_qmp_caps_check(&caps, ret_reason, size);
        }
        json_object_put(line);
        output += length;
        output += strspn(output, "\r\n");
    }
    return r;
}

int chb_doctor_qemu(const char *binary, char *ret_version, size_t version_size, char *ret_reason,
                    size_t reason_size)
{
    const char *const argv[] = {binary,   "-nodefaults", "-no-user-config", "-machine", "none",
                                "-accel", "tcg",         "-display",        "none",     "-qmp",
                                "stdio",  NULL};
    struct chb_qmp_version version = {0};
    ret_version[0] = '\0';
    char *output = malloc(OUTPUT_MAX);
    if (output == NULL) {
        (void)snprintf(ret_reason, reason_size, "out of memory");
        return -ENOMEM;
    }
    int r = chb_ctl_run(argv, script, chb_ms(LIMIT_MS), output, OUTPUT_MAX);
    if (r == -ENOENT || r == 127) {
        (void)snprintf(
            ret_reason, reason_size,
            "install it (Debian: qemu-system-x86), or name it with qemu = in colo-hbd.conf");
        r = -ENOENT;
    } else if (r != 0) {
        (void)snprintf(ret_reason, reason_size, "it did not start without a machine (status %d)",
                       r);
        r = -EIO;
    } else {
        r = judge(output, &version, ret_reason, reason_size);
    }
    free(output);
    if (version.major != 0) {
        (void)snprintf(ret_version, version_size, "%u.%u.%u", version.major, version.minor,
                       version.micro);
    }
    return r;
}

int chb_doctor_qemu_version(const char *binary, char *ret_reason, size_t reason_size)
{
    const char *const argv[] = {binary, "--version", NULL};
    struct chb_qmp_version version;
    char output[512];
    ret_reason[0] = '\0';
    if (chb_ctl_run(argv, NULL, chb_ms(VERSION_LIMIT_MS), output, sizeof(output)) != 0) {
        return 0;
    }
    if (chb_qmp_version_parse(output, &version) < 0) {
        return 0;
    }
    return chb_qmp_version_check(&version, ret_reason, reason_size);
}
