/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filter on a tap that drops IPv6 frames from and to the guest (R2.3): a BPF program of a dozen
 * instructions, hung into both sides of the "clsact" queueing discipline over rtnetlink. It belongs
 * to the tap, so it stays when the daemon goes, and goes when the tap does.
 */
#include <agent/process/tap.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MESSAGE_SIZE 512

struct message {
    struct nlmsghdr header;
    struct tcmsg tc;
    char attributes[MESSAGE_SIZE];
};

/* __sk_buff->protocol is in network order; a tag that was taken off the frame is not seen, and what
 * is under it is: both spellings of a tagged frame are looked at. */
static int load_program(void)
{
    const struct bpf_insn program[] = {
        /* r6 = skb, r0 = skb->protocol */
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1},
        {.code = BPF_LDX | BPF_MEM | BPF_W,
         .dst_reg = BPF_REG_0,
         .src_reg = BPF_REG_6,
         .off = offsetof(struct __sk_buff, protocol)},
        /* if IPv6: drop */
        {.code = BPF_JMP | BPF_JEQ | BPF_K,
         .dst_reg = BPF_REG_0,
         .off = 4,
         .imm = htons(ETH_P_IPV6)},
        /* if not tagged in the frame: pass */
        {.code = BPF_JMP | BPF_JEQ | BPF_K,
         .dst_reg = BPF_REG_0,
         .off = 1,
         .imm = htons(ETH_P_8021Q)},
        {.code = BPF_JMP | BPF_JA, .off = 4},
        /* the type behind the tag, at byte 16, in host order */
        {.code = BPF_LD | BPF_ABS | BPF_H, .imm = 16},
        {.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_0, .off = 2, .imm = ETH_P_IPV6},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_SHOT},
        {.code = BPF_JMP | BPF_EXIT},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attr.insns = (uint64_t)(uintptr_t)program;
    attr.insn_cnt = sizeof(program) / sizeof(program[0]);
    attr.license = (uint64_t)(uintptr_t) "GPL";
    memcpy(attr.prog_name, "chb_no_ipv6", sizeof("chb_no_ipv6"));
    long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
    return fd < 0 ? -errno : (int)fd;
}

static struct rtattr *add(struct message *message, unsigned short type, const void *data,
                          size_t size)
{
    size_t used = NLMSG_ALIGN(message->header.nlmsg_len);
    struct rtattr *attribute = (struct rtattr *)(void *)((char *)message + used);
    attribute->rta_type = type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(size);
    if (size > 0) {
        memcpy(RTA_DATA(attribute), data, size);
    }
    message->header.nlmsg_len = (uint32_t)(used + RTA_ALIGN(attribute->rta_len));
    return attribute;
}

/* Sends one request and waits for the kernel's answer, which is immediate. */
static int talk(int fd, struct message *message)
{
    if (send(fd, message, message->header.nlmsg_len, MSG_NOSIGNAL) < 0) {
        return -errno;
    }
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } answer;
    ssize_t size = recv(fd, &answer, sizeof(answer), 0);
    if (size < 0) {
        return -errno;
    }
    if ((size_t)size < NLMSG_LENGTH(sizeof(struct nlmsgerr)) ||
        answer.header.nlmsg_type != NLMSG_ERROR) {
        return -EPROTO;
    }
    struct nlmsgerr error;
    memcpy(&error, NLMSG_DATA(&answer.header), sizeof(error));
    return error.error;
}

static void start(struct message *message, uint16_t type, uint16_t flags, unsigned index)
{
    memset(message, 0, sizeof(*message));
    message->header.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg));
    message->header.nlmsg_type = type;
    message->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    message->tc.tcm_family = AF_UNSPEC;
    message->tc.tcm_ifindex = (int)index;
}

static int add_qdisc(int fd, unsigned index)
{
    struct message message;
    start(&message, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index);
    message.tc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    message.tc.tcm_parent = TC_H_CLSACT;
    (void)add(&message, TCA_KIND, "clsact", sizeof("clsact"));
    int r = talk(fd, &message);
    return r == -EEXIST ? 0 : r;
}

/* Without the discipline there are no filters either. */
static int remove_qdisc(int fd, unsigned index)
{
    struct message message;
    start(&message, RTM_DELQDISC, 0, index);
    message.tc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    message.tc.tcm_parent = TC_H_CLSACT;
    int r = talk(fd, &message);
    return r == -ENOENT || r == -EINVAL || r == -EOPNOTSUPP ? 0 : r; /* there is none */
}

/* @side: TC_H_MIN_INGRESS for what the guest sends, TC_H_MIN_EGRESS for what it gets. */
static int add_filter(int fd, unsigned index, uint32_t side, int program)
{
    struct message message;
    start(&message, RTM_NEWTFILTER, NLM_F_CREATE, index);
    message.tc.tcm_handle = 1;
    message.tc.tcm_parent = TC_H_MAKE(TC_H_CLSACT, side);
    message.tc.tcm_info = TC_H_MAKE(1U << 16, htons(ETH_P_ALL));
    (void)add(&message, TCA_KIND, "bpf", sizeof("bpf"));
    struct rtattr *options = add(&message, TCA_OPTIONS, NULL, 0);
    uint32_t number = (uint32_t)program;
    uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;
    (void)add(&message, TCA_BPF_FD, &number, sizeof(number));
    (void)add(&message, TCA_BPF_NAME, "chb_no_ipv6", sizeof("chb_no_ipv6"));
    (void)add(&message, TCA_BPF_FLAGS, &flags, sizeof(flags));
    options->rta_len =
        (unsigned short)((char *)&message + message.header.nlmsg_len - (char *)options);
    return talk(fd, &message);
}

static int drop(int fd, unsigned index)
{
    int program = load_program();
    if (program < 0) {
        return program;
    }
    int r = add_qdisc(fd, index);
    if (r == 0) {
        r = add_filter(fd, index, TC_H_MIN_INGRESS, program);
    }
    if (r == 0) {
        r = add_filter(fd, index, TC_H_MIN_EGRESS, program);
    }
    (void)close(program);
    return r;
}

int chb_tap_filter_ipv6(unsigned index, bool drop_ipv6)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return -errno;
    }
    int r = drop_ipv6 ? drop(fd, index) : remove_qdisc(fd, index);
    (void)close(fd);
    return r;
}
