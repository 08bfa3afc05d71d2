/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test tool: prints the command line of a VM, one word per line.
 *
 *   cmdline-print primary|secondary name=... run_dir=... [overlay_dir=...] [listen=...]
 * [disk=PATH]... [tap=NAME]... [memory=MB] [accel=...] [cpu=...] [machine=...] [paused=1] [--
 * QEMU_WORD...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agent/qemu/cmdline.h>

static struct chb_vm_spec spec;
static char macs[CHB_NICS_MAX][18];
static struct chb_cmdline cmdline;

static bool take(const char *option)
{
    const struct {
        const char *prefix;
        const char **place;
    } texts[] = {
        {"name=", &spec.name},       {"run_dir=", &spec.run_dir},         {"cpu=", &spec.cpu},
        {"accel=", &spec.accel},     {"overlay_dir=", &spec.overlay_dir}, {"uuid=", &spec.uuid},
        {"machine=", &spec.machine}, {"listen=", &spec.listen_address},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strncmp(option, texts[i].prefix, strlen(texts[i].prefix)) == 0) {
            *texts[i].place = option + strlen(texts[i].prefix);
            return true;
        }
    }
    if (strncmp(option, "disk=", 5) == 0 && spec.n_disks < CHB_DISKS_MAX) {
        spec.disks[spec.n_disks++].path = option + 5;
    } else if (strncmp(option, "tap=", 4) == 0 && spec.n_nics < CHB_NICS_MAX) {
        spec.nics[spec.n_nics++].tap = option + 4;
    } else if (strncmp(option, "memory=", 7) == 0) {
        spec.memory_mb = (uint32_t)strtoul(option + 7, NULL, 10);
    } else if (strcmp(option, "paused=1") == 0) {
        spec.paused = true;
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    char reason[256];

    spec.memory_mb = 128;
    spec.cpus = 1;
    spec.role = argc > 1 && strcmp(argv[1], "secondary") == 0 ? CHB_VM_SECONDARY : CHB_VM_PRIMARY;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            spec.extra = (const char *const *)&argv[i + 1];
            spec.n_extra = (size_t)(argc - i - 1);
            break;
        }
        if (!take(argv[i])) {
            (void)fprintf(stderr, "cmdline-print: %s?\n", argv[i]);
            return 3;
        }
    }
    for (unsigned i = 0; i < spec.n_nics && spec.name != NULL; i++) {
        chb_qemu_default_mac(spec.name, i, macs[i]);
        spec.nics[i].mac = macs[i];
    }
    if (chb_qemu_extra_check(spec.extra, spec.n_extra, reason, sizeof(reason)) < 0 ||
        chb_cmdline_build(&spec, &cmdline, reason, sizeof(reason)) < 0) {
        (void)fprintf(stderr, "cmdline-print: %s\n", reason);
        return 1;
    }
    for (size_t i = 0; i < cmdline.n_words; i++) {
        (void)puts(cmdline.words[i]);
    }
    return 0;
}
