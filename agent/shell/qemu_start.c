/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QEMU is started: images, taps, process, monitors, and with a primary the guest. Each stage ends
 * with the next one or with "QEMU_STARTED: failed"; then the core has it killed, and the kernel
 * says when it is dead.
 */
#include <agent/shell/vm.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <agent/process/tap.h>
#include <agent/qemu/cmdline.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define CREATE_TIMEOUT_MS 20000
#define MERGE_TIMEOUT_MS 600000
#define CONNECT_TIMEOUT_MS 20000
#define PROBE_TIMEOUT_MS 10000
#define QEMU_OOM_SCORE_ADJ (-500)

static void answer(struct chb_vm *vm, enum chb_outcome outcome)
{
    struct chb_event event = {.kind = CHB_EVENT_QEMU_STARTED};
    event.u.result.op = vm->qemu.start_op;
    event.u.result.outcome = outcome;
    event.u.result.qemu = vm->qemu.identity;
    chb_vm_event(vm, &event);
}

void chb_qemu_start_failed(struct chb_vm *vm, const char *text)
{
    chb_vm_set_error(vm, "%s", text);
    chb_log(LOG_ERR, "%s: QEMU cannot be started: %s", vm->name, text);
    vm->qemu.stage = vm->qemu.child != NULL ? CHB_QEMU_RUNNING : CHB_QEMU_NONE;
    answer(vm, CHB_OUTCOME_FAILED);
}

void chb_qemu_spec(const struct chb_vm *vm, enum chb_role role,
                   char run_dir[static CHB_VM_PATH_SIZE], struct chb_vm_spec *ret_spec)
{
    const struct chb_conf *conf = &vm->daemon->options.conf;
    *ret_spec = vm->config->spec;
    ret_spec->run_dir = chb_vm_run_dir(vm, run_dir);
    if (ret_spec->overlay_dir == NULL) {
        ret_spec->overlay_dir = conf->overlay_dir;
    }
    if (ret_spec->binary == NULL) {
        ret_spec->binary = conf->qemu;
    }
    ret_spec->role = role == CHB_ROLE_SECONDARY ? CHB_VM_SECONDARY : CHB_VM_PRIMARY;
    ret_spec->paused = role == CHB_ROLE_PRIMARY;
    ret_spec->listen_address = vm->qemu.listen_address;
}

const char *chb_qemu_address(const struct chb_vm *vm, uint32_t node)
{
    const struct chb_topology *topology = chb_cluster_topology(vm->daemon->cluster);
    if (topology == NULL || vm->config == NULL) {
        return NULL;
    }
    int link = vm->config->replication_link;
    return chb_resolve(vm->daemon,
                       chb_topology_address(topology, node, link < 0 ? CHB_LINK_LAST : link));
}

/* ---- the last stage: the guest runs, or the secondary is there ---- */

static void started(struct chb_vm *vm)
{
    vm->qemu.stage = CHB_QEMU_RUNNING;
    vm->error[0] = '\0';
    answer(vm, CHB_OUTCOME_DONE);
}

static void on_guest_started(void *userdata, const struct chb_seq_result *result)
{
    struct chb_vm *vm = userdata;
    vm->qemu.seq = chb_seq_free(vm->qemu.seq);
    if (result->outcome == CHB_OUTCOME_DONE) {
        started(vm);
        return;
    }
    char text[CHB_VM_TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "%s: %s", result->step, result->text);
    chb_qemu_start_failed(vm, text);
}

static const struct chb_seq_callbacks start_callbacks = {.on_done = on_guest_started};

static void let_run(struct chb_vm *vm)
{
    struct chb_seq_params params;
    chb_sequence_params(vm, &params);
    vm->qemu.stage = CHB_QEMU_STARTING;
    int r = chb_seq_start(vm->qemu.client, &chb_seq_start_primary, &params, &vm->qemu.caps,
                          &start_callbacks, vm, &vm->qemu.seq);
    if (r < 0) {
        chb_qemu_start_failed(vm, strerror(-r));
    }
}

/* QEMU was replaced on this host after the resource was started here. The other side must know
 * before there is a join, so a secondary begins again, if it still fits. */
static bool is_replaced(struct chb_vm *vm)
{
    if (vm->qemu.version == vm->settings.qemu_version) {
        return false;
    }
    chb_log(LOG_WARNING, "%s: QEMU is %s by now; it was another one when the resource was started",
            vm->name, vm->qemu.version_text);
    chb_vm_set_version(vm, vm->qemu.version);
    return true;
}

