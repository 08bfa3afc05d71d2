/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before QEMU is given a join: does the other side answer at all? QEMU connects to the other side's
 * disk from its main loop and waits there, with the guest standing still, for as long as TCP tries:
 * over a link that is cut that was 73 seconds.
 */
#include <agent/shell/vm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <agent/shell/clock.h>
#include <agent/shell/log.h>
#include <qmp/socket.h>

#define PROBE_MS 1500

void chb_join_probe_cancel(struct chb_vm *vm)
{
    vm->probe_timer = sd_event_source_disable_unref(vm->probe_timer);
    vm->probe_io = sd_event_source_disable_unref(vm->probe_io);
    if (vm->probe_fd > 0) {
        (void)close(vm->probe_fd);
    }
    vm->probe_fd = 0;
}

static void over(struct chb_vm *vm, int error)
{
    chb_join_probe_cancel(vm);
    chb_sequence_probed(vm, error);
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    (void)source;
    (void)revents;
    over(userdata, chb_tcp_connected(fd));
    return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    over(userdata, -ETIMEDOUT);
    return 0;
}

int chb_join_probe(struct chb_vm *vm, const char *address, uint16_t port)
{
    int fd = -1;
    chb_join_probe_cancel(vm);
    int r = chb_tcp_connect(address, port, &fd);
    if (r < 0) {
        return r;
    }
    vm->probe_fd = fd;
    r = sd_event_add_io(vm->daemon->event, &vm->probe_io, fd, EPOLLOUT, on_writable, vm);
    if (r >= 0) {
        r = chb_timer_new(vm->daemon, CHB_PRIORITY_TIMERS, on_late, vm, &vm->probe_timer);
    }
    if (r < 0) {
        chb_join_probe_cancel(vm);
        return r;
    }
    chb_timer_set(vm->probe_timer, chb_time_add(chb_now(), chb_ms(PROBE_MS)));
    return 0;
}
