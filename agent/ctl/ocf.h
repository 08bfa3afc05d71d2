/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit codes of OCF resource agents (Open Cluster Framework 1.1, section 4.5). */
#ifndef CHB_CTL_OCF_H
#define CHB_CTL_OCF_H

enum chb_ocf {
    CHB_OCF_SUCCESS = 0,
    CHB_OCF_ERR_GENERIC = 1,
    CHB_OCF_ERR_ARGS = 2, /* wrong on this host: a file is missing here */
    CHB_OCF_ERR_UNIMPLEMENTED = 3,
    CHB_OCF_ERR_INSTALLED = 5,  /* software is missing on this host */
    CHB_OCF_ERR_CONFIGURED = 6, /* wrong everywhere: Pacemaker tries no other host */
    CHB_OCF_NOT_RUNNING = 7,
    CHB_OCF_RUNNING_PROMOTED = 8,
    CHB_OCF_FAILED_PROMOTED = 9,
};

#endif
