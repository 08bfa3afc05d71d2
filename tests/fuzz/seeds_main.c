/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seeds-TARGET FILE|FOLDER...: gives each file to the target once.
 *
 * For compilers without libFuzzer: the seeds, among them every input that once was a bug, stay a
 * regression test everywhere.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "fuzz.h"

#define FILE_BYTES_MAX ((size_t)1024 * 1024)

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static bool feed_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *data = malloc(FILE_BYTES_MAX);
    if (file == NULL || data == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        free(data);
        return false;
    }
    const size_t size = fread(data, 1, FILE_BYTES_MAX, file);
    (void)fclose(file);
    uint8_t *copy = chb_fuzz_copy(data, size);
    free(data);
    (void)fprintf(stderr, "%s: %zu bytes\n", path, size); /* the last line names a crash's cause */
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return true;
}

/* Returns how many files were fed; -1: something could not be read. */
static int feed(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    if (folder == NULL) {
        return feed_file(path) ? 1 : -1;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char file[4096];
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) >= (int)sizeof(file) ||
            !feed_file(file)) {
            (void)closedir(folder);
            return -1;
        }
        count++;
    }
    (void)closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;

    if (LLVMFuzzerInitialize(&argc, &argv) != 0) {
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        const int count = feed(argv[i]);
        if (count < 0) {
            return 2;
        }
        total += count;
    }
    if (total == 0) {
        (void)fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
        return 2;
    }
    printf("%d inputs, nothing found\n", total);
    return 0;
}
