/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CHB_SIM_STORY_TEXT_H
#define CHB_SIM_STORY_TEXT_H

#include <stdio.h>

#include <tests/sim/story.h>

/* Writes a story in the form that chb_story_read() reads: what is as usual is left out. */
void chb_story_print(const struct chb_sim_story *story, FILE *file);

/* Reads a story from a file. False, with a message on stderr, if it is none. */
bool chb_story_read(struct chb_sim_story *ret_story, const char *path);

#endif
