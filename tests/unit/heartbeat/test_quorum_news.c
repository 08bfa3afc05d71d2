/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quorum's verdict counts for the membership that it is about. */
#include "test.h"

#include <heartbeat/quorum_news.h>

static void verdict_after_the_loss(void **state)
{
    struct chb_quorum_news news = {0};

    (void)state;
    assert_false(chb_quorum_news_known(&news));
    chb_quorum_news_ring(&news, 12);
    chb_quorum_news_heard(&news, 12, true);
    assert_true(chb_quorum_news_known(&news));
    chb_quorum_news_lost(&news);
    assert_false(chb_quorum_news_known(&news));
    chb_quorum_news_ring(&news, 16);
    assert_false(chb_quorum_news_known(&news));
    chb_quorum_news_heard(&news, 12, true); /* the device's vote, late */
    assert_false(chb_quorum_news_known(&news));
    chb_quorum_news_heard(&news, 16, false);
    assert_true(chb_quorum_news_known(&news));
    assert_false(news.quorate);
}

static void verdict_before_the_loss(void **state)
{
    struct chb_quorum_news news = {0};

    (void)state;
    chb_quorum_news_ring(&news, 12);
    chb_quorum_news_heard(&news, 12, true);
    chb_quorum_news_heard(&news, 16, true); /* the loop read quorum's socket first */
    chb_quorum_news_lost(&news);
    assert_true(chb_quorum_news_known(&news));
    chb_quorum_news_ring(&news, 16);
    assert_true(chb_quorum_news_known(&news));
}

static void nobody_left(void **state)
{
    struct chb_quorum_news news = {0};

    (void)state;
    chb_quorum_news_ring(&news, 12);
    chb_quorum_news_heard(&news, 12, true);
    chb_quorum_news_ring(&news, 16); /* somebody joined: what holds for fewer holds for more */
    assert_true(chb_quorum_news_known(&news));
    chb_quorum_news_lost(&news); /* and then another left, before quorum's word on the joining */
    assert_false(chb_quorum_news_known(&news));
    chb_quorum_news_heard(&news, 16, true);
    assert_false(chb_quorum_news_known(&news));
    chb_quorum_news_ring(&news, 20);
    chb_quorum_news_heard(&news, 20, true);
    assert_true(chb_quorum_news_known(&news));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_after_the_loss),
        cmocka_unit_test(verdict_before_the_loss),
        cmocka_unit_test(nobody_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
