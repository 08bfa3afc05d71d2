/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <agent/config/conf_file.h>

static struct chb_config_error error;
static struct chb_conf conf;

static int parse(const char *text)
{
    return chb_conf_parse(text, strlen(text), &conf, &error);
}

static void defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_int_equal(conf.log_level, CHB_LOG_LEVEL_NOTICE);
    assert_int_equal(conf.log_target, CHB_LOG_TARGET_JOURNAL);
    assert_string_equal(conf.state_dir, "/var/lib/colo-hbd");
    assert_string_equal(conf.runtime_dir, "/run/colo-hbd");
    assert_string_equal(conf.overlay_dir, "/var/lib/colo-hbd/overlays");
    assert_string_equal(conf.qemu, "qemu-system-x86_64");
    assert_string_equal(conf.qemu_img, "qemu-img");
    assert_string_equal(conf.control_group, "haclient");
    assert_int_equal(chb_span_ms(conf.heartbeat_interval), 200);
    assert_int_equal(chb_span_ms(conf.silence_timeout), 1000);
    assert_true(conf.realtime);
    assert_true(conf.recorder);
    assert_int_equal(conf.recorder_bytes, 4 << 20);
}

static void every_key(void **state)
{
    (void)state;
    assert_int_equal(parse("# a comment\n\n log_level=debug \r\n"
                           "log_target = stderr # and another\n"
                           "state_dir = /s\nruntime_dir = /r\noverlay_dir = /o\nqemu = /q\n"
                           "qemu_img = qi\ncontrol_group = wheel\nheartbeat_interval = 50ms\n"
                           "silence_timeout = 2 s\nrealtime = no\nrecorder = no\n"
                           "recorder_size = 1M"),
                     0);
    assert_int_equal(conf.log_level, CHB_LOG_LEVEL_DEBUG);
    assert_int_equal(conf.log_target, CHB_LOG_TARGET_STDERR);
    assert_string_equal(conf.state_dir, "/s");
    assert_string_equal(conf.runtime_dir, "/r");
    assert_string_equal(conf.overlay_dir, "/o");
    assert_string_equal(conf.qemu, "/q");
    assert_string_equal(conf.qemu_img, "qi");
    assert_string_equal(conf.control_group, "wheel");
    assert_int_equal(chb_span_ms(conf.heartbeat_interval), 50);
    assert_int_equal(chb_span_ms(conf.silence_timeout), 2000);
    assert_false(conf.realtime);
    assert_false(conf.recorder);
    assert_int_equal(conf.recorder_bytes, 1 << 20);
    unsigned n = 0;
    while (chb_conf_keys()[n] != NULL) {
        n++;
    }
    assert_int_equal(n, 13); /* as many as above */
}

static void mistakes(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *part;
    } cases[] = {
        {"\n\nlog_levle = debug\n", 3, "write log_level"},
        {"nonsense = 1", 1, "colo-hbd.conf(5)"},
        {"log_level = loud", 1, "error, warning"},
        {"log_level =", 1, "a value"},
        {"log_level", 1, "KEY = VALUE"},
        {"realtime = yes\nrealtime = no", 2, "second time"},
        {"state_dir = here", 1, "absolute path"},
        {"qemu = bin/qemu", 1, "a program's name"},
        {"heartbeat_interval = 200", 1, "with its unit"},
        {"silence_timeout = 61s", 1, "to 60s"},
        {"recorder_size = 1T", 1, "64K to 1G"},
        {"realtime = sometimes", 1, "yes or no"},
        {"control_group = a b", 1, "group's name"},
        {"log_target = screen", 1, "journal, syslog or stderr"},
        {"heartbeat_interval = 500ms", 0, "less than three times"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&conf, 7, sizeof(conf));
        assert_int_equal(parse(cases[i].text), -EINVAL);
        assert_int_equal(error.line, cases[i].line);
        if (strstr(error.text, cases[i].part) == NULL) {
            fail_msg("\"%s\" does not contain \"%s\"", error.text, cases[i].part);
        }
        assert_int_equal(((const unsigned char *)&conf)[0], 7); /* untouched */
    }
    assert_int_equal(chb_conf_parse("a\0b", 3, &conf, &error), -EINVAL);
}

static void loading(void **state)
{
    char path[] = "/tmp/chb-conf.XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "qemu = /q\n", 10), 10);
    assert_int_equal(close(fd), 0);
    assert_int_equal(chb_conf_load(path, &conf, &error), 0);
    assert_string_equal(conf.qemu, "/q");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(chb_conf_load(path, &conf, &error), 0);
    assert_string_equal(conf.qemu, "qemu-system-x86_64");
    assert_int_equal(chb_conf_load("/tmp", &conf, &error), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_key),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(loading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
