/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon must run when memory and processors are short: that is when it is needed. */
#include <agent/shell/daemon.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <agent/shell/log.h>

#define OOM_SCORE_ADJ "-900"
#define REALTIME_LIMIT_USEC 5000000 /* without a pause: then it is an endless loop */

static void lower_oom_score(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, OOM_SCORE_ADJ, strlen(OOM_SCORE_ADJ)) < 0) {
        chb_log(LOG_INFO, "the kernel may kill this daemon when memory is short: %s, ignoring",
                strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* Pages are locked as they are used: whole stacks and buffers would be megabytes of nothing. */
#define LOCK_FLAGS (MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)

static bool locked;

void chb_protect_trim(void)
{
    /* The kernel takes no locked page back. */
    if (locked) {
        (void)munlockall();
    }
    (void)malloc_trim(0);
    if (locked && mlockall(LOCK_FLAGS) < 0) {
        chb_log(LOG_WARNING, "memory cannot be locked again: %s", strerror(errno));
        locked = false;
    }
}

static void lock_memory(void)
{
    locked = mlockall(LOCK_FLAGS) == 0;
    if (!locked) {
        chb_log(LOG_INFO, "memory cannot be locked: %s, ignoring", strerror(errno));
    }
    (void)mallopt(M_ARENA_MAX, 1);
}

static void become_realtime(void)
{
    struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    struct rlimit limit = {.rlim_cur = REALTIME_LIMIT_USEC, .rlim_max = REALTIME_LIMIT_USEC};
    if (setrlimit(RLIMIT_RTTIME, &limit) < 0) {
        chb_log(LOG_INFO, "no limit for real-time scheduling, so none of it: %s", strerror(errno));
        return;
    }
    /* QEMU and the tools must not inherit it. */
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) < 0) {
        chb_log(LOG_INFO, "no real-time scheduling: %s, ignoring", strerror(errno));
    }
}

void chb_protect(const struct chb_options *options)
{
    lower_oom_score();
    if (options->conf.realtime) {
        lock_memory();
        become_realtime();
    }
}
