/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of which membership is what we know of quorum?
 *
 * CPG tells of a new membership at once, and quorum's verdict on it comes later: some milliseconds,
 * or, with a quorum device that cannot be asked, its whole sync_timeout (30 s by default). Until
 * then the last news are about the membership that is over. A node that acted on them would have
 * others fenced although its own partition has no quorum, at the same moment as they do it to it.
 * So when a node has left, quorum is unknown until there are news of a newer membership.
 *
 * Both tell the ring's sequence number, which only rises; but CPG tells who left before it tells
 * the new number. Pure: no IO, no clock. All zeros is a new connection.
 */
#ifndef CHB_HEARTBEAT_QUORUM_NEWS_H
#define CHB_HEARTBEAT_QUORUM_NEWS_H

#include <stdbool.h>
#include <stdint.h>

struct chb_quorum_news {
    uint64_t ring;      /* sequence of the membership that CPG told of last */
    uint64_t news_ring; /* of the membership that the last news are about */
    uint64_t needed;    /* news of a membership before this one count for nothing */
    bool heard;
    bool quorate; /* as heard */
};

/* Quorum's verdict on a membership has come. */
void chb_quorum_news_heard(struct chb_quorum_news *news, uint64_t ring, bool quorate);

/* CPG has told the number of the membership. */
void chb_quorum_news_ring(struct chb_quorum_news *news, uint64_t ring);

/* CPG says that a node has left; before chb_quorum_news_ring() of the same change. */
void chb_quorum_news_lost(struct chb_quorum_news *news);

/* Whether chb_quorum_news.quorate is about the present membership, or at least one with nobody in
 * it who has left since. */
bool chb_quorum_news_known(const struct chb_quorum_news *news);

#endif
