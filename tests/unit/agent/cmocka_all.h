/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmocka's header needs these before it. */
#ifndef CHB_TEST_CMOCKA_ALL_H
#define CHB_TEST_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif
