/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <heartbeat/quorum_news.h>

void chb_quorum_news_heard(struct chb_quorum_news *news, uint64_t ring, bool quorate)
{
    news->heard = true;
    news->news_ring = ring;
    news->quorate = quorate;
}

void chb_quorum_news_ring(struct chb_quorum_news *news, uint64_t ring)
{
    news->ring = ring;
}

void chb_quorum_news_lost(struct chb_quorum_news *news)
{
    /* News of a later ring than CPG's last can only be about the one that this change makes. */
    news->needed = news->ring + 1;
}

bool chb_quorum_news_known(const struct chb_quorum_news *news)
{
    return news->heard && news->news_ring >= news->needed;
}
