/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is at the other end of a unix socket. */
#include <agent/control/server.h>

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUPS_MAX 256

/* The supplementary groups that the process had when it connected. */
static bool has_group(int fd, gid_t wanted)
{
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof(groups);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
        return false;
    }
    for (size_t i = 0; i < size / sizeof(groups[0]); i++) {
        if (groups[i] == wanted) {
            return true;
        }
    }
    return false;
}

int chb_control_peer_allowed(int fd, const char *group)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        return -errno;
    }
    if (peer.uid == 0 || peer.uid == geteuid()) {
        return 1;
    }
    if (group == NULL) {
        return 0;
    }
    char buffer[4096];
    struct group entry;
    struct group *found = NULL;
    if (getgrnam_r(group, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL) {
        return 0;
    }
    return peer.gid == found->gr_gid || has_group(fd, found->gr_gid) ? 1 : 0;
}
