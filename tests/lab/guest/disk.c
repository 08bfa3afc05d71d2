/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything goes past the guest's page cache (O_DIRECT), so that an answer to a client is proof
 * that the write had reached the virtual disk.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE 4096
#define BLOCKS 1024u /* 4 MB: fits every image of the lab */
#define MAGIC 0x434f4c4f67756573ULL

struct block {
    uint64_t magic;
    uint64_t number;
    uint64_t value;
    uint64_t extra;
    uint64_t checksum;
};

static int disks[GUEST_DISKS_MAX];
static int disks_count;
static uint64_t expected[BLOCKS]; /* 0: not written since boot */
static uint64_t next_value = 1;
static unsigned char buffer[BLOCK_SIZE] __attribute__((aligned(BLOCK_SIZE)));

static uint64_t checksum_of(const struct block *block)
{
    const uint64_t words[] = {block->magic, block->number, block->value, block->extra};
    uint64_t sum = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        sum = (sum ^ words[i]) * 0x100000001b3ULL;
        sum ^= sum >> 29;
    }
    return sum;
}

static int block_write(int disk, uint64_t number, uint64_t value, uint64_t extra)
{
    struct block block = {.magic = MAGIC, .number = number, .value = value, .extra = extra};

    block.checksum = checksum_of(&block);
    memset(buffer, (int)(value & 0xff), sizeof(buffer));
    memcpy(buffer, &block, sizeof(block));
    const ssize_t size =
        pwrite(disks[disk], buffer, sizeof(buffer), (off_t)(number * sizeof(buffer)));

    if (size < 0) {
        return -errno;
    }
    return size == (ssize_t)sizeof(buffer) ? 0 : -EIO;
}

static int block_read(int disk, uint64_t number, struct block *ret_block)
{
    struct block block;
    const ssize_t size =
        pread(disks[disk], buffer, sizeof(buffer), (off_t)(number * sizeof(buffer)));

    if (size < 0) {
        return -errno;
    }
    memcpy(&block, buffer, sizeof(block));
    if (size != (ssize_t)sizeof(buffer) || block.magic != MAGIC || block.number != number ||
        block.checksum != checksum_of(&block)) {
        return -EBADMSG;
    }
    *ret_block = block;
    return 0;
}

int disk_count(void)
{
    return disks_count;
}

int disk_open_all(struct disk_record *ret_record)
{
    struct disk_record best = {0};

    for (int i = 0; i < GUEST_DISKS_MAX; i++) {
        char path[16];
        struct disk_record record;

        snprintf(path, sizeof(path), "/dev/vd%c", 'a' + i);
        disks[i] = open(path, O_RDWR | O_DIRECT | O_SYNC | O_CLOEXEC);
        if (disks[i] < 0) {
            break;
        }
        disks_count = i + 1;
        if (disk_load(i, &record) == 0 && record.counter >= best.counter) {
            best = record;
        }
    }
    *ret_record = best;
    return disks_count;
}

int disk_store(const struct disk_record *record)
{
    for (int i = 0; i < disks_count; i++) {
        const int result = block_write(i, 0, record->counter, record->boots);

        if (result != 0) {
            return result;
        }
    }
    return 0;
}

int disk_load(int disk, struct disk_record *ret_record)
{
    struct block block;
    const int result = block_read(disk, 0, &block);

    if (result != 0) {
        return result;
    }
    *ret_record = (struct disk_record){.counter = block.value, .boots = block.extra};
    return 0;
}

int disk_write_blocks(unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        const uint64_t value = next_value++;
        const uint64_t number = 1 + value % (BLOCKS - 1);

        for (int disk = 0; disk < disks_count; disk++) {
            const int result = block_write(disk, number, value, 0);

            if (result != 0) {
                return result;
            }
        }
        expected[number] = value;
    }
    return 0;
}

int disk_verify(int *ret_bad_disk, unsigned int *ret_bad_block)
{
    int right = 0;

    for (unsigned int number = 1; number < BLOCKS; number++) {
        for (int disk = 0; expected[number] != 0 && disk < disks_count; disk++) {
            struct block block;

            if (block_read(disk, number, &block) != 0 || block.value != expected[number] ||
                buffer[BLOCK_SIZE - 1] != (unsigned char)(block.value & 0xff)) {
                *ret_bad_disk = disk;
                *ret_bad_block = number;
                return -1;
            }
            right++;
        }
    }
    return right;
}
