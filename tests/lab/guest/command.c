/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct disk_record record;
static uint64_t memory_counter;

static int run_inc(const char *argument, char *ret_answer, size_t size)
{
    struct disk_record next = record;

    (void)argument;
    next.counter++;
    const int result = disk_store(&next);

    if (result != 0) {
        return snprintf(ret_answer, size, "error disk %d", result);
    }
    record = next;
    return snprintf(ret_answer, size, "%llu", (unsigned long long)record.counter);
}

static int run_mem(const char *argument, char *ret_answer, size_t size)
{
    (void)argument;
    memory_counter++;
    return snprintf(ret_answer, size, "%llu", (unsigned long long)memory_counter);
}

static int run_get(const char *argument, char *ret_answer, size_t size)
{
    (void)argument;
    return snprintf(ret_answer, size, "%llu %llu", (unsigned long long)record.counter,
                    (unsigned long long)memory_counter);
}

static int run_disk(const char *argument, char *ret_answer, size_t size)
{
    int used = 0;

    (void)argument;
    for (int i = 0; i < disk_count(); i++) {
        struct disk_record found;
        const int result = disk_load(i, &found);

        if (result != 0) {
            return snprintf(ret_answer, size, "error disk%d %d", i, result);
        }
        used += snprintf(ret_answer + used, size - (size_t)used, "%s%llu", i > 0 ? " " : "",
                         (unsigned long long)found.counter);
    }
    return disk_count() == 0 ? snprintf(ret_answer, size, "error no disk") : used;
}

static int run_write(const char *argument, char *ret_answer, size_t size)
{
    const unsigned int count = (unsigned int)strtoul(argument, NULL, 10);
    const int result = disk_write_blocks(count);

    return result == 0 ? snprintf(ret_answer, size, "written %u", count)
                       : snprintf(ret_answer, size, "error disk %d", result);
}

static int run_verify(const char *argument, char *ret_answer, size_t size)
{
    int disk = 0;
    unsigned int block = 0;
    const int right = disk_verify(&disk, &block);

    (void)argument;
    return right >= 0 ? snprintf(ret_answer, size, "verify ok %d", right)
                      : snprintf(ret_answer, size, "verify bad disk%d block %u", disk, block);
}

static int run_dirty(const char *argument, char *ret_answer, size_t size)
{
    const unsigned int count = (unsigned int)strtoul(argument, NULL, 10);

    memory_dirty(count);
    return snprintf(ret_answer, size, "dirtied %u", count);
}

static int run_memcheck(const char *argument, char *ret_answer, size_t size)
{
    const int page = memory_check();

    (void)argument;
    return page < 0 ? snprintf(ret_answer, size, "memcheck ok")
                    : snprintf(ret_answer, size, "memcheck bad page %d", page);
}

/* The one answer in which two replicas differ: it makes COLO take a checkpoint. */
static int run_clock(const char *argument, char *ret_answer, size_t size)
{
    struct timespec now;

    (void)argument;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return snprintf(ret_answer, size, "%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
}

static int run_hello(const char *argument, char *ret_answer, size_t size)
{
    (void)argument;
    return snprintf(ret_answer, size, "hello boot %llu counter %llu disks %d",
                    (unsigned long long)record.boots, (unsigned long long)record.counter,
                    disk_count());
}

static int run_echo(const char *argument, char *ret_answer, size_t size)
{
    return snprintf(ret_answer, size, "%s", argument);
}

static int run_reboot(const char *argument, char *ret_answer, size_t size)
{
    (void)argument;
    boot_restart();
    return snprintf(ret_answer, size, "error");
}

static int run_poweroff(const char *argument, char *ret_answer, size_t size)
{
    (void)argument;
    boot_power_off();
    return snprintf(ret_answer, size, "error");
}

static int run_panic(const char *argument, char *ret_answer, size_t size)
{
    (void)argument;
    boot_panic();
    return snprintf(ret_answer, size, "error");
}

static const struct {
    const char *name;
    int (*run)(const char *argument, char *ret_answer, size_t size);
} commands[] = {
    {"inc", run_inc},           {"mem", run_mem},     {"get", run_get},
    {"disk", run_disk},         {"write", run_write}, {"verify", run_verify},
    {"dirty", run_dirty},       {"clock", run_clock}, {"memcheck", run_memcheck},
    {"hello", run_hello},       {"echo", run_echo},   {"reboot", run_reboot},
    {"poweroff", run_poweroff}, {"panic", run_panic},
};

void command_setup(const struct disk_record *start)
{
    record = *start;
}

size_t command_run(const char *line, char *ret_answer, size_t size)
{
    const size_t word = strcspn(line, " ");
    const char *argument = line + word + strspn(line + word, " ");
    int length = -1;

    for (size_t i = 0; length < 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].name) == word && strncmp(commands[i].name, line, word) == 0) {
            length = commands[i].run(argument, ret_answer, size - 1);
        }
    }
    if (length < 0) {
        length = snprintf(ret_answer, size - 1, "error unknown command");
    }
    size_t used = (size_t)length < size - 1 ? (size_t)length : size - 2;

    ret_answer[used++] = '\n';
    return used;
}
