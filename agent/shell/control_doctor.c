/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `doctor`, the daemon's part: what the VMs' parameters give up of the rules. */
#include <agent/shell/vm.h>

#include <stdio.h>

#include <agent/config/params.h>

struct findings {
    struct json_object *checks;
    const struct chb_vm *vm;
};

/* @level: "ok", "advice" or "problem". @text follows the VM's name. @remedy: what follows "pcs
 * resource update" and the resource's name; NULL with "ok". */
static void find(const struct findings *findings, const char *level, const char *text,
                 const char *remedy)
{
    char line[512];
    struct json_object *check = json_object_new_object();
    json_object_object_add(check, "level", json_object_new_string(level));
    (void)snprintf(line, sizeof(line), "%s: %s", findings->vm->name, text);
    json_object_object_add(check, "text", json_object_new_string(line));
    if (remedy != NULL) {
        (void)snprintf(line, sizeof(line), "pcs resource update %s %s", findings->vm->resource,
                       remedy);
        json_object_object_add(check, "remedy", json_object_new_string(line));
    }
    json_object_array_add(findings->checks, check);
}

static void check_ipv6(const struct findings *findings, const struct chb_vm_config *config)
{
    if (config->spec.n_nics == 0) {
        return;
    }
    if (config->ipv6 == CHB_IPV6_DROP) {
        find(findings, "ok", "IPv6 from and to the guest is dropped (ipv6=drop)", NULL);
    } else {
        find(findings, "advice",
             "the guest's IPv6 leaves before both copies agree (ipv6=allow), so a failover may "
             "undo what clients over IPv6 have seen",
             "ipv6=drop, unless clients need IPv6 in spite of that; it restarts the VM");
    }
}

static void check_fencing(const struct findings *findings, const struct chb_vm_config *config)
{
    if (!config->require_fencing) {
        find(findings, "advice",
             "a lost host counts as off without proof (require_fencing=false), so the VM may run "
             "twice",
             "require_fencing=true, with a fence device that works; it restarts the VM");
    }
}

struct json_object *chb_doctor_json(struct chb_daemon *daemon)
{
    struct json_object *result = json_object_new_object();
    struct json_object *checks = json_object_new_array();
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        const struct findings findings = {.checks = checks, .vm = daemon->vms[i]};
        if (daemon->vms[i]->config != NULL) {
            check_ipv6(&findings, daemon->vms[i]->config);
            check_fencing(&findings, daemon->vms[i]->config);
        }
    }
    json_object_object_add(result, "checks", checks);
    return result;
}
