/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parameters that Pacemaker hands to a resource agent, and the options of `coloctl vm`. */
#ifndef CHB_CTL_VM_PARAMS_H
#define CHB_CTL_VM_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include <agent/config/params.h>
#include <agent/core/time.h>

struct chb_vm_args {
    const char *vm;
    const char *resource; /* the primitive's id; the VM's name unless given */
    const char *clone;    /* NULL: not known */
    bool probe;
    bool check_host;  /* validate: also what this host has */
    chb_span timeout; /* of the whole operation */
    size_t n_params;
    struct chb_param params[CHB_PARAMS_MAX];
    char *keys[CHB_PARAMS_MAX]; /* owned: what the parameters' keys point to */
};

/*
 * Reads the options of one action, and the environment: OCF_RESKEY_KEY=VALUE are parameters (values
 * with blanks and quotes arrive unharmed), OCF_RESKEY_CRM_meta_timeout is the time for the
 * operation. Texts are borrowed from argv and the environment, but for keys of --param, which stay
 * allocated. timeout: used when neither Pacemaker nor --timeout says one. Returns false after a
 * complaint.
 */
bool chb_vm_args_read(int argc, char **argv, chb_span timeout, struct chb_vm_args *ret_args);

void chb_vm_args_clear(struct chb_vm_args *args);

#endif