void chb_qemu_start_ready(struct chb_vm *vm)
{
    char reason[CHB_VM_TEXT_SIZE];
    if (is_replaced(vm) && vm->qemu.role == CHB_ROLE_SECONDARY) {
        (void)snprintf(reason, sizeof(reason), "QEMU was replaced on this host: it is %s by now",
                       vm->qemu.version_text);
        chb_qemu_start_failed(vm, reason);
        return;
    }
    if (chb_qmp_caps_check(&vm->qemu.caps, reason, sizeof(reason)) < 0) {
        chb_qemu_start_failed(vm, reason);
        return;
    }
    if (vm->qemu.role == CHB_ROLE_PRIMARY) {
        let_run(vm);
    } else {
        started(vm);
    }
}

/* ---- the process ---- */

static int make_taps(struct chb_vm *vm, char *ret_error)
{
    const struct chb_vm_config *config = vm->config;
    for (unsigned i = 0; i < config->spec.n_nics; i++) {
        const struct chb_vm_nic *nic = &config->spec.nics[i];
        int r = chb_tap_create(nic->tap, nic->bridge, config->ipv6 == CHB_IPV6_DROP, ret_error);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

void chb_qemu_remove_taps(struct chb_vm *vm)
{
    if (vm->config == NULL) {
        return;
    }
    for (unsigned i = 0; i < vm->config->spec.n_nics; i++) {
        int r = chb_tap_remove(vm->config->spec.nics[i].tap);
        if (r < 0) {
            chb_log(LOG_WARNING, "%s: tap %s cannot be removed: %s", vm->name,
                    vm->config->spec.nics[i].tap, strerror(-r));
        }
    }
}

static int spawn(struct chb_vm *vm, const struct chb_vm_spec *spec, char *ret_error, size_t size)
{
    struct chb_cmdline *cmdline = malloc(sizeof(*cmdline));
    if (cmdline == NULL) {
        (void)snprintf(ret_error, size, "out of memory");
        return -ENOMEM;
    }
    char log_path[CHB_VM_PATH_SIZE];
    int r = chb_cmdline_build(spec, cmdline, ret_error, size);
    if (r == 0) {
        struct chb_child_spec child = {
            .argv = cmdline->words,
            .log_path = chb_vm_log_path(vm, log_path),
            .oom_score_adj = QEMU_OOM_SCORE_ADJ,
        };
        r = chb_child_spawn(vm->daemon->event, &child, CHB_PRIORITY_DEATH, chb_qemu_on_exit, vm,
                            &vm->qemu.child);
        if (r < 0) {
            (void)snprintf(ret_error, size, "%s cannot be run: %s", cmdline->words[0],
                           strerror(-r));
        }
    }
    free(cmdline);
    return r;
}

/* Sockets of the QEMU before would be taken for its own. */
static void clear_run_dir(const struct chb_vm_spec *spec)
{
    char path[CHB_QEMU_PATH_SIZE];
    (void)mkdir(spec->run_dir, 0700);
    if (chb_qemu_path(spec, CHB_QEMU_PATH_MONITOR, 0, path) == 0) {
        (void)unlink(path);
    }
    if (chb_qemu_path(spec, CHB_QEMU_PATH_MONITOR_OOB, 0, path) == 0) {
        (void)unlink(path);
    }
}

static void launch(struct chb_vm *vm)
{
    char error[CHB_VM_TEXT_SIZE] = "";
    char run_dir[CHB_VM_PATH_SIZE];
    struct chb_vm_spec spec;
    chb_qemu_spec(vm, vm->qemu.role, run_dir, &spec);
    clear_run_dir(&spec);
    int r = make_taps(vm, error);
    if (r == 0) {
        r = spawn(vm, &spec, error, sizeof(error));
    }
    if (r < 0) {
        chb_qemu_start_failed(vm, error);
        return;
    }
    vm->qemu.stage = CHB_QEMU_CONNECTING;
    chb_vm_save(vm); /* whoever comes after us must find it */
    chb_log(LOG_INFO, "%s: QEMU runs as process %d (%s)", vm->name,
            (int)chb_child_id(vm->qemu.child)->pid, chb_role_id(vm->qemu.role));
    r = chb_qemu_connect(vm, chb_ms(CONNECT_TIMEOUT_MS));
    if (r < 0) {
        (void)snprintf(error, sizeof(error), "its monitors: %s", strerror(-r));
        chb_qemu_start_failed(vm, error);
    }
}

/* ---- images ---- */

static const char *format_of(const struct chb_vm_disk *disk)
{
    return disk->format != NULL ? disk->format : "qcow2";
}

static void add_create(struct chb_vm *vm, struct chb_chain *chain, const char *format,
                       const char *path, uint64_t bytes)
{
    char size[32];
    (void)snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
    const char *argv[] = {
        "env", vm->daemon->options.conf.qemu_img, "create", "-q", "-f", format, path, size, NULL};
    chb_chain_add(chain, chb_ms(CREATE_TIMEOUT_MS), argv);
}

/* An image appears under its name when it is complete: what a stop or a power cut leaves half made
 * would be no image, and this host would be refused from then on. */
static int add_create_image(struct chb_vm *vm, struct chb_chain *chain,
                            const struct chb_vm_disk *disk, uint64_t bytes)
{
    char made[CHB_QEMU_PATH_SIZE];
    int n = snprintf(made, sizeof(made), "%s.colo-new", disk->path);
    if (n < 0 || (size_t)n >= sizeof(made)) {
        return -ENAMETOOLONG;
    }
    const char *sync[] = {"env", "sync", "--", made, NULL};
    const char *move[] = {"env", "mv", "-f", "-T", "--", made, disk->path, NULL};
    add_create(vm, chain, format_of(disk), made, bytes);
    chb_chain_add(chain, chb_ms(CREATE_TIMEOUT_MS), sync);
    chb_chain_add(chain, chb_ms(CREATE_TIMEOUT_MS), move);
    return 0;
}

/* Secondary: images that are absent get the size that the primary's have; overlays are always made
 * anew, exactly as large as their image. */
static int add_secondary_disks(struct chb_vm *vm, struct chb_chain *chain,
                               const struct chb_vm_spec *spec, const uint64_t *wanted)
{
    for (unsigned i = 0; i < spec->n_disks; i++) {
        char active[CHB_QEMU_PATH_SIZE];
        char hidden[CHB_QEMU_PATH_SIZE];
        uint64_t bytes = vm->settings.disk_bytes[i];
        if (bytes == 0) {
            bytes = wanted[i];
            int r = add_create_image(vm, chain, &spec->disks[i], bytes);
            if (r < 0) {
                return r;
            }
        }
        if (bytes == 0 || chb_qemu_path(spec, CHB_QEMU_PATH_ACTIVE, i, active) < 0 ||
            chb_qemu_path(spec, CHB_QEMU_PATH_HIDDEN, i, hidden) < 0) {
            return -EINVAL;
        }
        add_create(vm, chain, "qcow2", active, bytes);
        add_create(vm, chain, "qcow2", hidden, bytes);
    }
    return 0;
}

/* A secondary that went solo wrote into its overlays, and nobody has put them into the image yet.
 * The chain is active over hidden over image; repeating a merge that was cut short is harmless. */
static int add_merge(struct chb_vm *vm, struct chb_chain *chain, const struct chb_vm_spec *spec)
{
    const char *img = vm->daemon->options.conf.qemu_img;
    for (unsigned i = 0; i < spec->n_disks; i++) {
        char active[CHB_QEMU_PATH_SIZE];
        char hidden[CHB_QEMU_PATH_SIZE];
        const char *image = spec->disks[i].path;
        const char *format = format_of(&spec->disks[i]);
        if (chb_qemu_path(spec, CHB_QEMU_PATH_ACTIVE, i, active) < 0 ||
            chb_qemu_path(spec, CHB_QEMU_PATH_HIDDEN, i, hidden) < 0) {
            return -EINVAL;
        }
        const char *lower[] = {"env", img,    "rebase", "-u",  "-f",   "qcow2",
                               "-F",  format, "-b",     image, hidden, NULL};
        const char *upper[] = {"env", img,     "rebase", "-u",   "-f",   "qcow2",
                               "-F",  "qcow2", "-b",     hidden, active, NULL};
        const char *commit[] = {"env",   img,  "commit", "-q",   "-f",
                                "qcow2", "-b", image,    active, NULL};
        chb_chain_add(chain, chb_ms(CREATE_TIMEOUT_MS), lower);
        chb_chain_add(chain, chb_ms(CREATE_TIMEOUT_MS), upper);
        chb_chain_add(chain, chb_ms(MERGE_TIMEOUT_MS), commit);
    }
    return 0;
}

/* Calls @act with each overlay; returns how often it gave 0. */
static unsigned for_each_overlay(const struct chb_vm *vm, int (*act)(const char *path))
{
    static const enum chb_qemu_path kinds[] = {CHB_QEMU_PATH_ACTIVE, CHB_QEMU_PATH_HIDDEN};
    char run_dir[CHB_VM_PATH_SIZE];
    char path[CHB_QEMU_PATH_SIZE];
    struct chb_vm_spec spec;
    unsigned n = 0;
    chb_qemu_spec(vm, CHB_ROLE_PRIMARY, run_dir, &spec);
    for (unsigned i = 0; i < 2 * spec.n_disks; i++) {
        if (chb_qemu_path(&spec, kinds[i % 2], i / 2, path) == 0 && act(path) == 0) {
            n++;
        }
    }
    return n;
}

/* A file that cannot be looked at may well be there. */
static int look(const char *path)
{
    return access(path, F_OK) == 0 || errno != ENOENT ? 0 : -ENOENT;
}

/* Overlays that a record speaks of hold what the guest wrote: without them there is no true copy
 * here, and the merge fails. With a record that was lost it is only known that there may be some.
 */
static bool nothing_to_merge(const struct chb_vm *vm)
{
    return vm->overlays_unsure && for_each_overlay(vm, look) == 0;
}

static void on_images(void *userdata, const struct chb_chain_result *result)
{
    struct chb_vm *vm = userdata;
    vm->qemu.chain = NULL; /* freed by whoever called */
    if (result->outcome != CHB_OUTCOME_DONE) {
        chb_qemu_start_failed(vm, result->error);
        return;
    }
    launch(vm);
}

static int prepare_images(struct chb_vm *vm, const struct chb_action *action)
{
    char run_dir[CHB_VM_PATH_SIZE];
    struct chb_vm_spec spec;
    chb_qemu_spec(vm, action->u.qemu.role, run_dir, &spec);
    struct chb_chain *chain = chb_chain_new(vm->daemon->images);
    if (chain == NULL) {
        return -ENOMEM;
    }
    int r = action->u.qemu.role == CHB_ROLE_SECONDARY
                ? add_secondary_disks(vm, chain, &spec, action->u.qemu.disk_bytes)
                : add_merge(vm, chain, &spec);
    if (r == 0) {
        r = chb_chain_start(chain, NULL, on_images, vm);
    }
    if (r < 0) {
        chb_chain_free(chain);
        return r;
    }
    vm->qemu.chain = chain;
    return 0;
}

/* The secondary listens on its own address of the replication link. */
static int find_listen_address(struct chb_vm *vm)
{
    const char *address = chb_qemu_address(vm, vm->daemon->self);
    if (address == NULL || strlen(address) >= sizeof(vm->qemu.listen_address)) {
        return -EADDRNOTAVAIL;
    }
    (void)snprintf(vm->qemu.listen_address, sizeof(vm->qemu.listen_address), "%s", address);
    return 0;
}

void chb_qemu_start(struct chb_vm *vm, const struct chb_action *action)
{
    bool secondary = action->u.qemu.role == CHB_ROLE_SECONDARY;
    vm->qemu.identity = action->u.qemu.qemu;
    vm->qemu.role = action->u.qemu.role;
    vm->qemu.start_op = action->u.qemu.op;
    vm->qemu.stage = CHB_QEMU_PREPARING;
    if (vm->config == NULL) {
        chb_qemu_start_failed(vm, "its parameters are not known on this node");
        return;
    }
    if (secondary && find_listen_address(vm) < 0) {
        chb_qemu_start_failed(vm, "this node has no known address on the replication link; see "
                                  "corosync.conf and the parameter replication_link");
        return;
    }
    if (!secondary && (!action->u.qemu.merge_overlays || nothing_to_merge(vm))) {
        /* Of an earlier life as a secondary: merged long ago, and never to be merged again. */
        (void)for_each_overlay(vm, unlink);
        launch(vm);
        return;
    }
    vm->overlays_unsure = vm->overlays_unsure && !secondary; /* from here on they are known */
    int r = prepare_images(vm, action);
    if (r < 0) {
        char text[CHB_VM_TEXT_SIZE];
        (void)snprintf(text, sizeof(text), "its images cannot be prepared: %s", strerror(-r));
        chb_qemu_start_failed(vm, text);
    }
}

void chb_qemu_kill(struct chb_vm *vm, uint64_t identity)
{
    if (identity != vm->qemu.identity) {
        return;
    }
    vm->qemu.chain = chb_chain_free(vm->qemu.chain);
    if (vm->qemu.child == NULL) {
        /* no process was made, so none has to be seen dead */
        chb_vm_qemu_event(vm, CHB_EVENT_QEMU_EXITED);
        chb_qemu_release(vm);
        return;
    }
    int r = chb_child_signal(vm->qemu.child, SIGKILL);
    if (r < 0 && r != -ESRCH) {
        chb_log(LOG_ERR, "%s: QEMU cannot be killed: %s", vm->name, strerror(-r));
    }
}
