/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/process/chain.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX 65536

struct command {
    chb_span timeout;
    size_t n_words;
    char *words[CHB_TOOL_ARGS_MAX + 1];
};

struct chb_chain {
    struct chb_tools *tools;
    struct command *commands[CHB_CHAIN_COMMANDS_MAX];
    size_t n_commands;
    size_t at;
    int error; /* of adding */
    uint64_t run;
    bool running;
    chb_chain_output *output;
    chb_chain_done *done;
    void *userdata;
};

static struct command *free_command(struct command *command)
{
    if (command != NULL) {
        for (size_t i = 0; i < command->n_words; i++) {
            free(command->words[i]);
        }
        free(command);
    }
    return NULL;
}

struct chb_chain *chb_chain_new(struct chb_tools *tools)
{
    struct chb_chain *chain = calloc(1, sizeof(*chain));
    if (chain != NULL) {
        chain->tools = tools;
    }
    return chain;
}

static int copy_words(struct command *command, const char *const argv[])
{
    for (size_t i = 0; argv[i] != NULL; i++) {
        if (i == CHB_TOOL_ARGS_MAX) {
            return -E2BIG;
        }
        command->words[i] = strdup(argv[i]);
        if (command->words[i] == NULL) {
            return -ENOMEM;
        }
        command->n_words++;
    }
    return 0;
}

void chb_chain_add(struct chb_chain *chain, chb_span timeout, const char *const argv[])
{
    if (chain->error < 0) {
        return;
    }
    if (chain->n_commands == CHB_CHAIN_COMMANDS_MAX) {
        chain->error = -E2BIG;
        return;
    }
    struct command *command = calloc(1, sizeof(*command));
    if (command == NULL) {
        chain->error = -ENOMEM;
        return;
    }
    command->timeout = timeout;
    chain->error = copy_words(command, argv);
    if (chain->error < 0) {
        (void)free_command(command);
        return;
    }
    chain->commands[chain->n_commands++] = command;
}

static void finish(struct chb_chain *chain, enum chb_outcome outcome, const char *error)
{
    struct chb_chain_result result = {.outcome = outcome, .error = error};
    chain->done(chain->userdata, &result);
    (void)chb_chain_free(chain);
}

static void on_command(void *userdata, const struct chb_tool_result *result);

static int run_next(struct chb_chain *chain)
{
    struct command *command = chain->commands[chain->at];
    const char *words[CHB_TOOL_ARGS_MAX + 1] = {0};
    for (size_t i = 0; i < command->n_words; i++) {
        words[i] = command->words[i];
    }
    int r = chb_tools_run(chain->tools, words, command->timeout, OUTPUT_MAX, on_command, chain,
                          &chain->run);
    chain->running = r == 0;
    return r;
}

static void on_command(void *userdata, const struct chb_tool_result *result)
{
    struct chb_chain *chain = userdata;
    chain->running = false;
    if (result->outcome != CHB_OUTCOME_DONE) {
        char error[CHB_CHAIN_ERROR_SIZE];
        const char *why = result->err[0] != '\0' ? result->err
                          : result->error < 0    ? strerror(-result->error)
                                                 : "failed without a word";
        (void)snprintf(error, sizeof(error), "%s", why);
        for (char *c = error; *c != '\0'; c++) {
            *c = *c == '\n' ? ' ' : *c;
        }
        for (size_t n = strlen(error); n > 0 && error[n - 1] == ' '; n--) {
            error[n - 1] = '\0';
        }
        finish(chain, result->outcome, error);
        return;
    }
    if (chain->output != NULL) {
        chain->output(chain->userdata, chain->at, result->out);
    }
    chain->at++;
    if (chain->at == chain->n_commands) {
        finish(chain, CHB_OUTCOME_DONE, "");
        return;
    }
    int r = run_next(chain);
    if (r < 0) {
        finish(chain, CHB_OUTCOME_FAILED, strerror(-r));
    }
}

int chb_chain_start(struct chb_chain *chain, chb_chain_output *output, chb_chain_done *done,
                    void *userdata)
{
    if (chain->error < 0) {
        return chain->error;
    }
    if (chain->n_commands == 0) {
        return -EINVAL;
    }
    chain->output = output;
    chain->done = done;
    chain->userdata = userdata;
    return run_next(chain);
}

struct chb_chain *chb_chain_free(struct chb_chain *chain)
{
    if (chain != NULL) {
        if (chain->running) {
            (void)chb_tools_cancel(chain->tools, chain->run);
        }
        for (size_t i = 0; i < chain->n_commands; i++) {
            (void)free_command(chain->commands[i]);
        }
        free(chain);
    }
    return NULL;
}
