/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of colo-hbd.conf. */
#include <errno.h>

#include <agent/config/conf_file.h>

#include "fuzz.h"

static void judge(const struct chb_conf *conf)
{
    CHB_FUZZ_CHECK(conf->log_level <= CHB_LOG_LEVEL_DEBUG &&
                   conf->log_target <= CHB_LOG_TARGET_STDERR);
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(conf->state_dir) && conf->state_dir[0] == '/');
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(conf->runtime_dir) && conf->runtime_dir[0] == '/');
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(conf->overlay_dir) && conf->overlay_dir[0] == '/');
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(conf->qemu) && conf->qemu[0] != '\0');
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(conf->qemu_img) && conf->qemu_img[0] != '\0');
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(conf->control_group) && conf->control_group[0] != '\0');
    const int64_t interval_ms = chb_span_ms(conf->heartbeat_interval);
    const int64_t silence_ms = chb_span_ms(conf->silence_timeout);
    CHB_FUZZ_CHECK(interval_ms >= 10 && interval_ms <= 10000);
    CHB_FUZZ_CHECK(silence_ms >= 100 && silence_ms <= 60000 && silence_ms >= 3 * interval_ms);
    CHB_FUZZ_CHECK(conf->recorder_bytes >= 65536 && conf->recorder_bytes <= UINT64_C(1) << 30);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chb_config_error error = {0};
    struct chb_conf conf;
    char *text = (char *)chb_fuzz_copy(data, size);
    const int r = chb_conf_parse(text, size, &conf, &error);

    if (r == 0) {
        judge(&conf);
    } else {
        CHB_FUZZ_CHECK(r == -EINVAL && error.text[0] != '\0' && CHB_FUZZ_TERMINATED(error.text));
    }
    free(text);
    return 0;
}
