/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder of shell scripts that stand in for Pacemaker's tools, and a loop to run them in. */
#ifndef CHB_TEST_FAKE_TOOLS_H
#define CHB_TEST_FAKE_TOOLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <agent/pacemaker/tool.h>

struct fake_tools {
    char folder[64];
    sd_event *event;
    struct chb_tools *tools;
};

static inline chb_time fake_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (chb_time){.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec};
}

static inline void fake_begin(struct fake_tools *fake, unsigned parallel_max)
{
    const struct chb_tools_config config = {
        .folder = fake->folder, /* filled in below */
        .parallel_max = parallel_max,
    };
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    memset(fake, 0, sizeof(*fake));
    snprintf(fake->folder, sizeof(fake->folder), "/tmp/chb-fake-XXXXXX");
    assert_non_null(mkdtemp(fake->folder));
    assert_int_equal(sd_event_new(&fake->event), 0);
    assert_int_equal(chb_tools_new(fake->event, &config, &fake->tools), 0);
}

static inline void fake_end(struct fake_tools *fake)
{
    char command[128];

    chb_tools_free(fake->tools);
    sd_event_unref(fake->event);
    snprintf(command, sizeof(command), "rm -r '%s'", fake->folder);
    assert_int_equal(system(command), 0);
}

/* Writes a file into the folder; mode 0755 makes it a tool. */
static inline void fake_write(const struct fake_tools *fake, const char *name, const char *text,
                              mode_t mode)
{
    char path[128];
    char next[144];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", fake->folder, name);
    snprintf(next, sizeof(next), "%s.next", path);
    file = fopen(next, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(next, mode), 0);
    assert_int_equal(rename(next, path), 0);
}

/* A script whose working folder is the fakes' folder. */
static inline void fake_tool(const struct fake_tools *fake, const char *name, const char *body)
{
    char text[2048];

    snprintf(text, sizeof(text), "#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit 99\n%s\n", body);
    fake_write(fake, name, text, 0755);
}

static inline void fake_remove(const struct fake_tools *fake, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", fake->folder, name);
    (void)unlink(path);
}

/* The whole of a file of the folder, or "". Overwritten by the next call. */
static inline const char *fake_read(const struct fake_tools *fake, const char *name)
{
    static char text[16384];
    char path[128];
    FILE *file;
    size_t size;

    snprintf(path, sizeof(path), "%s/%s", fake->folder, name);
    file = fopen(path, "re");
    if (file == NULL) {
        return "";
    }
    size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    return text;
}

/* Runs the loop until *counter is at least `wanted`; fails after 10 s. */
static inline void fake_wait(struct fake_tools *fake, const unsigned *counter, unsigned wanted)
{
    chb_time deadline = chb_time_add(fake_now(), chb_ms(10000));

    while (*counter < wanted) {
        assert_false(chb_time_reached(fake_now(), deadline));
        assert_true(sd_event_run(fake->event, 20000) >= 0);
    }
}

static inline void fake_run_for(struct fake_tools *fake, int64_t ms)
{
    chb_time deadline = chb_time_add(fake_now(), chb_ms(ms));

    while (!chb_time_reached(fake_now(), deadline)) {
        assert_true(sd_event_run(fake->event, 5000) >= 0);
    }
}

#endif
