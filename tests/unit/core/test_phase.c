/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of moves, said a second time. That the core keeps to it chb_enter() asserts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <agent/core/internal.h>

/* Columns in the order of enum chb_phase. */
static const char *const table[CHB_PHASE_MAX] = {
    /*                          STO SPA BOO SOL FIL PAI HOL GOI DYI */
    [CHB_PHASE_STOPPED] = /* */ "    x   .   x   .   x   x   x   x",
    [CHB_PHASE_SPARE] = /*   */ "x       x   .   x   .   .   .   .",
    [CHB_PHASE_BOOTING] = /* */ ".   x       x   .   .   .   .   x",
    [CHB_PHASE_SOLO] = /*    */ ".   x   .       .   x   .   .   x",
    [CHB_PHASE_FILLING] = /* */ ".   x   .   .       x   .   .   x",
    [CHB_PHASE_PAIRED] = /*  */ ".   x   .   .   .       x   x   x",
    [CHB_PHASE_HOLDING] = /* */ ".   x   .   .   .   x       x   x",
    [CHB_PHASE_GOING_SOLO] = ".   x   .   x   .   .   x       x",
    [CHB_PHASE_DYING] = /*   */ "x   x   .   .   .   .   .   .    ",
};

static void moves(void **state)
{
    (void)state;
    for (uint32_t from = 0; from < CHB_PHASE_MAX; from++) {
        for (uint32_t to = 0; to < CHB_PHASE_MAX; to++) {
            bool expected = table[from][4 * to] == 'x';
            if (chb_phase_may_follow((enum chb_phase)from, (enum chb_phase)to) != expected) {
                fail_msg("from %u to %u", from, to);
            }
        }
    }
}

/* Nobody serves from a phase without a proof: the only ways to SOLO. */
static void ways_to_solo(void **state)
{
    (void)state;
    for (uint32_t from = 0; from < CHB_PHASE_MAX; from++) {
        bool may = chb_phase_may_follow((enum chb_phase)from, CHB_PHASE_SOLO);
        bool expected = from == CHB_PHASE_BOOTING || from == CHB_PHASE_GOING_SOLO ||
                        from == CHB_PHASE_STOPPED; /* the last: adoption */
        assert_int_equal(may, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves),
        cmocka_unit_test(ways_to_solo),
    };
    return cmocka_run_group_tests_name("phases", tests, NULL, NULL);
}
