/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test only: makes COLO usable under QEMU 7.2's emulated CPU (TCG).
 *
 * A production pair runs on KVM, where none of this is needed. The lab has no KVM, and there
 * QEMU 7.2 deadlocks or corrupts the guest at a checkpoint, for three reasons:
 *
 *  1. The COLO thread calls memory_global_after_dirty_log_sync() without the big lock. Under TCG
 *     that waits on a condition tied to this lock, and comes back owning a lock that the caller
 *     does not know of, so nobody ever releases it.
 *  2. Reading the dirty bitmap clears it, but the vCPU's TLB keeps its "already dirty" marks, so
 *     the next write to such a page is not seen (fixed upstream in 9.0). A flush of the TLB after
 *     every read brings the tracking back.
 *  3. A secondary that loads a checkpoint copies pages in behind the translator's back: stale
 *     translated code would run. Flushing all translations before each load cures that.
 *
 * A program's calls to its own functions do not go through the PLT, so ordinary interposing does
 * not reach them. QEMU exports its symbols for its modules, so this file finds the functions by
 * name and writes a jump over their first bytes. If a name is missing, nothing is touched: a QEMU
 * of another version, or a child that merely inherits LD_PRELOAD, runs as if the shim were not
 * here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct CPUState CPUState;
typedef uintptr_t run_on_cpu_data;
typedef void run_on_cpu_func(CPUState *cpu, run_on_cpu_data data);

static struct {
    bool (*iothread_locked)(void);
    void (*lock_iothread)(const char *file, int line);
    void (*unlock_iothread)(void);
    void (*run_on_cpu)(CPUState *cpu, run_on_cpu_func *func, run_on_cpu_data data);
    CPUState *(*get_cpu)(int index);
    void (*tlb_flush)(CPUState *cpu);
    void (*tb_flush)(CPUState *cpu);
    bool (*incoming_in_colo_state)(void);
} qemu;

static void flush_tlb_work(CPUState *cpu, run_on_cpu_data unused)
{
    (void)unused;
    qemu.tlb_flush(cpu);
}

/* Stands in for memory_global_after_dirty_log_sync(): reasons 1 and 2. Waiting for the vCPU to do
 * the work also waits for the end of its current translation block, as the original does. */
static void after_dirty_log_sync(void)
{
    const bool locked = qemu.iothread_locked();

    if (!locked) {
        qemu.lock_iothread(__FILE__, __LINE__);
    }
    for (int i = 0; qemu.get_cpu(i) != NULL; i++) {
        qemu.run_on_cpu(qemu.get_cpu(i), flush_tlb_work, 0);
    }
    if (!locked) {
        qemu.unlock_iothread();
    }
}

/* Stands in for cpu_synchronize_all_states(), which does nothing under TCG but is called with the
 * big lock just before every load on a secondary: reason 3. The flush runs on the stopped vCPU's
 * thread before that can execute guest code again. */
static void synchronize_all_states(void)
{
    if (qemu.incoming_in_colo_state() && qemu.get_cpu(0) != NULL) {
        qemu.tb_flush(qemu.get_cpu(0));
    }
}

static bool find(const char *name, void *ret_address)
{
    void *address = dlsym(RTLD_DEFAULT, name);

    memcpy(ret_address, &address, sizeof(address));
    return address != NULL;
}

static void overwrite_with_jump(void *from, void (*to)(void))
{
    unsigned char jump[12] = {0x48, 0xb8, 0, 0, 0,    0,
                              0,    0,    0, 0, 0xff, 0xe0}; /* mov to,%rax; jmp */
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t start = (uintptr_t)from & ~(page - 1);
    const size_t size = (uintptr_t)from + sizeof(jump) - start;

    memcpy(jump + 2, &to, sizeof(to));
    if (mprotect((void *)start, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
        perror("tcg_colo_shim: mprotect");
        abort();
    }
    memcpy(from, jump, sizeof(jump));
    if (mprotect((void *)start, size, PROT_READ | PROT_EXEC) != 0) {
        perror("tcg_colo_shim: mprotect");
        abort();
    }
}

/* TCG is chosen on QEMU's command line, which is not parsed yet when constructors run; so look at
 * the arguments themselves. KVM must keep the real functions. */
static bool accelerator_is_tcg(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(argv[i], "kvm") != NULL && strstr(argv[i - 1], "-accel") != NULL) {
            return false;
        }
        if (strcmp(argv[i], "-enable-kvm") == 0 || strstr(argv[i], "accel=kvm") != NULL) {
            return false;
        }
    }
    return true;
}

__attribute__((constructor)) static void shim_install(int argc, char **argv)
{
    void *after_sync = NULL;
    void *synchronize = NULL;
    const bool complete = find("memory_global_after_dirty_log_sync", &after_sync) &&
                          find("cpu_synchronize_all_states", &synchronize) &&
                          find("qemu_mutex_iothread_locked", &qemu.iothread_locked) &&
                          find("qemu_mutex_lock_iothread_impl", &qemu.lock_iothread) &&
                          find("qemu_mutex_unlock_iothread", &qemu.unlock_iothread) &&
                          find("run_on_cpu", &qemu.run_on_cpu) &&
                          find("qemu_get_cpu", &qemu.get_cpu) &&
                          find("tlb_flush", &qemu.tlb_flush) && find("tb_flush", &qemu.tb_flush) &&
                          find("migration_incoming_in_colo_state", &qemu.incoming_in_colo_state);

    if (complete && accelerator_is_tcg(argc, argv)) {
        overwrite_with_jump(after_sync, after_dirty_log_sync);
        overwrite_with_jump(synchronize, synchronize_all_states);
    }
}
