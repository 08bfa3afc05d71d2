/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lab's guest: one static program that is the whole userland of a tiny virtual machine. */
#ifndef LAB_GUEST_H
#define LAB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PORT 7000
#define GUEST_LINE_MAX 1024
#define GUEST_NICS_MAX 4
#define GUEST_DISKS_MAX 4

/* ---- boot.c ---- */

/* Mounts /dev, /proc and /sys and loads the modules that lie in /modules, in order of their names.
 */
void boot_kernel_setup(void);

/* Copies the value of KEY=value on the kernel's command line; false if the key is not there. */
bool boot_option(const char *key, char *ret_value, size_t size);

/* Brings lo and every NIC up, with the addresses of the options colo_ip, colo_ip1, ... */
void boot_network(void);

/* Never return. */
void boot_restart(void);
void boot_power_off(void);
void boot_panic(void);

/* Returns a descriptor that becomes readable when the host presses the power button, or -1. */
int boot_power_button(void);
bool boot_power_button_pressed(int fd);

/* ---- disk.c ---- */

/* What the disks hold. Block 0 of every disk keeps these, blocks 1..N take the `write` command. */
struct disk_record {
    uint64_t counter;
    uint64_t boots;
};

/* Opens /dev/vda, /dev/vdb, ... and returns how many there are. The record with the highest counter
 * (of a disk of ours; a blank disk counts as zero) is the one that the guest starts from. */
int disk_open_all(struct disk_record *ret_record);

/* Writes the record to every disk, past all caches. 0 or negative errno. */
int disk_store(const struct disk_record *record);

/* Reads the record of one disk. 0 or negative errno; -EBADMSG if it is not a record. */
int disk_load(int disk, struct disk_record *ret_record);
int disk_count(void);

/* Writes the next count blocks, each with its own value; remembers the values in memory. */
int disk_write_blocks(unsigned int count);

/* Compares every block ever written since boot with memory. Returns how many are right, or -1 with
 * the first wrong one. */
int disk_verify(int *ret_bad_disk, unsigned int *ret_bad_block);

/* ---- memory.c ---- */

/* Rewrites the next count pages of a buffer of MEMORY_PAGES pages. */
#define MEMORY_PAGES 4096u
void memory_dirty(unsigned int count);

/* Returns the first page that does not hold what was written last, or -1 if all do. */
int memory_check(void);

/* ---- command.c ---- */

/* Starts from what the disk holds. */
void command_setup(const struct disk_record *record);

/* Carries out one line (no newline) and writes the answer, with a newline. Returns its length. */
size_t command_run(const char *line, char *ret_answer, size_t size);

/* ---- shout.c ---- */

/* Descriptor that becomes readable every colo_shout=MS; -1 without that option. */
int shout_timer(void);

/* The timer is readable: sends one UDP datagram to every IPv6 host of eth0. */
void shout(int timer);

/* ---- server.c ---- */

/* Serves for ever. */
void server_run(uint16_t port, int power_button);

#endif
