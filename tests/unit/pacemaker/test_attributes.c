/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values for Pacemaker: the newest arrives, one write at a time, until it is accepted. */
#include <tests/unit/pacemaker/fake_tools.h>

#include <errno.h>

#include <agent/pacemaker/attributes.h>

/* Writes its arguments down; `fail` or `hang` in the folder make it do that. */
#define TOOL                                                                                       \
    "echo \"$(basename \"$0\") $*\" >> log\n"                                                      \
    "[ -e hang ] && sleep 30\n"                                                                    \
    "[ -e slow ] && sleep 0.3\n"                                                                   \
    "[ -e fail ] && { echo 'Could not connect to attrd' >&2; exit 102; }\n"                        \
    "exit 0"

static struct fake_tools fake;
static struct chb_attributes *attributes;

static struct {
    unsigned count, done;
    enum chb_attribute_kind kind;
    char name[CHB_ATTRIBUTE_NAME_MAX];
    char value[CHB_ATTRIBUTE_VALUE_MAX];
    char text[256];
    uint64_t ticket;
    enum chb_outcome outcome;
    bool newest;
} last;

static void on_written(void *userdata, const struct chb_attribute_report *report)
{
    (void)userdata;
    last.count++;
    last.done += report->outcome == CHB_OUTCOME_DONE;
    last.kind = report->kind;
    last.ticket = report->ticket;
    last.outcome = report->outcome;
    last.newest = report->newest;
    snprintf(last.name, sizeof(last.name), "%s", report->name);
    snprintf(last.value, sizeof(last.value), "%s",
             report->value == NULL ? "(deleted)" : report->value);
    snprintf(last.text, sizeof(last.text), "%s", report->text);
}

