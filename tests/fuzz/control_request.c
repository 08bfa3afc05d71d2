/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line of the control socket. */
#include <errno.h>

#include <agent/control/request.h>

#include "fuzz.h"

static void use(const struct chb_control_request *request)
{
    CHB_FUZZ_CHECK(request->command[0] != '\0' && CHB_FUZZ_TERMINATED(request->command));
    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(request->vm));
    CHB_FUZZ_CHECK(request->args == NULL || json_object_is_type(request->args, json_type_object));
    if (request->args == NULL) {
        return;
    }
    json_object_object_foreach(request->args, key, value)
    {
        (void)value;
        const char *text = chb_control_arg_text(request, key, 16);
        CHB_FUZZ_CHECK(text == NULL || strlen(text) <= 16);
        const int64_t number = chb_control_arg_number(request, key, -5, 1000, 7);
        CHB_FUZZ_CHECK(number >= -5 && number <= 1000);
        (void)chb_control_arg_bool(request, key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chb_control_request request;
    char error[200] = "";
    char *line = (char *)chb_fuzz_copy(data, size);
    const int r = chb_control_request_parse(line, size, &request, error, sizeof(error));

    if (r == 0) {
        use(&request);
        chb_control_request_clear(&request);
    } else {
        CHB_FUZZ_CHECK(r == -EINVAL && error[0] != '\0' && CHB_FUZZ_TERMINATED(error));
    }
    free(line);
    return 0;
}
