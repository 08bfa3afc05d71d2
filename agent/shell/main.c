/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-hbd: sets everything up in order, runs the loop, and goes without touching a guest. */
#include <agent/shell/vm.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define DISK_LIMIT_MS 10000

static char blackbox[CHB_CONF_PATH_SIZE * 2];

static void on_crash(int number)
{
    (void)alarm(1); /* should this get stuck: dying is more important */
    chb_log_dump();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info,
                        void *userdata)
{
    struct chb_daemon *daemon = userdata;
    chb_log(LOG_NOTICE, "ending on signal %u; the guests run on", info->ssi_signo);
    (void)sd_notify(0, "STOPPING=1");
    daemon->stopping = true;
    return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_dump(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    (void)source;
    (void)info;
    (void)userdata;
    chb_log_dump();
    return 0;
}

/* Blocked before any thread or process is made: sd-event needs that. */
static void block_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGABRT, on_crash);
    (void)signal(SIGSEGV, on_crash);
    (void)signal(SIGBUS, on_crash);
    (void)signal(SIGILL, on_crash);
}

static int make_folder(const char *path, mode_t mode)
{
    if (mkdir(path, mode) < 0 && errno != EEXIST) {
        int r = -errno;
        chb_log(LOG_ERR, "%s cannot be made: %s", path, strerror(-r));
        return r;
    }
    return 0;
}

static int make_folders(const struct chb_options *options)
{
    char path[CHB_CONF_PATH_SIZE * 2];
    int r = make_folder(options->conf.state_dir, 0700);
    r = r < 0 ? r : make_folder(options->conf.runtime_dir, 0755);
    (void)snprintf(path, sizeof(path), "%s/vm", options->conf.runtime_dir);
    r = r < 0 ? r : make_folder(path, 0700);
    r = r < 0 ? r : make_folder(options->conf.overlay_dir, 0700);
    return r < 0 ? r : make_folder(options->log_dir, 0750);
}

/* Two daemons on one host would both kill, start and claim. The lock goes with the process. */
static int take_lock(const struct chb_options *options)
{
    char path[CHB_CONF_PATH_SIZE * 2];
    (void)snprintf(path, sizeof(path), "%s/lock", options->conf.runtime_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int r = -errno;
        (void)close(fd);
        return r;
    }
    return fd;
}

/* New at each start: milliseconds of the wall clock and eight bits of chance. */
static uint64_t new_boot(void)
{
    uint8_t chance = 0;
    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0) {
        chance = (uint8_t)getpid();
    }
    return ((uint64_t)(chb_wall_ns() / 1000000) << 8 | chance) & (UINT64_MAX >> 16);
}

static const char *name_of(void *userdata, uint32_t node)
{
    return chb_node_name(userdata, node);
}

static int make_tools(struct chb_daemon *daemon)
{
    struct chb_tools_config tools = {.folder = daemon->options.tools_dir,
                                     .priority = CHB_PRIORITY_TOOLS};
    struct chb_tools_config images = {.folder = "/usr/bin", .priority = CHB_PRIORITY_TOOLS};
    int r = chb_tools_new(daemon->event, &tools, &daemon->tools);
    return r < 0 ? r : chb_tools_new(daemon->event, &images, &daemon->images);
}

static int start_writers(struct chb_daemon *daemon)
{
    const char *folder = daemon->options.conf.state_dir;
    int r = chb_writer_new(daemon->event, folder, CHB_PRIORITY_DISK, chb_ms(DISK_LIMIT_MS),
                           daemon->options.conf.realtime, &daemon->records);
    if (r == 0) {
        r = chb_writer_new(daemon->event, folder, CHB_PRIORITY_SLOW, chb_ms(DISK_LIMIT_MS), false,
                           &daemon->histories);
    }
    if (r < 0) {
        chb_log(LOG_ERR, "%s cannot be used: %s", folder, strerror(-r));
    }
    return r;
}

static int say(const char *what, int r)
{
    if (r < 0) {
        chb_log(LOG_ERR, "%s: %s", what, strerror(-r));
    }
    return r;
}

static int set_up(struct chb_daemon *daemon)
{
    daemon->names = (struct chb_text_names){.name = name_of, .userdata = daemon};
    daemon->boot = new_boot();
    int r = say("event loop", sd_event_new(&daemon->event));
    if (r < 0) {
        return r;
    }
    (void)sd_event_add_signal(daemon->event, NULL, SIGTERM, on_terminate, daemon);
    (void)sd_event_add_signal(daemon->event, NULL, SIGINT, on_terminate, daemon);
    (void)sd_event_add_signal(daemon->event, NULL, SIGUSR1, on_dump, daemon);
    r = start_writers(daemon); /* forks: before memory is locked and threads are made */
    r = r < 0 ? r : say("tools", make_tools(daemon));
    if (r < 0) {
        return r;
    }
    chb_protect(&daemon->options);
    chb_identity_load(daemon);
    r = say("corosync", chb_members_start(daemon));
    if (r == 0 && daemon->self != 0) {
        r = say("Pacemaker", chb_cib_start(daemon));
        r = r < 0 ? r : say("fencer", chb_fences_start(daemon));
    }
    if (r < 0) {
        return r;
    }
    if (daemon->self != 0) {
        chb_adopt_all(daemon);
    }
    r = say("timers", chb_pulse_start(daemon));
    return r < 0 ? r : say(daemon->options.socket, chb_control_start(daemon));
}

static void tear_down(struct chb_daemon *daemon)
{
    if (daemon->cluster != NULL) {
        chb_pulse_stop(daemon);
    }
    chb_control_stop(daemon);
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        daemon->vms[i] = chb_vm_free(daemon->vms[i]);
    }
    daemon->n_vms = 0;
    chb_fences_stop(daemon);
    chb_cib_stop(daemon);
    chb_members_stop(daemon);
    daemon->tools = chb_tools_free(daemon->tools);
    daemon->images = chb_tools_free(daemon->images);
    daemon->records = chb_writer_free(daemon->records);
    daemon->histories = chb_writer_free(daemon->histories);
    daemon->event = sd_event_unref(daemon->event);
}

int main(int argc, char **argv)
{
    static struct chb_daemon daemon;
    chb_options_parse(argc, argv, &daemon.options);
    (void)snprintf(blackbox, sizeof(blackbox), "%s/blackbox", daemon.options.conf.state_dir);
    (void)umask(0022);
    block_signals();
    chb_log_open(&daemon.options.conf, daemon.options.foreground, blackbox);
    int lock = make_folders(&daemon.options);
    lock = lock < 0 ? lock : take_lock(&daemon.options);
    if (lock < 0) {
        chb_log(LOG_ERR, "%s: %s", daemon.options.conf.runtime_dir,
                lock == -EWOULDBLOCK ? "another colo-hbd runs with it" : strerror(-lock));
        return EXIT_FAILURE;
    }
    chb_log(LOG_NOTICE, "colo-hbd %s starts", CHB_VERSION);
    int r = set_up(&daemon);
    if (r >= 0) {
        (void)sd_notify(0, "READY=1");
        r = sd_event_loop(daemon.event);
        say("event loop", r);
    }
    tear_down(&daemon);
    chb_log_close();
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
