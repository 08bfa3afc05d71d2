/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints every resource parameter, or with "conf" every key of the configuration file. */
#include <stdio.h>
#include <string.h>

#include <agent/config/conf_file.h>
#include <agent/config/params.h>

int main(int argc, char **argv)
{
    size_t n = 0;
    if (argc > 1 && strcmp(argv[1], "conf") == 0) {
        for (const char *const *key = chb_conf_keys(); *key != NULL; key++) {
            printf("%s\n", *key);
        }
        return 0;
    }
    const struct chb_param_info *infos = chb_param_infos(&n);
    for (size_t i = 0; i < n; i++) {
        printf("%s\n", infos[i].key);
    }
    return 0;
}
