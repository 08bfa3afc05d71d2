/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's command line for one replica. Pure: a description in, words out.
 *
 * Both sides get the same devices, in the same order, at the same addresses: QEMU does not compare
 * them, and a pair that differs breaks when it is needed. Only back ends,
 * the incoming side and paths differ.
 *
 * Taps are made by the daemon before QEMU starts, by name, as persistent taps with IFF_VNET_HDR,
 * and put into their bridge; QEMU only opens them (script=no). So a QEMU that dies leaves the tap,
 * no helper runs as root under QEMU, and the output can be cut at the tap.
 *
 * Overlays are made by the daemon (qemu-img create -f qcow2, exactly the image's size) at the paths
 * of chb_qemu_path(), anew for every start of a secondary.
 */
#ifndef CHB_QEMU_CMDLINE_H
#define CHB_QEMU_CMDLINE_H

#include <net/if.h>
#include <stddef.h>

#include <agent/qemu/vm_spec.h>

#define CHB_CMDLINE_WORDS_MAX 512
#define CHB_CMDLINE_TEXT_MAX 65536
#define CHB_QEMU_PATH_SIZE 4096
#define CHB_QEMU_SOCKET_PATH_MAX 107 /* sun_path without its NUL */

/* Ready for execv(): words[0] is the binary, words[n_words] is NULL. Words point into text, so the
 * struct must not be copied. About 70 KB: not for the stack of a small thread. */
struct chb_cmdline {
    size_t n_words;
    char *words[CHB_CMDLINE_WORDS_MAX + 1];
    size_t text_used;
    char text[CHB_CMDLINE_TEXT_MAX];
};

/* Builds the command line of @spec.
 * @ret_reason: @size bytes; for people, "" on success.
 * Returns 0; -EINVAL when something required is missing or out of range; -ENAMETOOLONG when a
 * socket's path would be too long; -E2BIG when it does not fit. */
int chb_cmdline_build(const struct chb_vm_spec *spec, struct chb_cmdline *ret_cmdline,
                      char *ret_reason, size_t size);

/* Whether the user's words may be added: refuses what would break COLO or collide with ours.
 * @words: @n_words words, already split.
 * @ret_reason: @size bytes, "" on success: which word, why, and what to do instead.
 * Returns 0, -EINVAL, -E2BIG for more than 200 words or a word of 4096 bytes or more. */
int chb_qemu_extra_check(const char *const *words, size_t n_words, char *ret_reason, size_t size);

enum chb_qemu_path {
    CHB_QEMU_PATH_MONITOR,       /* RUN_DIR/qmp.sock */
    CHB_QEMU_PATH_MONITOR_OOB,   /* RUN_DIR/qmp-oob.sock */
    CHB_QEMU_PATH_PIDFILE,       /* RUN_DIR/qemu.pid */
    CHB_QEMU_PATH_SOCKET_PREFIX, /* RUN_DIR/net-: for chb_seq_params.socket_prefix */
    CHB_QEMU_PATH_ACTIVE,        /* OVERLAY_DIR/NAME-diskI-active.qcow2 */
    CHB_QEMU_PATH_HIDDEN,        /* OVERLAY_DIR/NAME-diskI-hidden.qcow2 */
};

/* Where a file of @spec is. @index: the disk, for overlays; else ignored.
 * Returns 0, -ENAMETOOLONG (also for a socket beyond CHB_QEMU_SOCKET_PATH_MAX), -EINVAL when the
 * folder is missing from @spec. */
int chb_qemu_path(const struct chb_vm_spec *spec, enum chb_qemu_path which, unsigned index,
                  char ret_path[static CHB_QEMU_PATH_SIZE]);

/* The tap of a VM's NIC: "chb" + 8 hexadecimal digits of the VM's name's FNV-1a hash + "n" + index.
 * Equal on every host and at every start, so a tap left by a crash is found again. Pure. */
void chb_qemu_tap_name(const char *vm_name, unsigned index, char ret_name[static IFNAMSIZ]);

/* The MAC of a NIC that names none: 52:54:00 and 24 bits of a hash of the VM's identity and @index,
 * so equal on both hosts. @ret_mac: 18 bytes. Pure. */
void chb_qemu_default_mac(const char *vm_name, unsigned index, char ret_mac[static 18]);

#endif
