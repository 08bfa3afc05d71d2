/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the parameters share. */
#ifndef CHB_TEST_PARAMS_HELP_H
#define CHB_TEST_PARAMS_HELP_H

#include <agent/config/params.h>

#define DISK                                                                                       \
    {                                                                                              \
        "disks", "/x.qcow2"                                                                        \
    }

/* Parses the parameters for VM "web" of cluster "lab"; the test fails when they are refused. */
#define PARSED(...)                                                                                \
    parsed((const struct chb_param[]){__VA_ARGS__},                                                \
           sizeof((const struct chb_param[]){__VA_ARGS__}) / sizeof(struct chb_param))

/* The error text of parameters that must be refused with -EINVAL. */
#define REFUSED(...)                                                                               \
    refused((const struct chb_param[]){__VA_ARGS__},                                               \
            sizeof((const struct chb_param[]){__VA_ARGS__}) / sizeof(struct chb_param))

static const struct chb_vm_identity web = {.vm = "web", .cluster = "lab"};
static struct chb_config_error error;

static inline struct chb_vm_config *parsed(const struct chb_param *params, size_t n)
{
    struct chb_vm_config *config = NULL;
    error.text[0] = '\0';
    int r = chb_params_parse(&web, params, n, NULL, 0, &config, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(r, 0);
    return config;
}

static inline const char *refused(const struct chb_param *params, size_t n)
{
    struct chb_vm_config *config = NULL;
    assert_int_equal(chb_params_parse(&web, params, n, NULL, 0, &config, &error), -EINVAL);
    assert_null(config);
    assert_true(strlen(error.text) > 10);
    return error.text;
}

static inline void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
    }
}

#endif
