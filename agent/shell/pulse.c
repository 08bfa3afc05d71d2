/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's own pulse: a timer that is more urgent than everything else. When it comes late, the
 * whole loop was late, and every core hears of it before it judges anybody by a clock. Heartbeats,
 * the watchdog and the slow rounds hang on timers of their own.
 */
#include <agent/shell/vm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include <agent/shell/clock.h>
#include <agent/shell/log.h>

#define PULSE_USEC 100000
#define STALL_USEC 100000
#define SLOW_MS 2000

int chb_timer_new(struct chb_daemon *daemon, enum chb_priority priority,
                  sd_event_time_handler_t handler, void *userdata, sd_event_source **ret_timer)
{
    sd_event_source *timer = NULL;
    int r = sd_event_add_time(daemon->event, &timer, CLOCK_BOOTTIME, UINT64_MAX, CHB_ACCURACY_USEC,
                              handler, userdata);
    if (r < 0) {
        return r;
    }
    (void)sd_event_source_set_priority(timer, priority);
    (void)sd_event_source_set_enabled(timer, SD_EVENT_OFF);
    *ret_timer = timer;
    return 0;
}

void chb_timer_set(sd_event_source *timer, chb_time at)
{
    bool off = at.ns == CHB_TIME_FOREVER.ns;
    if (!off) {
        (void)sd_event_source_set_time(timer, chb_time_usec(at));
    }
    (void)sd_event_source_set_enabled(timer, off ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void look_for_marks(struct chb_daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        chb_vm_look_for_mark(daemon->vms[i]);
    }
}

static int on_pulse(sd_event_source *source, uint64_t due_usec, void *userdata)
{
    struct chb_daemon *daemon = userdata;
    chb_time now = chb_now();
    uint64_t now_usec = (uint64_t)now.ns / 1000;
    uint64_t late_usec = now_usec > due_usec ? now_usec - due_usec : 0;
    uint32_t late_ms = (uint32_t)(late_usec / 1000);
    if (late_ms > daemon->lateness_ms) {
        daemon->lateness_ms = late_ms;
    }
    if (late_ms > daemon->lateness_ms_worst) {
        daemon->lateness_ms_worst = late_ms;
    }
    if (late_usec > STALL_USEC) {
        chb_log(LOG_WARNING, "this daemon was late by %u ms; nobody is blamed for that time",
                late_ms);
        chb_members_stalled(daemon, now, (chb_span){.ns = (int64_t)late_usec * 1000});
        look_for_marks(daemon);
    }
    (void)sd_event_source_set_time(source, now_usec + PULSE_USEC);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void send_heartbeat(struct chb_daemon *daemon, uint32_t flags)
{
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;
    (void)sscanf(CHB_VERSION, "%u.%u.%u", &major, &minor, &patch);
    struct chb_heartbeat_msg heartbeat = {
        .vm_count = daemon->n_vms,
        .flags = flags | (daemon->want_states ? CHB_HEARTBEAT_WANTS_STATES : 0),
        .lateness_ms = daemon->lateness_ms,
        .agent_version = major << 16 | minor << 8 | patch,
        .digest = chb_members_digest(daemon),
    };
    if (chb_cluster_send_heartbeat(daemon->cluster, &heartbeat) == 0) {
        daemon->want_states = false;
        daemon->lateness_ms = 0;
    }
}

/* The worst of this host's own loop and of what the others are heard to say. */
static void pace_joins(struct chb_daemon *daemon)
{
    chb_time now = chb_now();
    uint32_t late_ms = daemon->lateness_ms;
    if (daemon->detecting) {
        int64_t heard_ms = chb_span_ms(chb_detector_late(&daemon->detector, now));
        late_ms = heard_ms > late_ms ? (uint32_t)heard_ms : late_ms;
    }
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        chb_join_pace(daemon->vms[i], now, late_ms);
    }
}

static int on_heartbeat(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_daemon *daemon = userdata;
    (void)usec;
    pace_joins(daemon); /* first: with the heartbeat the own lateness is told and forgotten */
    if (daemon->cluster_up) {
        send_heartbeat(daemon, 0);
    }
    /* The loop has turned and the cores have stepped: that is what the watchdog is to know. */
    (void)sd_notify(0, "WATCHDOG=1");
    chb_timer_set(source, chb_time_add(chb_now(), daemon->options.conf.heartbeat_interval));
    return 0;
}

static int on_slow(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct chb_daemon *daemon = userdata;
    (void)usec;
    daemon->slow_turns++;
    chb_command_expire(daemon);
    chb_fences_review(daemon);
    if (daemon->slow_turns % 5 == 0) {
        chb_fences_renew(daemon);
    }
    look_for_marks(daemon);
    chb_health_look(daemon);
    for (uint32_t i = 0; i < daemon->n_vms; i++) {
        chb_qemu_look(daemon->vms[i]);
        if (daemon->slow_turns % 15 == 0) {
            chb_cib_read(daemon->vms[i]);
        }
    }
    /* Pacemaker starts after this daemon, so the first answer is asked for again and again. */
    if (!daemon->fencing.known || daemon->slow_turns % 15 == 0) {
        chb_fences_refresh(daemon);
        chb_resolve_all(daemon, false);
    }
    (void)sd_notifyf(0, "STATUS=%u VMs, %s", daemon->n_vms,
                     !daemon->cluster_up ? "not in the cluster"
                     : daemon->quorate   ? "quorate"
                                         : "without quorum");
    chb_timer_set(source, chb_time_add(chb_now(), chb_ms(SLOW_MS)));
    return 0;
}

int chb_pulse_start(struct chb_daemon *daemon)
{
    int r = chb_timer_new(daemon, CHB_PRIORITY_PULSE, on_pulse, daemon, &daemon->pulse);
    if (r == 0) {
        r = chb_timer_new(daemon, CHB_PRIORITY_HEARTBEAT, on_heartbeat, daemon, &daemon->heartbeat);
    }
    if (r == 0) {
        r = chb_timer_new(daemon, CHB_PRIORITY_SLOW, on_slow, daemon, &daemon->slow);
    }
    if (r < 0) {
        return r;
    }
    chb_time now = chb_now();
    chb_timer_set(daemon->pulse, chb_time_add(now, chb_ms(PULSE_USEC / 1000)));
    chb_timer_set(daemon->heartbeat, now);
    chb_timer_set(daemon->slow, chb_time_add(now, chb_ms(SLOW_MS)));
    return 0;
}

void chb_pulse_stop(struct chb_daemon *daemon)
{
    if (daemon->cluster_up) {
        send_heartbeat(daemon, CHB_HEARTBEAT_STOPPING);
    }
    daemon->pulse = sd_event_source_disable_unref(daemon->pulse);
    daemon->heartbeat = sd_event_source_disable_unref(daemon->heartbeat);
    daemon->slow = sd_event_source_disable_unref(daemon->slow);
}
