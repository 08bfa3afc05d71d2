/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the CIB and the fence devices from what Pacemaker's tools print. */
#include <tests/unit/pacemaker/fake_tools.h>

#include <errno.h>

#include <agent/pacemaker/cluster.h>

static struct fake_tools fake;
static unsigned answers;
static struct chb_cib_records records;
static struct chb_cluster_properties properties;
static struct chb_fence_devices devices;
static struct chb_tool_result meta;

static void on_records(void *userdata, const struct chb_cib_records *result)
{
    (void)userdata;
    answers++;
    records = *result;
}

static void on_properties(void *userdata, const struct chb_cluster_properties *result)
{
    (void)userdata;
    answers++;
    properties = *result;
}

static void on_devices(void *userdata, const struct chb_fence_devices *result)
{
    (void)userdata;
    answers++;
    devices = *result;
}

static void on_meta(void *userdata, const struct chb_tool_result *result)
{
    (void)userdata;
    answers++;
    meta = *result;
}

static int setup(void **state)
{
    (void)state;
    answers = 0;
    fake_begin(&fake, 4);
    fake_tool(&fake, "cibadmin", "echo \"$*\" >> log; cat answer");
    fake_tool(&fake, "stonith_admin", "echo \"$*\" >> log; cat answer");
    fake_tool(&fake, "crm_resource", "echo \"$*\" >> log");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_end(&fake);
    return 0;
}

static void read_records(const char *answer)
{
    fake_write(&fake, "answer", answer, 0644);
    assert_int_equal(chb_cluster_read_records(fake.tools, "vm", chb_ms(5000), on_records, NULL), 0);
    fake_wait(&fake, &answers, answers + 1);
}

