/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/input.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void load_module(const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "/modules/%s", name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0) {
        printf("guest: module %s: %m\n", name);
    }
    if (fd >= 0) {
        close(fd);
    }
}

void boot_kernel_setup(void)
{
    struct dirent **names = NULL;

    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);

    const int count = scandir("/modules", &names, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.') {
            load_module(names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
}

bool boot_option(const char *key, char *ret_value, size_t size)
{
    char line[2048];
    char *rest = NULL;
    const int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);

    if (fd >= 0) {
        close(fd);
    }
    if (length < 0) {
        return false;
    }
    line[length] = '\0';
    for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        const size_t key_length = strlen(key);

        if (strncmp(word, key, key_length) == 0 && word[key_length] == '=') {
            snprintf(ret_value, size, "%s", word + key_length + 1);
            return true;
        }
    }
    return false;
}

static void interface_up(int fd, const char *name, const char *address, unsigned int prefix)
{
    struct ifreq request = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (inet_pton(AF_INET, address, &in.sin_addr) != 1 || prefix == 0 || prefix > 32) {
        printf("guest: %s: bad address %s/%u\n", name, address, prefix);
        return;
    }
    memcpy(&request.ifr_addr, &in, sizeof(in));
    if (ioctl(fd, SIOCSIFADDR, &request) != 0) {
        printf("guest: %s: address: %m\n", name);
    }
    in.sin_addr.s_addr = htonl(0xffffffffU << (32 - prefix));
    memcpy(&request.ifr_netmask, &in, sizeof(in));
    if (ioctl(fd, SIOCSIFNETMASK, &request) != 0) {
        printf("guest: %s: netmask: %m\n", name);
    }
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
        ioctl(fd, SIOCSIFFLAGS, &request);
    }
}

void boot_network(void)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    interface_up(fd, "lo", "127.0.0.1", 8);
    for (int i = 0; i < GUEST_NICS_MAX; i++) {
        char key[16] = "colo_ip";
        char name[16];
        char value[64];

        if (i > 0) {
            snprintf(key, sizeof(key), "colo_ip%d", i);
        }
        snprintf(name, sizeof(name), "eth%d", i);
        if (!boot_option(key, value, sizeof(value))) {
            continue;
        }
        char *slash = strchr(value, '/');
        unsigned int prefix = 24;

        if (slash != NULL) {
            *slash = '\0';
            prefix = (unsigned int)strtoul(slash + 1, NULL, 10);
        }
        interface_up(fd, name, value, prefix);
    }
    close(fd);
}

void boot_restart(void)
{
    reboot(RB_AUTOBOOT);
    pause();
}

void boot_power_off(void)
{
    reboot(RB_POWER_OFF);
    pause();
}

/* The kernel panics when its first process ends, which needs no other help. */
void boot_panic(void)
{
    _exit(1);
}

/* The ACPI button is an input device; the lab's guest has no other, so all of them are searched. */
int boot_power_button(void)
{
    for (int i = 0; i < 8; i++) {
        char path[32];
        char name[64] = "";

        snprintf(path, sizeof(path), "/dev/input/event%d", i);
        const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0) {
            continue;
        }
        if (ioctl(fd, EVIOCGNAME(sizeof(name) - 1), name) > 0 && strstr(name, "Power Button")) {
            return fd;
        }
        close(fd);
    }
    return -1;
}

bool boot_power_button_pressed(int fd)
{
    struct input_event event;
    bool pressed = false;

    while (read(fd, &event, sizeof(event)) == (ssize_t)sizeof(event)) {
        pressed = pressed || (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1);
    }
    return pressed;
}
