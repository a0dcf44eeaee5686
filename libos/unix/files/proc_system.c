// SPDX-License-Identifier: MIT
// What /proc says of the instance as a whole.
#include "libos/core/heap.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/proc.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/process.h"
#include <string.h>

constexpr uint64_t SECOND = 1'000'000'000, TICK = 10'000'000;

// Slab: what is in use of the library OS's own heap. MemTotal has the frames of processes and cached files only, and
// the heap lies beside them.
static void meminfo_text(const struct process *, struct text *text) {
    const struct memory_sizes sizes = memory_sizes();
    const uint64_t kilobytes = 4, available = sizes.frames_free + sizes.frames_cache;
    text_add(text, "MemTotal:       %8lu kB\n", sizes.frames * kilobytes);
    text_add(text, "MemFree:        %8lu kB\n", sizes.frames_free * kilobytes);
    text_add(text, "MemAvailable:   %8lu kB\n", available * kilobytes);
    text_add(text, "Buffers:        %8u kB\n", 0);
    text_add(text, "Cached:         %8lu kB\n", sizes.frames_cache * kilobytes);
    text_add(text, "SwapCached:     %8u kB\n", 0);
    text_add(text, "SwapTotal:      %8lu kB\n", sizes.swap * kilobytes);
    text_add(text, "SwapFree:       %8lu kB\n", sizes.swap_free * kilobytes);
    text_add(text, "Shmem:          %8u kB\nSlab:           %8lu kB\n", 0, (heap_used() + 1023) / 1024);
}

// The processor's name, 48 bytes from three leaves of CPUID; empty if it has none.
static void processor_name(char name[49]) {
    memset(name, 0, 49);
    for (uint32_t leaf = 0x8000'0000; leaf <= 0x8000'0004; leaf++) {
        uint32_t a = leaf, b, c = 0, d;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        if (leaf == 0x8000'0000 && a < 0x8000'0004) return;
        if (leaf < 0x8000'0002) continue;
        const uint32_t word[4] = {a, b, c, d};
        memcpy(name + (leaf - 0x8000'0002) * 16, word, 16);
    }
}

static void cpuinfo_text(const struct process *, struct text *text) {
    char name[49];
    processor_name(name);
    text_add(text, "processor\t: 0\nmodel name\t: %s\nsiblings\t: 1\ncpu cores\t: 1\n\n", name);
}

// User, system and idle time of all processes that are known: what is not theirs is idle.
static void times_of_all(uint64_t *user, uint64_t *system, uint64_t *idle) {
    *user = *system = 0;
    for (const struct process *process = process_next(1); process != nullptr;
         process = process_next(process->pid + 1)) {
        const struct process_times times = process_times(process);
        *user += times.user;
        *system += times.system;
        if (process->pid == 1) {
            *user += times.child_user;
            *system += times.child_system;
        }
    }
    const uint64_t now = clock_now();
    *idle = now > *user + *system ? now - *user - *system : 0;
}

static void uptime_text(const struct process *, struct text *text) {
    uint64_t user, system, idle;
    const uint64_t now = clock_now();
    times_of_all(&user, &system, &idle);
    text_add(text, "%lu.%02lu %lu.%02lu\n", now / SECOND, now % SECOND / TICK, idle / SECOND, idle % SECOND / TICK);
}

static void count_all(unsigned *running, unsigned *all, int32_t *last) {
    *running = *all = 0;
    *last = 0;
    for (const struct process *process = process_next(1); process != nullptr;
         process = process_next(process->pid + 1)) {
        *running += process_state(process) == 'R';
        *all += process->thread_count;
        *last = process->pid;
    }
}

static void stat_text(const struct process *, struct text *text) {
    uint64_t user, system, idle;
    unsigned running, all;
    int32_t last;
    times_of_all(&user, &system, &idle);
    count_all(&running, &all, &last);
    for (unsigned i = 0; i < 2; i++)
        text_add(text, "cpu%s %lu 0 %lu %lu 0 0 0 0 0 0\n", i == 0 ? " " : "0", user / TICK, system / TICK,
                 idle / TICK);
    text_add(text, "intr 0\nctxt 0\nbtime %lu\nprocesses %d\nprocs_running %u\nprocs_blocked 0\n",
             (clock_wall() - clock_now()) / SECOND, last, running);
}

// No averages are kept: what is ready or runs now stands for all three.
static void loadavg_text(const struct process *, struct text *text) {
    unsigned running, all;
    int32_t last;
    count_all(&running, &all, &last);
    text_add(text, "%u.00 %u.00 %u.00 %u/%u %d\n", running, running, running, running, all, last);
}

static void version_text(const struct process *, struct text *text) {
    text_add(text, "Linux version 6.1.0 (Bindery libos/unix) #1\n");
}

static void mounts_text(const struct process *, struct text *text) {
    text_add(text, "/dev/root / ext4 rw,relatime 0 0\ndevtmpfs /dev devtmpfs rw,relatime 0 0\n"
                   "proc /proc proc rw,relatime 0 0\n");
}

static void filesystems_text(const struct process *, struct text *text) {
    text_add(text, "nodev\tdevtmpfs\nnodev\tproc\n\text4\n");
}

const struct proc_entry proc_of_system[] = {
    {"meminfo", S_IFREG | 0444, meminfo_text, nullptr, nullptr},
    {"cpuinfo", S_IFREG | 0444, cpuinfo_text, nullptr, nullptr},
    {"uptime", S_IFREG | 0444, uptime_text, nullptr, nullptr},
    {"stat", S_IFREG | 0444, stat_text, nullptr, nullptr},
    {"loadavg", S_IFREG | 0444, loadavg_text, nullptr, nullptr},
    {"version", S_IFREG | 0444, version_text, nullptr, nullptr},
    {"mounts", S_IFREG | 0444, mounts_text, nullptr, nullptr},
    {"filesystems", S_IFREG | 0444, filesystems_text, nullptr, nullptr},
};
const unsigned proc_of_system_count = sizeof(proc_of_system) / sizeof(proc_of_system[0]);
