/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recording of a VM: a ring in the runtime folder, and copies of it that are kept on disk, made
 * by the servant of the histories: a while after a failover, and when an operator asks.
 */
#include <agent/shell/vm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <agent/recorder/ring.h>
#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define AFTERMATH_MS 5000 /* by then a failover is over, and its aftermath recorded too */
#define AGAIN_MS 60000    /* between two copies that nobody asked for */
#define COPY_TIMEOUT_MS 30000

static char *ring_path(const struct chb_vm *vm, char ret_path[static CHB_VM_PATH_SIZE])
{
    (void)snprintf(ret_path, CHB_VM_PATH_SIZE, "%s/recorder/%s.ring",
                   vm->daemon->options.conf.runtime_dir, vm->name);
    return ret_path;
}

static void describe(const struct chb_conf *conf, char *ret_text, size_t size)
{
    (void)snprintf(
        ret_text, size,
        "heartbeat_interval=%lldms silence_timeout=%lldms realtime=%s recorder_size=%lluK qemu=%s",
        (long long)chb_span_ms(conf->heartbeat_interval),
        (long long)chb_span_ms(conf->silence_timeout), conf->realtime ? "yes" : "no",
        (unsigned long long)(conf->recorder_bytes >> 10), conf->qemu);
}

void chb_recording_start(struct chb_vm *vm)
{
    const struct chb_conf *conf = &vm->daemon->options.conf;
    char path[CHB_VM_PATH_SIZE];
    char configuration[CHB_VM_TEXT_SIZE];
    if (!conf->recorder) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/recorder", conf->runtime_dir);
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        chb_log(LOG_WARNING, "%s cannot be made: %s; nothing is recorded", path, strerror(errno));
        return;
    }
    describe(conf, configuration, sizeof(configuration));
    struct chb_recorder_about about = {
        .vm = vm->name,
        .node_name = chb_node_name(vm->daemon, vm->daemon->self),
        .version = CHB_VERSION,
        .configuration = configuration,
        .node = vm->daemon->self,
        .session = vm->daemon->boot,
        .now = chb_now(),
    };
    int r = chb_recorder_open(ring_path(vm, path), conf->recorder_bytes, &about, &vm->recorder);
    if (r < 0) {
        chb_log(LOG_WARNING, "%s: %s cannot be used: %s; its events are not recorded", vm->name,
                path, strerror(-r));
    }
}

void chb_recording_stop(struct chb_vm *vm)
{
    vm->recorder = chb_recorder_free(vm->recorder);
    vm->recording.timer = sd_event_source_disable_unref(vm->recording.timer);
}

void chb_recording_check(struct chb_vm *vm)
{
    if (vm->recorder != NULL && chb_recorder_error(vm->recorder) < 0) {
        chb_log(LOG_WARNING, "%s: recording ends: %s", vm->name,
                strerror(-chb_recorder_error(vm->recorder)));
        vm->recorder = chb_recorder_free(vm->recorder);
    }
}

/* ---- copies ---- */

static void on_copied(void *userdata, const struct chb_written *written)
{
    struct chb_vm *vm = userdata;
    char path[CHB_VM_PATH_SIZE * 2];
    char text[CHB_VM_PATH_SIZE * 3];
    const struct chb_command *command = chb_command_take(vm->daemon, (uint32_t)written->id);
    vm->recording.copying = false;
    (void)snprintf(path, sizeof(path), "%s/recordings/%s/%s", vm->daemon->options.conf.state_dir,
                   vm->name, vm->recording.file);
    if (written->outcome == CHB_OUTCOME_DONE) {
        chb_log(LOG_NOTICE, "%s: recording written to %s", vm->name, path);
    } else {
        (void)snprintf(text, sizeof(text), "the recording could not be written to %s: %s", path,
                       strerror(-written->error));
        chb_log(LOG_WARNING, "%s: %s", vm->name, text);
    }
    if (command == NULL) {
        return;
    }
    if (written->outcome == CHB_OUTCOME_DONE) {
        struct json_object *result = json_object_new_object();
        json_object_object_add(result, "file", json_object_new_string(path));
        chb_control_reply(vm->daemon->control, command->client, chb_control_ok(result));
    } else {
        chb_control_reply(vm->daemon->control, command->client,
                          chb_control_error(CHB_CONTROL_INTERNAL, NULL, text));
    }
}

