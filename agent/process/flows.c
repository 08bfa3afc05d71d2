/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <agent/process/flows.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_ESTABLISHED 1 /* include/net/tcp_states.h, which no program can include */
#define INODES_MAX 512
#define ANSWER_SIZE 16384
#define IN_VAIN_MIN 2

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 diag;
};

union answer {
    struct nlmsghdr header;
    char bytes[ANSWER_SIZE];
};

/* ---- whose ---- */

struct inodes {
    size_t count;
    uint32_t list[INODES_MAX];
};

static bool has_inode(const struct inodes *inodes, uint32_t inode)
{
    for (size_t i = 0; i < inodes->count; i++) {
        if (inodes->list[i] == inode) {
            return true;
        }
    }
    return false;
}

/* The inode numbers of a process's sockets. */
static int read_inodes(pid_t pid, struct inodes *ret_inodes)
{
    char path[64];
    char target[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return -errno;
    }
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL && ret_inodes->count < INODES_MAX) {
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
        target[size < 0 ? 0 : size] = '\0';
        if (strncmp(target, "socket:[", 8) == 0) {
            ret_inodes->list[ret_inodes->count++] = (uint32_t)strtoul(target + 8, NULL, 10);
        }
    }
    (void)closedir(folder);
    return 0;
}

/* ---- the kernel ---- */

static int ask(const struct request *request)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) {
        return -errno;
    }
    if (send(fd, request, sizeof(*request), MSG_NOSIGNAL) < 0) {
        int r = -errno;
        (void)close(fd);
        return r;
    }
    return fd;
}

static void prepare(struct request *request, int family, uint16_t flags)
{
    memset(request, 0, sizeof(*request));
    request->header.nlmsg_len = sizeof(*request);
    request->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    request->diag.sdiag_family = (uint8_t)family;
    request->diag.sdiag_protocol = IPPROTO_TCP;
    request->diag.idiag_states = 1U << STATE_ESTABLISHED;
    request->diag.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request->diag.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

static size_t address_size(int family)
{
    return family == AF_INET ? 4 : 16;
}

/* What the kernel says instead of an answer. Returns its error, 0 at the end of a list. */
static int verdict(const struct nlmsghdr *message)
{
    struct nlmsgerr error;
    if (message->nlmsg_type != NLMSG_ERROR) {
        return 0;
    }
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(error))) {
        return -EPROTO;
    }
    memcpy(&error, NLMSG_DATA(message), sizeof(error));
    return error.error;
}

static bool take(const struct nlmsghdr *message, const struct inodes *inodes, const uint8_t *remote,
                 struct chb_flow *ret_flow)
{
    struct inet_diag_msg diag;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(diag))) {
        return false;
    }
    memcpy(&diag, NLMSG_DATA(message), sizeof(diag));
    if (!has_inode(inodes, diag.idiag_inode) ||
        memcmp(diag.id.idiag_dst, remote, address_size(diag.idiag_family)) != 0) {
        return false;
    }
    *ret_flow = (struct chb_flow){
        .family = diag.idiag_family,
        .local_port = diag.id.idiag_sport,
        .remote_port = diag.id.idiag_dport,
        .stuck_since = CHB_TIME_NEVER,
    };
    memcpy(ret_flow->local, diag.id.idiag_src, sizeof(ret_flow->local));
    memcpy(ret_flow->remote, diag.id.idiag_dst, sizeof(ret_flow->remote));
    return true;
}

static int collect(int fd, const struct inodes *inodes, const uint8_t *remote,
                   struct chb_flow *ret_flows, size_t max)
{
    union answer answer;
    size_t count = 0;
    for (;;) {
        ssize_t got = recv(fd, &answer, sizeof(answer), 0);
        if (got < 0) {
            return -errno;
        }
        unsigned left = (unsigned)got;
        for (struct nlmsghdr *at = &answer.header; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
            if (at->nlmsg_type == NLMSG_ERROR || at->nlmsg_type == NLMSG_DONE) {
                int r = verdict(at);
                return r < 0 ? r : (int)count;
            }
            if (count < max && take(at, inodes, remote, &ret_flows[count])) {
                count++;
            }
        }
    }
}

