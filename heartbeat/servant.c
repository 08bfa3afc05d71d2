/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <heartbeat/servant.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE (4U * 1024U * 1024U) /* libqb keeps messages of 1 MB on the stack */
#define END_WAIT_MS 200

struct job_list {
    struct chb_servant_job *first;
    struct chb_servant_job *last;
};

struct chb_servant {
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    struct job_list waiting;
    struct job_list done;
    bool quit;      /* no new jobs; close what is open and end */
    bool ended;     /* the thread will touch nothing any more */
    bool abandoned; /* nobody waits for the thread: it frees the servant */
    int done_fd;
};

static void append(struct job_list *list, struct chb_servant_job *job)
{
    job->next = NULL;
    if (list->last == NULL) {
        list->first = job;
    } else {
        list->last->next = job;
    }
    list->last = job;
}

static struct chb_servant_job *take(struct job_list *list)
{
    struct chb_servant_job *job = list->first;
    if (job != NULL) {
        list->first = job->next;
        list->last = list->first == NULL ? NULL : list->last;
        job->next = NULL;
    }
    return job;
}

static void destroy(struct chb_servant *servant)
{
    struct chb_servant_job *job;

    while ((job = take(&servant->waiting)) != NULL || (job = take(&servant->done)) != NULL) {
        free(job);
    }
    close(servant->done_fd);
    pthread_cond_destroy(&servant->changed);
    pthread_mutex_destroy(&servant->lock);
    free(servant);
}

/* Without the lock: this is what may take for ever. */
static void do_job(struct chb_servant_job *job)
{
    switch (job->task) {
    case CHB_SERVANT_CONNECT:
        job->result = chb_connection_open(&job->connection);
        break;
    case CHB_SERVANT_CLOSE:
        chb_connection_close(&job->connection);
        break;
    case CHB_SERVANT_TOPOLOGY:
        job->result = chb_connection_read_topology(&job->connection);
        break;
    }
}

/* The next job; NULL: end. After `quit` only what is open gets closed. Called with the lock. */
static struct chb_servant_job *next_job(struct chb_servant *servant)
{
    while (servant->waiting.first == NULL && !servant->quit) {
        pthread_cond_wait(&servant->changed, &servant->lock);
    }
    if (!servant->quit) {
        return take(&servant->waiting);
    }
    struct chb_servant_job *job;
    while ((job = take(&servant->done)) != NULL || (job = take(&servant->waiting)) != NULL) {
        if (job->connection.has_cpg || job->connection.has_quorum || job->connection.has_cmap) {
            job->task = CHB_SERVANT_CLOSE;
            return job;
        }
        free(job);
    }
    return NULL;
}

static void *servant_main(void *argument)
{
    struct chb_servant *servant = argument;
    struct chb_servant_job *job;

    pthread_mutex_lock(&servant->lock);
    while ((job = next_job(servant)) != NULL) {
        pthread_mutex_unlock(&servant->lock);
        do_job(job);
        pthread_mutex_lock(&servant->lock);
        if (job->task == CHB_SERVANT_CLOSE) {
            free(job);
        } else {
            append(&servant->done, job);
            (void)eventfd_write(servant->done_fd, 1); /* full means readable: nothing is lost */
        }
    }
    servant->ended = true;
    bool abandoned = servant->abandoned;
    pthread_cond_broadcast(&servant->changed);
    pthread_mutex_unlock(&servant->lock);
    if (abandoned) {
        destroy(servant);
    }
    return NULL;
}

/* The loop's signals are the loop's, and the limits of the main stack are not ours. */
static int start_thread(struct chb_servant *servant)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;

    int error = pthread_attr_init(&attributes);
    if (error != 0) {
        return -error;
    }
    sigfillset(&all);
    error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (error == 0) {
        error = pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    if (error == 0) {
        error = pthread_create(&servant->thread, &attributes, servant_main, servant);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return -error;
}

int chb_servant_new(struct chb_servant **ret_servant)
{
    struct chb_servant *servant = calloc(1, sizeof(*servant));
    if (servant == NULL) {
        return -ENOMEM;
    }
    servant->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (servant->done_fd < 0) {
        int r = -errno;
        free(servant);
        return r;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&servant->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&servant->lock, NULL);

    int r = start_thread(servant);
    if (r < 0) {
        destroy(servant);
        return r;
    }
    *ret_servant = servant;
    return 0;
}

int chb_servant_fd(const struct chb_servant *servant)
{
    return servant->done_fd;
}

void chb_servant_submit(struct chb_servant *servant, struct chb_servant_job *job)
{
    pthread_mutex_lock(&servant->lock);
    append(&servant->waiting, job);
    pthread_cond_broadcast(&servant->changed);
    pthread_mutex_unlock(&servant->lock);
}

struct chb_servant_job *chb_servant_collect(struct chb_servant *servant)
{
    pthread_mutex_lock(&servant->lock);
    struct chb_servant_job *job = take(&servant->done);
    if (job == NULL) {
        eventfd_t count;
        (void)eventfd_read(servant->done_fd, &count);
    }
    pthread_mutex_unlock(&servant->lock);
    return job;
}

struct chb_servant *chb_servant_free(struct chb_servant *servant)
{
    if (servant == NULL) {
        return NULL;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += END_WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;

    pthread_mutex_lock(&servant->lock);
    servant->quit = true;
    pthread_cond_broadcast(&servant->changed);
    int error = 0;
    while (!servant->ended && error == 0) {
        error = pthread_cond_timedwait(&servant->changed, &servant->lock, &until);
    }
    bool ended = servant->ended;
    servant->abandoned = !ended;
    pthread_t thread = servant->thread;
    if (!ended) {
        pthread_detach(thread); /* before it can see `abandoned` and free the servant */
    }
    pthread_mutex_unlock(&servant->lock);

    if (ended) {
        pthread_join(thread, NULL);
        destroy(servant);
    }
    return NULL;
}
