/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's parameters. Input: lines "KEY=VALUE"; a line "config:" begins the file that `config` would
 * name, which is all the rest. What is accepted must be good for QEMU's command line, too.
 */
#include <errno.h>

#include <agent/config/params.h>
#include <agent/qemu/cmdline.h>

#include "fuzz.h"

#define CONFIG_LINE "config:"

struct input {
    size_t n_params;
    struct chb_param params[CHB_PARAMS_MAX + 2]; /* too many is an input, too */
    const char *config;
    size_t config_size;
};

static void cut(char *text, size_t size, struct input *ret_input)
{
    char *end = text + size;

    *ret_input = (struct input){0};
    while (text < end && ret_input->n_params < CHB_PARAMS_MAX + 2) {
        char *line = text;
        char *line_end = memchr(line, '\n', (size_t)(end - line));
        text = line_end == NULL ? end : line_end + 1;
        if (line_end != NULL) {
            *line_end = '\0';
        }
        if (strcmp(line, CONFIG_LINE) == 0) {
            ret_input->config = text;
            ret_input->config_size = (size_t)(end - text);
            return;
        }
        char *equals = strchr(line, '=');
        if (equals != NULL) {
            *equals = '\0';
            ret_input->params[ret_input->n_params++] = (struct chb_param){line, equals + 1};
        }
    }
}

static void build(struct chb_vm_config *config, enum chb_vm_role role)
{
    struct chb_cmdline *cmdline = malloc(sizeof(*cmdline));
    char reason[200];

    if (cmdline == NULL) {
        abort();
    }
    config->spec.role = role;
    config->spec.run_dir = "/run/colo-hbd/vm";
    config->spec.overlay_dir = "/var/lib/colo-hbd/overlays";
    config->spec.listen_address = "10.0.0.1";
    const int r = chb_cmdline_build(&config->spec, cmdline, reason, sizeof(reason));
    CHB_FUZZ_CHECK(r == 0 || r == -E2BIG || r == -ENAMETOOLONG);
    if (r == 0) {
        CHB_FUZZ_CHECK(cmdline->n_words <= CHB_CMDLINE_WORDS_MAX &&
                       cmdline->words[cmdline->n_words] == NULL);
    }
    free(cmdline);
}

static void judge(const struct chb_vm_config *config)
{
    const struct chb_vm_spec *spec = &config->spec;

    CHB_FUZZ_CHECK(spec->n_disks >= 1 && spec->n_disks <= CHB_DISKS_MAX);
    CHB_FUZZ_CHECK(spec->n_nics <= CHB_NICS_MAX && spec->n_extra <= CHB_PARAM_WORDS_MAX);
    CHB_FUZZ_CHECK(spec->memory_mb >= 16 && spec->cpus >= 1 && spec->cpus <= 255);
    CHB_FUZZ_CHECK(config->replication_link >= -1 && config->replication_link <= 7);
    CHB_FUZZ_CHECK(chb_span_ms(config->hang_timeout) >= 100 &&
                   chb_span_ms(config->hang_timeout) <= 600000);
    for (unsigned i = 0; i < spec->n_disks; i++) {
        CHB_FUZZ_CHECK(spec->disks[i].path != NULL && spec->disks[i].path[0] == '/');
    }
    for (unsigned i = 0; i < spec->n_nics; i++) {
        CHB_FUZZ_CHECK(strlen(spec->nics[i].mac) == 17 && spec->nics[i].tap[0] != '\0');
    }
}

/* The order in which Pacemaker hands parameters over means nothing. */
static void turn(struct input *input)
{
    for (size_t i = 0; i < input->n_params / 2; i++) {
        const struct chb_param other = input->params[input->n_params - 1 - i];
        input->params[input->n_params - 1 - i] = input->params[i];
        input->params[i] = other;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct chb_vm_identity identity = {.vm = "colo-vm", .cluster = "lab"};
    struct chb_config_error error = {0};
    struct chb_vm_config *config = NULL;
    struct chb_vm_config *turned = NULL;
    struct input input;
    char *text = chb_fuzz_text(data, size);

    cut(text, size, &input);
    int r = chb_params_parse(&identity, input.params, input.n_params, input.config,
                             input.config_size, &config, &error);
    if (r < 0) {
        CHB_FUZZ_CHECK(r == -EINVAL || r == -E2BIG);
        CHB_FUZZ_CHECK(error.text[0] != '\0' && CHB_FUZZ_TERMINATED(error.text));
    } else {
        judge(config);
        build(config, CHB_VM_PRIMARY);
        build(config, CHB_VM_SECONDARY);
    }
    turn(&input);
    const int r_turned = chb_params_parse(&identity, input.params, input.n_params, input.config,
                                          input.config_size, &turned, NULL);
    CHB_FUZZ_CHECK((r == 0) == (r_turned == 0));
    CHB_FUZZ_CHECK(r < 0 || turned->spec_hash == config->spec_hash);
    if (r == 0) {
        chb_vm_config_free(config);
        chb_vm_config_free(turned);
    }
    free(text);
    return 0;
}