static int setup(void **state)
{
    (void)state;
    memset(&last, 0, sizeof(last));
    fake_begin(&fake, 4);
    fake_tool(&fake, "attrd_updater", TOOL);
    fake_tool(&fake, "crm_attribute", TOOL);
    assert_int_equal(
        chb_attributes_new(fake.event, fake.tools, "n1", 0, on_written, NULL, &attributes), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    attributes = chb_attributes_free(attributes);
    fake_end(&fake);
    return 0;
}

static void test_commands(void **state)
{
    uint64_t ticket = 0;

    (void)state;
    assert_int_equal(chb_attributes_set(attributes, "vm1", "primary, \"x\" $HOME", &ticket), 0);
    assert_int_equal(chb_attributes_dirty(attributes), 1);
    fake_wait(&fake, &last.done, 1);
    assert_int_equal(last.ticket, ticket);
    assert_true(last.newest);
    assert_string_equal(last.value, "primary, \"x\" $HOME");
    assert_int_equal(chb_attributes_dirty(attributes), 0);
    assert_int_equal(chb_attributes_set_score(attributes, "vm1", 100, NULL), 0);
    fake_wait(&fake, &last.done, 2);
    assert_int_equal(last.kind, CHB_ATTRIBUTE_SCORE);
    assert_string_equal(last.name, "vm1");
    assert_int_equal(chb_attributes_set_score(attributes, "vm1", CHB_SCORE_MINUS_INFINITY, NULL),
                     0);
    fake_wait(&fake, &last.done, 3);
    assert_int_equal(chb_attributes_clear_score(attributes, "vm1", NULL), 0);
    fake_wait(&fake, &last.done, 4);
    assert_string_equal(last.value, "(deleted)");
    assert_int_equal(chb_attributes_set_record(attributes, "vm1", "g=7", NULL), 0);
    fake_wait(&fake, &last.done, 5);
    assert_string_equal(fake_read(&fake, "log"),
                        "attrd_updater --name=vm1 --update=primary, \"x\" $HOME\n"
                        "attrd_updater --name=master-vm1 --update=100\n"
                        "attrd_updater --name=master-vm1 --update=-INFINITY\n"
                        "attrd_updater --name=master-vm1 --delete\n"
                        "crm_attribute --node=n1 --name=colo-hbd-vm1 --update=g=7 "
                        "--lifetime=forever\n");
}

static void test_only_the_newest_is_written(void **state)
{
    char value[16];

    (void)state;
    fake_write(&fake, "slow", "", 0644);
    assert_int_equal(chb_attributes_set(attributes, "a", "first", NULL), 0);
    fake_run_for(&fake, 100); /* now it is under way */
    for (int i = 0; i < 50; i++) {
        snprintf(value, sizeof(value), "v%d", i);
        assert_int_equal(chb_attributes_set(attributes, "a", value, NULL), 0);
    }
    fake_wait(&fake, &last.done, 1);
    assert_false(last.newest);
    fake_wait(&fake, &last.done, 2);
    assert_true(last.newest);
    assert_string_equal(last.value, "v49");
    fake_run_for(&fake, 400);
    assert_string_equal(fake_read(&fake, "log"), "attrd_updater --name=a --update=first\n"
                                                 "attrd_updater --name=a --update=v49\n");
}

static void test_same_value_is_confirmed_without_a_write(void **state)
{
    uint64_t ticket = 0;

    (void)state;
    assert_int_equal(chb_attributes_set(attributes, "a", "x", NULL), 0);
    fake_wait(&fake, &last.done, 1);
    assert_int_equal(chb_attributes_set(attributes, "a", "x", &ticket), 0);
    assert_int_equal(last.count, 1); /* never from inside of the call */
    fake_wait(&fake, &last.done, 2);
    assert_int_equal(last.ticket, ticket);
    assert_string_equal(fake_read(&fake, "log"), "attrd_updater --name=a --update=x\n");
}

static void test_retries_until_it_works(void **state)
{
    (void)state;
    fake_write(&fake, "fail", "", 0644);
    assert_int_equal(chb_attributes_set(attributes, "a", "x", NULL), 0);
    fake_wait(&fake, &last.count, 3); /* after 200 and 400 ms */
    assert_int_equal(last.done, 0);
    assert_int_equal(last.outcome, CHB_OUTCOME_FAILED);
    assert_string_equal(last.text, "Could not connect to attrd");
    assert_int_equal(chb_attributes_dirty(attributes), 1);
    fake_remove(&fake, "fail");
    /* A new value does not wait for the old one's patience. */
    assert_int_equal(chb_attributes_set(attributes, "a", "y", NULL), 0);
    fake_run_for(&fake, 150);
    assert_int_equal(last.done, 1);
    assert_string_equal(last.value, "y");
}

static void test_missing_tool_is_retried(void **state)
{
    (void)state;
    fake_remove(&fake, "attrd_updater");
    assert_int_equal(chb_attributes_set(attributes, "a", "x", NULL), 0);
    fake_wait(&fake, &last.count, 1);
    assert_int_equal(last.outcome, CHB_OUTCOME_FAILED);
    fake_tool(&fake, "attrd_updater", TOOL);
    fake_wait(&fake, &last.done, 1);
}

/* After a write of unknown end the value has the last word. */
static void test_unknown_end(void **state)
{
    (void)state;
    fake_write(&fake, "hang", "", 0644);
    assert_int_equal(chb_attributes_set(attributes, "a", "old", NULL), 0);
    fake_wait(&fake, &last.count, 1); /* 5 s */
    assert_int_equal(last.outcome, CHB_OUTCOME_UNKNOWN);
    fake_remove(&fake, "hang");
    assert_int_equal(chb_attributes_set(attributes, "a", "new", NULL), 0);
    fake_wait(&fake, &last.done, 1);
    fake_wait(&fake, &last.done, 2);
    assert_string_equal(last.value, "new");
    fake_run_for(&fake, 300);
    assert_int_equal(last.done, 2);
    assert_int_equal(chb_attributes_dirty(attributes), 0);
}

static void test_republish(void **state)
{
    (void)state;
    assert_int_equal(chb_attributes_set(attributes, "a", "x", NULL), 0);
    assert_int_equal(chb_attributes_set_record(attributes, "vm", "r", NULL), 0);
    fake_wait(&fake, &last.done, 2);
    fake_remove(&fake, "log");
    chb_attributes_republish(attributes, true);
    fake_wait(&fake, &last.done, 3);
    fake_run_for(&fake, 100);
    assert_string_equal(fake_read(&fake, "log"), "attrd_updater --name=a --update=x\n");
    chb_attributes_republish(attributes, false);
    fake_wait(&fake, &last.done, 5);
}

static void test_forget(void **state)
{
    (void)state;
    fake_write(&fake, "slow", "", 0644);
    assert_int_equal(chb_attributes_set(attributes, "a", "x", NULL), 0);
    fake_run_for(&fake, 50);
    chb_attributes_forget(attributes, CHB_ATTRIBUTE_TRANSIENT, "a");
    chb_attributes_forget(attributes, CHB_ATTRIBUTE_TRANSIENT, "a");
    fake_run_for(&fake, 500);
    assert_int_equal(last.count, 0);
    assert_int_equal(chb_attributes_dirty(attributes), 0);
}

static void test_bad_names_and_values(void **state)
{
    static const char *const names[] = {"", "-x", "a b", "a=b", "a/b", "\xc3\xa4", "a\n"};
    static const char *const values[] = {"",         "a\nb",         "\x7f",     "\xff",
                                         "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80",
                                         "\xc2\x80"};
    char long_text[CHB_ATTRIBUTE_VALUE_MAX + 1];
    struct chb_attributes *other = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(chb_attributes_set(attributes, names[i], "x", NULL), -EINVAL);
        assert_int_equal(chb_attributes_set_score(attributes, names[i], 1, NULL), -EINVAL);
        assert_int_equal(chb_attributes_clear_score(attributes, names[i], NULL), -EINVAL);
        assert_int_equal(chb_attributes_set_record(attributes, names[i], "x", NULL), -EINVAL);
    }
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_int_equal(chb_attributes_set(attributes, "a", values[i], NULL), -EINVAL);
    }
    assert_int_equal(chb_attributes_set(attributes, "a", "\xc3\xa4 \xe2\x82\xac", NULL), 0);
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    assert_int_equal(chb_attributes_set(attributes, "a", long_text, NULL), -EINVAL);
    assert_int_equal(chb_attributes_set_score(attributes, "a", CHB_ATTRIBUTE_SCORE_MAX + 1, NULL),
                     -EINVAL);
    assert_int_equal(chb_attributes_set_score(attributes, "a", INT32_MIN, NULL), -EINVAL);
    assert_int_equal(chb_attributes_new(fake.event, fake.tools, "", 0, NULL, NULL, &other),
                     -EINVAL);
    assert_null(other);
    assert_null(chb_attributes_free(NULL));
}

static void test_too_many(void **state)
{
    char name[16];

    (void)state;
    fake_write(&fake, "hang", "", 0644);
    for (int i = 0; i < CHB_ATTRIBUTES_MAX; i++) {
        snprintf(name, sizeof(name), "a%d", i);
        assert_int_equal(chb_attributes_set(attributes, name, "x", NULL), 0);
    }
    assert_int_equal(chb_attributes_set(attributes, "one-more", "x", NULL), -ENOBUFS);
    assert_int_equal(chb_attributes_set(attributes, "a0", "y", NULL), 0);
    fake_run_for(&fake, 100); /* more values than the tools' queue holds */
    assert_int_equal(chb_attributes_dirty(attributes), CHB_ATTRIBUTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_the_newest_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_value_is_confirmed_without_a_write, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_retries_until_it_works, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_tool_is_retried, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_republish, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_names_and_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
