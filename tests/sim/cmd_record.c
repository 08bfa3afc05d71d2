/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-sim record: what the agents of simulated histories are told, recorded as the daemon does it,
 * and replayed. Shows that recordings lead to the same decisions whatever happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <agent/recorder/codec.h>
#include <agent/recorder/ring.h>
#include <tests/sim/cmd.h>
#include <tests/sim/recording.h>

#define RING_BYTES (256 * 1024) /* small, so that it turns */

struct recorders {
    const char *folder;
    uint64_t seed;
    struct {
        struct chb_recorder *recorder;
        uint64_t session;
        bool used;
    } of[CHB_SIM_VMS_MAX][CHB_SIM_SLOTS];
    uint64_t n_recordings;
};

static char *file_name(const struct recorders *recorders, uint32_t vm, uint32_t node,
                       char ret_path[static 512])
{
    (void)snprintf(ret_path, 512, "%s/seed-%llu-vm%u-n%u.recording", recorders->folder,
                   (unsigned long long)recorders->seed, vm, node);
    return ret_path;
}

static void open_recorder(struct recorders *recorders, uint32_t vm, uint32_t node,
                          const struct chb_core *core, chb_time now)
{
    char path[512];
    struct chb_recorder_about about = {
        .vm = "vm",
        .version = CHB_VERSION,
        .configuration = "simulated",
        .node = node,
        .session = core->boot,
        .now = now,
    };
    struct chb_recorder **recorder = &recorders->of[vm][node].recorder;
    *recorder = chb_recorder_free(*recorder);
    int r = chb_recorder_open(file_name(recorders, vm, node, path), RING_BYTES, &about, recorder);
    if (r < 0) {
        fprintf(stderr, "colo-sim: %s: %s\n", path, strerror(-r));
        exit(CHB_CMD_ERROR);
    }
    recorders->of[vm][node].session = core->boot;
    recorders->of[vm][node].used = true;
}

static void observe(void *userdata, uint32_t vm, uint32_t node, const struct chb_core *core,
                    const struct chb_event *event, const struct chb_actions *actions)
{
    struct recorders *recorders = userdata;
    if (actions == NULL) {
        if (recorders->of[vm][node].session != core->boot) {
            open_recorder(recorders, vm, node, core, event->at);
        }
        chb_recorder_event(recorders->of[vm][node].recorder, core, event);
    } else {
        chb_recorder_result(recorders->of[vm][node].recorder, core, actions);
    }
}

/* Returns whether all recordings of this history replay; those that do are removed. */
static bool replay_all(struct recorders *recorders, bool keep)
{
    bool well = true;
    for (uint32_t vm = 0; vm < CHB_SIM_VMS_MAX; vm++) {
        for (uint32_t node = 0; node < CHB_SIM_SLOTS; node++) {
            char path[512];
            if (!recorders->of[vm][node].used) {
                continue;
            }
            int error = chb_recorder_error(recorders->of[vm][node].recorder);
            (void)chb_recorder_free(recorders->of[vm][node].recorder);
            (void)file_name(recorders, vm, node, path);
            if (error != 0) {
                fprintf(stderr, "colo-sim: %s: %s\n", path, strerror(-error));
                well = false;
            }
            recorders->n_recordings++;
            if (chb_recording_replay(path, false, true) != CHB_CMD_WELL) {
                well = false;
            } else if (!keep) {
                (void)unlink(path);
            }
        }
    }
    memset(recorders->of, 0, sizeof(recorders->of));
    return well;
}

int chb_cmd_record(struct chb_cmd_args *args)
{
    static struct recorders recorders = {.folder = "."};
    uint64_t first = 0;
    uint64_t last = 0;
    bool have = false;
    bool keep = false;
    bool well = true;

    while (args->argc > 0) {
        if (chb_cmd_range(args, "--seeds", &first, &last)) {
            have = true;
        } else if (chb_cmd_flag(args, "--keep")) {
            keep = true;
        } else if (!chb_cmd_text(args, "--dir", &recorders.folder)) {
            chb_cmd_usage(args);
        }
    }
    if (!have) {
        chb_cmd_usage(args);
    }
    struct chb_sim *sim = chb_cmd_new_sim();
    sim->trace.observe = observe;
    sim->trace.userdata = &recorders;
    for (uint64_t seed = first; seed <= last; seed++) {
        recorders.seed = seed;
        (void)chb_cmd_history(sim, seed); /* `run` judges it */
        well = replay_all(&recorders, keep) && well;
    }
    printf("%llu recordings of %llu histories: %s\n", (unsigned long long)recorders.n_recordings,
           (unsigned long long)(last - first + 1),
           well ? "all lead to the same decisions" : "not all lead to the same decisions");
    free(sim);
    if (!well) {
        return CHB_CMD_BAD;
    }
    return recorders.n_recordings != 0 ? CHB_CMD_WELL : CHB_CMD_TOO_LITTLE;
}
