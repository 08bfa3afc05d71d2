/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a replica that serves alone has no peer, in the words of the status line. Private to
 * agent/text. It repeats no rule of the core: whom to join is decided there, this only looks at who
 * is there. */
#ifndef CHB_TEXT_LONELY_H
#define CHB_TEXT_LONELY_H

#include <agent/text/status.h>

/* Of all other nodes, the one that is nearest to being joined, and what it lacks. Pure. */
enum chb_lonely chb_lonely_of_core(const struct chb_core *core, uint32_t *ret_node,
                                   uint32_t *ret_failures, uint32_t *ret_parts);

#endif
