/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one host knows for sure about its copy of a VM, as it stands on its disk (R5).
 *
 * A record is written before the replica may act on what it says, and it is the only thing that a
 * host believes about itself after a power cut.
 */
#ifndef CHB_CORE_RECORD_H
#define CHB_CORE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

enum chb_record_kind {
    CHB_RECORD_NONE,    /* never written: this host has had no replica of the VM */
    CHB_RECORD_SOLO,    /* this host alone holds the history of that generation */
    CHB_RECORD_PAIRED,  /* this host and its peer hold it; the peer may have gone on */
    CHB_RECORD_FILLING, /* this host's copy is being overwritten: it is worth nothing */
    CHB_RECORD_UNKNOWN, /* torn, missing where one was expected, or of a newer version (R5) */
    CHB_RECORD_KIND_MAX,
};

enum chb_role {
    CHB_ROLE_NONE,
    CHB_ROLE_PRIMARY,
    CHB_ROLE_SECONDARY,
    CHB_ROLE_MAX,
};

struct chb_record {
    uint64_t generation; /* 0 only with kind NONE or UNKNOWN */
    uint32_t author;     /* node that began the generation */
    uint32_t peer;       /* other node of the pair; 0 with kind SOLO of a first start */
    enum chb_record_kind kind;
    enum chb_role role; /* this host's role when the record was written */
    /* The image is complete only together with its overlays: a secondary that went solo and whose
     * QEMU has not yet merged them. A cold start must merge first. */
    bool overlays_pending;
};

#endif