int chb_flows_find(pid_t pid, const char *remote, struct chb_flow *ret_flows, size_t max)
{
    uint8_t address[16] = {0};
    struct inodes inodes = {0};
    int family = inet_pton(AF_INET, remote, address) == 1    ? AF_INET
                 : inet_pton(AF_INET6, remote, address) == 1 ? AF_INET6
                                                             : AF_UNSPEC;
    if (family == AF_UNSPEC) {
        return -EINVAL;
    }
    int r = read_inodes(pid, &inodes);
    if (r < 0) {
        return r;
    }
    struct request request;
    prepare(&request, family, NLM_F_DUMP);
    int fd = ask(&request);
    if (fd < 0) {
        return fd;
    }
    r = collect(fd, &inodes, address, ret_flows, max);
    (void)close(fd);
    return r;
}

static int take_state(const struct nlmsghdr *message, struct chb_flow_state *ret_state)
{
    size_t head = NLMSG_LENGTH(sizeof(struct inet_diag_msg));
    if (message->nlmsg_len < head) {
        return -EPROTO;
    }
    size_t left = message->nlmsg_len - head;
    const struct rtattr *attribute = (const void *)((const char *)message + NLMSG_ALIGN(head));
    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        struct tcp_info info = {0};
        size_t size = RTA_PAYLOAD(attribute);
        if (attribute->rta_type != INET_DIAG_INFO ||
            size < offsetof(struct tcp_info, tcpi_bytes_received)) {
            continue;
        }
        memcpy(&info, RTA_DATA(attribute), size < sizeof(info) ? size : sizeof(info));
        *ret_state = (struct chb_flow_state){
            .acknowledged = info.tcpi_bytes_acked,
            .outstanding = info.tcpi_unacked,
            .retransmission = info.tcpi_retransmits,
        };
        return 0;
    }
    return -EPROTO;
}

int chb_flow_read(const struct chb_flow *flow, struct chb_flow_state *ret_state)
{
    struct request request;
    union answer answer;
    prepare(&request, flow->family, 0);
    request.diag.idiag_ext = 1U << (INET_DIAG_INFO - 1);
    request.diag.id.idiag_sport = flow->local_port;
    request.diag.id.idiag_dport = flow->remote_port;
    memcpy(request.diag.id.idiag_src, flow->local, sizeof(flow->local));
    memcpy(request.diag.id.idiag_dst, flow->remote, sizeof(flow->remote));
    int fd = ask(&request);
    if (fd < 0) {
        return fd;
    }
    ssize_t got = recv(fd, &answer, sizeof(answer), 0);
    int r = got < 0 ? -errno : 0;
    (void)close(fd);
    if (r < 0) {
        return r;
    }
    if (!NLMSG_OK(&answer.header, (size_t)got)) {
        return -EPROTO;
    }
    return answer.header.nlmsg_type == NLMSG_ERROR ? verdict(&answer.header)
                                                   : take_state(&answer.header, ret_state);
}

/* ---- judging ---- */

chb_span chb_flow_stuck(struct chb_flow *flow, const struct chb_flow_state *state, bool heard,
                        chb_time now)
{
    if (state->outstanding == 0) {
        flow->stuck_since = CHB_TIME_NEVER;
    } else if (!chb_time_is_set(flow->stuck_since) || state->acknowledged != flow->acknowledged) {
        flow->stuck_since = now;
        flow->in_vain = 0;
    }
    if (chb_time_is_set(flow->stuck_since) && heard &&
        state->retransmission > flow->retransmission) {
        flow->in_vain++;
    }
    flow->acknowledged = state->acknowledged;
    flow->retransmission = state->retransmission;
    bool stuck = chb_time_is_set(flow->stuck_since) && flow->in_vain >= IN_VAIN_MIN;
    return stuck ? chb_time_since(now, flow->stuck_since) : chb_ms(0);
}

chb_span chb_flow_waited(const struct chb_flow *flow, chb_time now)
{
    return chb_time_is_set(flow->stuck_since) ? chb_time_since(now, flow->stuck_since) : chb_ms(0);
}
