/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that can be dirtied and checked: a page that a failover rolled back or mixed up shows. */
#include "guest.h"

#include <stdlib.h>

#define PAGE_WORDS (4096u / sizeof(uint64_t))

static uint64_t (*pages)[PAGE_WORDS];
static uint64_t expected[MEMORY_PAGES];
static uint64_t next_value = 1;

void memory_dirty(unsigned int count)
{
    if (pages == NULL) {
        pages = calloc(MEMORY_PAGES, sizeof(*pages));
    }
    for (unsigned int i = 0; pages != NULL && i < count; i++) {
        const uint64_t value = next_value++;
        const size_t number = value % MEMORY_PAGES;

        for (size_t word = 0; word < PAGE_WORDS; word++) {
            pages[number][word] = value * PAGE_WORDS + word;
        }
        expected[number] = value;
    }
}

int memory_check(void)
{
    for (unsigned int number = 0; pages != NULL && number < MEMORY_PAGES; number++) {
        for (size_t word = 0; expected[number] != 0 && word < PAGE_WORDS; word++) {
            if (pages[number][word] != expected[number] * PAGE_WORDS + word) {
                return (int)number;
            }
        }
    }
    return -1;
}
