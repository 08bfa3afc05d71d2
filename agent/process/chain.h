/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A few commands one after the other, each a program with bounded time; the first that fails ends
 * the chain. For qemu-img, which cannot be asked for two things at once.
 */
#ifndef CHB_PROCESS_CHAIN_H
#define CHB_PROCESS_CHAIN_H

#include <stddef.h>

#include <agent/core/outcome.h>
#include <agent/core/time.h>
#include <agent/pacemaker/tool.h>

#define CHB_CHAIN_COMMANDS_MAX 64
#define CHB_CHAIN_ERROR_SIZE 512

struct chb_chain;

struct chb_chain_result {
    enum chb_outcome outcome;
    const char *error; /* one line: what the command said; "" when DONE */
};

/* Called once, from the event loop; the chain is freed after it returns. */
typedef void chb_chain_done(void *userdata, const struct chb_chain_result *result);
/* The output of one command that succeeded; index counts from 0. */
typedef void chb_chain_output(void *userdata, size_t index, const char *text);

/* Returns NULL without memory. @tools: must outlive the chain. */
struct chb_chain *chb_chain_new(struct chb_tools *tools);

/* Adds a command; the words are copied. @argv: NULL-terminated. A failure (-E2BIG, -ENOMEM) is kept
 * and reported by chb_chain_start(). */
void chb_chain_add(struct chb_chain *chain, chb_span timeout, const char *const argv[]);

/* Runs it. @output may be NULL. Takes the chain over when it returns 0; else the caller still owns
 * it. Returns -EINVAL for an empty chain, what chb_chain_add() kept, and as chb_tools_run(). */
int chb_chain_start(struct chb_chain *chain, chb_chain_output *output, chb_chain_done *done,
                    void *userdata);

/* Kills what runs and frees it; nothing is called any more. NULL is fine; returns NULL. */
struct chb_chain *chb_chain_free(struct chb_chain *chain);

#endif