/* Returns 0, or why the servant has not been asked. @command: who waits for it; 0: nobody. */
static int copy(struct chb_vm *vm, uint32_t command)
{
    char path[CHB_VM_PATH_SIZE];
    struct tm parts;
    int64_t wall_ns = chb_wall_ns();
    time_t seconds = (time_t)(wall_ns / 1000000000);
    if (vm->recording.copying) {
        return -EBUSY;
    }
    (void)gmtime_r(&seconds, &parts);
    size_t length =
        strftime(vm->recording.file, sizeof(vm->recording.file), "%Y%m%dT%H%M%S", &parts);
    (void)snprintf(vm->recording.file + length, sizeof(vm->recording.file) - length,
                   ".%03dZ.recording", (int)(wall_ns % 1000000000 / 1000000));
    int r = chb_writer_copy(vm->daemon->histories, vm->name, ring_path(vm, path),
                            vm->recording.file, command, on_copied, vm);
    vm->recording.copying = r == 0;
    vm->recording.copied_at = chb_now();
    return r;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_vm *vm = userdata;
    (void)source;
    (void)usec;
    vm->recording.due = false;
    if (vm->recorder == NULL) {
        return 0;
    }
    int r = copy(vm, 0);
    if (r < 0) {
        chb_log(LOG_WARNING, "%s: its recording cannot be written out now: %s", vm->name,
                strerror(-r));
    }
    return 0;
}

/* What people will want to look into afterwards. */
static bool is_incident(const struct chb_vm *vm, const struct chb_action *note)
{
    enum chb_note kind = note->u.note.note;
    if (kind == CHB_NOTE_SOLO) {
        return note->u.note.arg != CHB_PROOF_RECORD; /* that is a start in order */
    }
    if (kind == CHB_NOTE_QEMU_DIED) {
        return vm->core.started && !vm->core.stop_wanted;
    }
    return kind == CHB_NOTE_HOLDING || kind == CHB_NOTE_HANG || kind == CHB_NOTE_LOST_LINE;
}

void chb_recording_note(struct chb_vm *vm, const struct chb_action *note)
{
    if (vm->recorder == NULL || vm->recording.due || !is_incident(vm, note)) {
        return;
    }
    if (vm->recording.timer == NULL &&
        chb_timer_new(vm->daemon, CHB_PRIORITY_SLOW, on_timer, vm, &vm->recording.timer) < 0) {
        return;
    }
    chb_time at = chb_time_add(chb_now(), chb_ms(AFTERMATH_MS));
    chb_time again = chb_time_add(vm->recording.copied_at, chb_ms(AGAIN_MS));
    bool soon = chb_time_is_set(vm->recording.copied_at) && chb_time_before(at, again);
    vm->recording.due = true;
    chb_timer_set(vm->recording.timer, soon ? again : at);
}

void chb_recording_ask(struct chb_vm *vm, uint64_t client)
{
    const char *text = NULL;
    if (vm->recorder == NULL) {
        text = "its events are not recorded: see recorder in colo-hbd.conf(5), and the log";
    } else if (vm->recording.copying) {
        text = "its recording is being written out at this moment: try again";
    }
    if (text != NULL) {
        chb_control_reply(
            vm->daemon->control, client,
            chb_control_error(vm->recorder == NULL ? CHB_CONTROL_REFUSED : CHB_CONTROL_BUSY, NULL,
                              text));
        return;
    }
    uint32_t id =
        chb_command_new(vm->daemon, CHB_COMMAND_PLAIN, client, vm, chb_ms(COPY_TIMEOUT_MS));
    int r = id != 0 ? copy(vm, id) : 0;
    if (r < 0) {
        (void)chb_command_take(vm->daemon, id);
        chb_control_reply(vm->daemon->control, client,
                          chb_control_error(CHB_CONTROL_INTERNAL, NULL, strerror(-r)));
    }
}
