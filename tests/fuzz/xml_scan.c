/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cibadmin prints. */
#include <errno.h>

#include <agent/pacemaker/xml_scan.h>

#include "fuzz.h"

struct seen {
    size_t count;
    size_t stop_at; /* element at which the visitor has had enough; 0: none */
};

static int visit(void *userdata, const struct chb_xml_element *element)
{
    struct seen *seen = userdata;

    CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(element->name) && element->name[0] != '\0');
    CHB_FUZZ_CHECK(element->depth >= 1 && element->depth <= CHB_XML_DEPTH_MAX);
    CHB_FUZZ_CHECK(element->depth == 1 ? seen->count == 0 : seen->count > 0);
    CHB_FUZZ_CHECK(element->count <= CHB_XML_ATTRIBUTES_MAX);
    for (size_t i = 0; i < element->count; i++) {
        const struct chb_xml_attribute *attribute = &element->attributes[i];
        CHB_FUZZ_CHECK(CHB_FUZZ_TERMINATED(attribute->name) &&
                       CHB_FUZZ_TERMINATED(attribute->value));
        const char *value = chb_xml_get(element, attribute->name);
        CHB_FUZZ_CHECK(attribute->cut ? value == NULL : value == attribute->value);
    }
    seen->count++;
    return seen->count == seen->stop_at ? 77 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen all = {0};
    char *text = (char *)chb_fuzz_copy(data, size);
    const int r = chb_xml_scan(text, size, visit, &all);

    CHB_FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -E2BIG);
    CHB_FUZZ_CHECK(r != 0 || all.count > 0);
    if (all.count > 0) {
        struct seen some = {.stop_at = (all.count + 1) / 2};
        CHB_FUZZ_CHECK(chb_xml_scan(text, size, visit, &some) == 77);
        CHB_FUZZ_CHECK(some.count == some.stop_at);
    }
    free(text);
    return 0;
}
