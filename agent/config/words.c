/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/config/words.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Takes quoted text, *at being its opening quote, into word. Returns 0, or -EINVAL without an end.
 */
static int take_quoted(const char **at, char *word, size_t *used)
{
    char quote = **at;
    const char *p = *at + 1;
    for (; *p != quote; p++) {
        if (*p == '\0') {
            return -EINVAL;
        }
        if (quote == '"' && *p == '\\' && (p[1] == '"' || p[1] == '\\')) {
            p++;
        }
        word[(*used)++] = *p;
    }
    *at = p + 1;
    return 0;
}

/* Takes one word, *at being its first byte, into word, which is large enough for all of the text.
 */
static int take_word(const char **at, char *word, size_t *ret_length)
{
    size_t used = 0;
    const char *p = *at;
    while (*p != '\0' && !is_blank(*p)) {
        if (*p == '\'' || *p == '"') {
            if (take_quoted(&p, word, &used) < 0) {
                *at = p;
                return -EINVAL;
            }
            continue;
        }
        if (*p == '\\') {
            if (p[1] == '\0') {
                *at = p;
                return -EINVAL;
            }
            p++;
        }
        word[used++] = *p++;
    }
    *at = p;
    *ret_length = used;
    return 0;
}

int chb_words_split(struct chb_arena *arena, const char *text, size_t words_max,
                    struct chb_words *ret_words, size_t *ret_column)
{
    struct chb_words words = {0};
    words.list = chb_arena_alloc(arena, (words_max + 1) * sizeof(words.list[0]));
    char *word = chb_arena_alloc(arena, strlen(text) + 1);
    if (words.list == NULL || word == NULL) {
        return -ENOMEM;
    }
    const char *p = text;
    for (;;) {
        while (is_blank(*p)) {
            p++;
        }
        if (*p == '\0') {
            break;
        }
        if (words.count == words_max) {
            return -E2BIG;
        }
        size_t length;
        if (take_word(&p, word, &length) < 0) {
            *ret_column = (size_t)(p - text) + 1;
            return -EINVAL;
        }
        words.list[words.count] = chb_arena_text(arena, word, length);
        if (words.list[words.count] == NULL) {
            return -ENOMEM;
        }
        words.count++;
    }
    *ret_words = words;
    return 0;
}

int chb_fields_split(struct chb_arena *arena, const char *text, size_t fields_max,
                     struct chb_words *ret_fields)
{
    struct chb_words fields = {0};
    fields.list = chb_arena_alloc(arena, (fields_max + 1) * sizeof(fields.list[0]));
    char *field = chb_arena_alloc(arena, strlen(text) + 1);
    if (fields.list == NULL || field == NULL) {
        return -ENOMEM;
    }
    size_t used = 0;
    for (const char *p = text;; p++) {
        bool ends = *p == '\0' || (*p == ',' && p[1] != ',');
        if (!ends) {
            field[used++] = *p;
            p += *p == ',' ? 1 : 0;
            continue;
        }
        if (fields.count == fields_max) {
            return -E2BIG;
        }
        fields.list[fields.count] = chb_arena_text(arena, field, used);
        if (fields.list[fields.count] == NULL) {
            return -ENOMEM;
        }
        fields.count++;
        used = 0;
        if (*p == '\0') {
            break;
        }
    }
    *ret_fields = fields;
    return 0;
}
