/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of one VM's record: two slots, 4096 bytes apart, so that no write ever touches the block
 * that holds the newest confirmed record. These functions wait for the disk: they belong into the
 * servant (writer.h), never into the decision loop.
 *
 * A write goes to the older slot and is confirmed after fdatasync. When there is time the servant
 * writes the same record into the other slot too (chb_store_mirror), so in the long run both slots
 * say the same, and what one of them loses to a bad block is not lost.
 *
 * A file is made with a first valid slot (kind NONE) under another name and moved into place. So a
 * file that exists and has no valid slot was damaged, and says UNKNOWN; one that does not exist
 * says NONE.
 */
#ifndef CHB_RECORDS_STORE_H
#define CHB_RECORDS_STORE_H

#include <stdint.h>

#include <agent/core/record.h>

#define CHB_STORE_SLOTS 2
#define CHB_STORE_SLOT_STRIDE 4096

/* Reads the record of VM @name from the folder @dir_fd. A torn slot beside a valid one is a write
 * that was never confirmed: the valid one stands.
 * Returns 0, also for NONE and UNKNOWN; -EIO and other errors of openat and pread: not read. */
int chb_store_load(int dir_fd, const char *name, struct chb_record *ret_record);

/* Writes and syncs. On an error of any kind the record may or may not be there. */
int chb_store_save(int dir_fd, const char *name, const struct chb_record *record);

/* Makes the older slot equal to the newer one. Nothing to do is no error. */
int chb_store_mirror(int dir_fd, const char *name);

#endif