static void test_records(void **state)
{
    (void)state;
    read_records("<nodes>\n"
                 "  <node id=\"1\" uname=\"n1\">\n"
                 "    <instance_attributes id=\"nodes-1\">\n"
                 "      <nvpair id=\"a\" name=\"colo-hbd-vm\" value=\"g=7 &lt;solo&gt;\"/>\n"
                 "      <nvpair id=\"b\" name=\"colo-hbd-vm2\" value=\"g=9\"/>\n"
                 "    </instance_attributes>\n"
                 "  </node>\n"
                 "  <node id=\"2\" uname=\"n2\"/>\n"
                 "  <node id=\"3\">\n"
                 "    <instance_attributes id=\"nodes-3\">\n"
                 "      <nvpair id=\"c\" name=\"colo-hbd-vm\" value=\"of no node\"/>\n"
                 "    </instance_attributes>\n"
                 "  </node>\n"
                 "  <node id=\"4\" uname=\"n4\">\n"
                 "    <instance_attributes id=\"nodes-4\">\n"
                 "      <nvpair id=\"d\" name=\"colo-hbd-vm\" value=\"g=8\"/>\n"
                 "    </instance_attributes>\n"
                 "  </node>\n"
                 "</nodes>\n");
    assert_int_equal(records.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(records.count, 2);
    assert_string_equal(records.records[0].node, "n1");
    assert_string_equal(records.records[0].text, "g=7 <solo>");
    assert_string_equal(records.records[1].node, "n4");
    assert_string_equal(fake_read(&fake, "log"), "--query --scope=nodes\n");
    read_records("<nodes/>");
    assert_int_equal(records.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(records.count, 0);
}

/* What cannot be read is never "no record". */
static void test_records_that_cannot_be_read(void **state)
{
    char text[2048];

    (void)state;
    read_records("");
    assert_int_equal(records.outcome, CHB_OUTCOME_FAILED);
    read_records("<nodes><node uname='n1'><instance_attributes>"
                 "<nvpair name='colo-hbd-vm' value='g=7'/>");
    assert_int_equal(records.outcome, CHB_OUTCOME_FAILED);
    assert_int_equal(records.count, 0);
    read_records("<nodes><node uname='n1'><nvpair name='colo-hbd-vm'/></node></nodes>");
    assert_int_equal(records.outcome, CHB_OUTCOME_FAILED);
    snprintf(text, sizeof(text),
             "<nodes><node uname='n1'><nvpair name='colo-hbd-vm' value='%0600d'/></node></nodes>",
             1);
    read_records(text);
    assert_int_equal(records.outcome, CHB_OUTCOME_FAILED);
    fake_tool(&fake, "cibadmin", "echo 'Signon to CIB failed' >&2; exit 102");
    read_records("<nodes/>");
    assert_int_equal(records.outcome, CHB_OUTCOME_FAILED);
    assert_string_equal(records.text, "Signon to CIB failed");
    assert_int_equal(chb_cluster_read_records(fake.tools, "a b", chb_ms(5000), on_records, NULL),
                     -EINVAL);
}

static void test_no_answer_is_unknown(void **state)
{
    (void)state;
    fake_tool(&fake, "cibadmin", "sleep 30");
    assert_int_equal(chb_cluster_read_records(fake.tools, "vm", chb_ms(100), on_records, NULL), 0);
    assert_int_equal(chb_cluster_read_properties(fake.tools, chb_ms(100), on_properties, NULL), 0);
    fake_wait(&fake, &answers, 2);
    assert_int_equal(records.outcome, CHB_OUTCOME_UNKNOWN);
    assert_int_equal(properties.outcome, CHB_OUTCOME_UNKNOWN);
}

static void read_properties(const char *answer)
{
    fake_write(&fake, "answer", answer, 0644);
    assert_int_equal(chb_cluster_read_properties(fake.tools, chb_ms(5000), on_properties, NULL), 0);
    fake_wait(&fake, &answers, answers + 1);
}

static void test_properties(void **state)
{
    (void)state;
    read_properties("<crm_config/>");
    assert_int_equal(properties.outcome, CHB_OUTCOME_DONE);
    assert_true(properties.stonith_enabled);
    assert_string_equal(properties.stonith_action, "reboot");
    assert_int_equal(properties.stonith_timeout.ns, chb_ms(60000).ns);
    assert_int_equal(properties.watchdog_timeout.ns, 0);
    read_properties("<crm_config>\n"
                    " <cluster_property_set id='other'>"
                    "  <nvpair name='stonith-enabled' value='true'/>"
                    "  <nvpair name='have-watchdog' value='YES'/>"
                    " </cluster_property_set>"
                    " <cluster_property_set id='cib-bootstrap-options'>"
                    "  <nvpair name='stonith-enabled' value='Off'/>"
                    "  <nvpair name='stonith-action' value='poweroff'/>"
                    "  <nvpair name='stonith-timeout' value='2min'/>"
                    "  <nvpair name='stonith-watchdog-timeout' value='-1'/>"
                    "  <nvpair name='cluster-name' value='lab'/>"
                    " </cluster_property_set></crm_config>");
    assert_int_equal(properties.outcome, CHB_OUTCOME_DONE);
    assert_false(properties.stonith_enabled); /* the main set wins */
    assert_true(properties.have_watchdog);
    assert_string_equal(properties.stonith_action, "off");
    assert_int_equal(properties.stonith_timeout.ns, chb_ms(120000).ns);
    assert_int_equal(properties.watchdog_timeout.ns, -1);
    assert_string_equal(properties.cluster_name, "lab");
    read_properties("<crm_config><cluster_property_set id='cib-bootstrap-options'>"
                    "<nvpair name='stonith-enabled' value='maybe'/>"
                    "<nvpair name='stonith-timeout' value='99999999999999999999s'/>"
                    "<nvpair name='stonith-action' value='explode'/>"
                    "</cluster_property_set></crm_config>");
    assert_true(properties.stonith_enabled);
    assert_int_equal(properties.stonith_timeout.ns, chb_ms(60000).ns);
    assert_string_equal(properties.stonith_action, "reboot");
    read_properties("no XML");
    assert_int_equal(properties.outcome, CHB_OUTCOME_FAILED);
}

static void test_devices(void **state)
{
    (void)state;
    fake_write(&fake, "answer", "fence-n3\n * second.device\n2 fence devices found\n", 0644);
    assert_int_equal(chb_cluster_read_devices(fake.tools, "n3", chb_ms(5000), on_devices, NULL), 0);
    fake_wait(&fake, &answers, 1);
    assert_int_equal(devices.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(devices.count, 2);
    assert_string_equal(devices.names[0], "fence-n3");
    assert_string_equal(devices.names[1], "second.device");
    assert_string_equal(devices.node, "n3");
    fake_write(&fake, "answer", "0 fence devices found\n", 0644);
    assert_int_equal(chb_cluster_read_devices(fake.tools, "n3", chb_ms(5000), on_devices, NULL), 0);
    fake_wait(&fake, &answers, 2);
    assert_int_equal(devices.outcome, CHB_OUTCOME_DONE);
    assert_int_equal(devices.count, 0);
    assert_string_equal(fake_read(&fake, "log"), "--list=n3\n--list=n3\n");
    assert_int_equal(chb_cluster_read_devices(fake.tools, "-x", chb_ms(5000), on_devices, NULL),
                     -EINVAL);
}

static void test_meta(void **state)
{
    (void)state;
    assert_int_equal(chb_cluster_set_meta(fake.tools, "vm-clone", "target-role", "Stopped",
                                          chb_ms(5000), on_meta, NULL),
                     0);
    fake_wait(&fake, &answers, 1);
    assert_int_equal(meta.outcome, CHB_OUTCOME_DONE);
    assert_string_equal(fake_read(&fake, "log"),
                        "--resource=vm-clone --meta --set-parameter=target-role "
                        "--parameter-value=Stopped\n");
    assert_int_equal(chb_cluster_set_meta(fake.tools, "vm clone", "target-role", "Stopped",
                                          chb_ms(5000), on_meta, NULL),
                     -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records_that_cannot_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_answer_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_properties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_devices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_meta, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
