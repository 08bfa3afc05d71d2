/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#include <stdio.h>
#include <unistd.h>

int main(void)
{
    struct disk_record record = {0};

    boot_kernel_setup();
    boot_network();
    const int disks = disk_open_all(&record);

    record.boots++;
    if (disks > 0 && disk_store(&record) != 0) {
        printf("guest: cannot write the boot count\n");
    }
    command_setup(&record);
    /* Before it says that it is ready: a button that nobody has open is not heard. */
    const int power_button = boot_power_button();
    printf("guest: ready, %d disks, counter %llu, boot %llu\n", disks,
           (unsigned long long)record.counter, (unsigned long long)record.boots);
    server_run(GUEST_PORT, power_button);
    return 1;
}
