/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record as bytes. Pure.
 *
 * One slot, little endian whatever the host:
 *
 *     0   8  magic "CHBREC\r\n"
 *     8   4  version, 1
 *    12   4  size of the slot, 512
 *    16   8  sequence: rises by one with each write; the highest valid one is the newest
 *    24  64  name of the VM, padded with NUL
 *    88   8  generation
 *    96   4  author
 *   100   4  peer
 *   104   1  kind
 *   105   1  role
 *   106   1  overlays_pending
 *   107      zero
 *   508   4  CRC-32C of everything before it
 */
#ifndef CHB_RECORDS_CODEC_H
#define CHB_RECORDS_CODEC_H

#include <stdint.h>

#include <agent/core/limits.h>
#include <agent/core/record.h>

#define CHB_SLOT_SIZE 512

/* @name: 1 to CHB_VM_NAME_MAX bytes. @record: any but kind UNKNOWN, which is never written.
 * Returns 0, -EINVAL; @ret_slot is untouched on failure. */
int chb_slot_encode(const char *name, uint64_t sequence, const struct chb_record *record,
                    uint8_t ret_slot[static CHB_SLOT_SIZE]);

/* Reads one slot of the VM @name.
 * Returns 0; -EBADMSG: torn, empty or rotten; -EPROTONOSUPPORT: sound, but written by a newer
 * version, so what it says is not known; -EXDEV: sound, but of another VM. Outputs are untouched on
 * failure. */
int chb_slot_decode(const uint8_t slot[static CHB_SLOT_SIZE], const char *name,
                    uint64_t *ret_sequence, struct chb_record *ret_record);

#endif
