/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share: the entry point, a check that stays on, and a way to eat bytes. */
#ifndef CHB_TESTS_FUZZ_FUZZ_H
#define CHB_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's entry points. Each target defines the first one; LLVMFuzzerInitialize() is a weak one
 * in seeds_main.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A promise that a target tests beyond "it does not crash". */
#define CHB_FUZZ_CHECK(condition)                                                                  \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* An input that is eaten from its front. Past its end everything reads as zero. */
struct chb_fuzz_bytes {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t chb_fuzz_u8(struct chb_fuzz_bytes *bytes)
{
    if (bytes->left == 0) {
        return 0;
    }
    bytes->left--;
    return *bytes->at++;
}

static inline uint64_t chb_fuzz_u64(struct chb_fuzz_bytes *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | chb_fuzz_u8(bytes);
    }
    return value;
}

/* A copy of exactly this size on the heap, so that the sanitizer sees a read beyond its end.
 * free() it. */
static inline uint8_t *chb_fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = calloc(1, size == 0 ? 1 : size);
    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

/* The same as a text with its final NUL. */
static inline char *chb_fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    return text;
}

/* True if the field ends with a NUL within its own size. */
#define CHB_FUZZ_TERMINATED(field) (strnlen((field), sizeof(field)) < sizeof(field))

#endif
