// SPDX-License-Identifier: MIT
// Runs peers/counted from an ext4 file system on the disk, with swap space on the same disk.
//
// Words of the kernel's command line: `program` with `arguments`, which are separated by commas; and at most one of
//
//   frames=N   the pages of its memory and of the page cache that it may have, by a control group. The group does not
//              count the kernel's own memory if the kernel was told cgroup.memory=nokmem; ext4's metadata it does count
//   left=N     the pages that are free or could be freed when it begins: another process holds all others locked, so
//              that no control group is needed. What the kernel takes from then on is taken from these
//
// `readahead` and `cluster` set how many KiB are read ahead of a file, and how many pages of swap space, as a power of
// two.
//
// At the end the event `kernel` says how many pages more the kernel has for itself than before.
#include "peers/linux/linux.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 32 };

static void limit(unsigned long frames) {
    char text[32];
    (void)mkdir("/group", 0755);
    (void)must(mount("none", "/group", "cgroup2", 0, nullptr), "mounting the control groups");
    disk_set("/group/cgroup.subtree_control", "+memory");
    (void)must(mkdir("/group/counted", 0755), "/group/counted");
    (void)snprintf(text, sizeof text, "%lu", frames * PAGE);
    disk_set("/group/counted/memory.max", text);
    (void)snprintf(text, sizeof text, "%d", getpid());
    disk_set("/group/counted/cgroup.procs", text);
}

// The sum of some lines of /proc/meminfo, in pages.
static unsigned long memory_of(const char *const names[], unsigned count) {
    static char text[8192];
    const int file = (int)must(open("/proc/meminfo", O_RDONLY), "/proc/meminfo");
    text[must(read(file, text, sizeof text - 1), "/proc/meminfo")] = 0;
    close(file);
    unsigned long sum = 0;
    for (unsigned i = 0; i < count; i++) {
        const char *at = strstr(text, names[i]);
        if (at == nullptr) give_up("/proc/meminfo has no %s", names[i]);
        sum += strtoul(at + strlen(names[i]), nullptr, 10) * 1024 / PAGE;
    }
    return sum;
}

static unsigned long pages_left(void) {
    static const char *const names[] = {"MemFree:",        "Active(anon):",  "Inactive(anon):",
                                        "Active(file):", "Inactive(file):"};
    return memory_of(names, sizeof names / sizeof *names);
}

// A process of its own, as locks end with the program; RESERVE pages the kernel never gives out.
static void lock_others(unsigned long left) {
    enum { MOST = 1 << 30, STEP = 16 * PAGE, RESERVE = 128 };
    int done[2];
    char byte;
    disk_set("/proc/sys/vm/min_free_kbytes", "256");
    disk_set("/proc/sys/vm/watermark_scale_factor", "1");
    disk_set("/proc/sys/vm/lowmem_reserve_ratio", "0 0 0 0 0"); // else 230 pages of the first 16 MiB stay free
    (void)must(pipe(done), "pipe");
    const pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        char *taken = mmap(nullptr, MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        disk_set("/proc/self/oom_score_adj", "-1000");
        for (; pages_left() > left + RESERVE; taken += STEP) (void)must(mlock(taken, STEP), "mlock");
        (void)must(write(done[1], "x", 1), "write");
        while (true) (void)pause();
    }
    close(done[1]);
    if (read(done[0], &byte, 1) != 1) give_up("memory could not be taken away");
    close(done[0]);
}

// What the kernel has for itself.
static unsigned long kernel_pages(void) {
    static const char *const names[] = {"Slab:", "KernelStack:", "PageTables:", "Percpu:"};
    return memory_of(names, sizeof names / sizeof *names);
}

[[noreturn]] static void execute(char *const *words) {
    const char *frames = getenv("frames");
    char *const none[] = {nullptr};
    if (frames != nullptr) limit(strtoul(frames, nullptr, 10));
    (void)must(chroot("/root"), "chroot");
    (void)must(chdir("/"), "chdir");
    (void)execve(words[0], words, none);
    give_up("%s cannot be run", words[0]);
}

void part_counted(void) {
    char *program = getenv("program"), *rest = getenv("arguments"), line[BENCH_LINE];
    char *words[WORDS + 3] = {"/run-counted", "port", program};
    int status;
    if (program == nullptr || rest == nullptr) give_up("no program was named");
    for (unsigned i = 3; i < WORDS + 2 && (words[i] = strsep(&rest, ",")) != nullptr; i++) {}
    disk_prepare();
    if (getenv("readahead") != nullptr) disk_set("/sys/block/vda/queue/read_ahead_kb", getenv("readahead"));
    if (getenv("cluster") != nullptr) disk_set("/proc/sys/vm/page-cluster", getenv("cluster"));
    (void)must(swapon("/dev/vda2", 0), "swapon");
    (void)mkdir("/root", 0755);
    (void)must(mount("/dev/vda1", "/root", "ext4", 0, nullptr), "mounting the disk");
    (void)must(mount("devtmpfs", "/root/dev", "devtmpfs", 0, nullptr), "mounting /dev");
    disk_set("/proc/sys/vm/drop_caches", "3");
    const unsigned long before = kernel_pages();
    if (getenv("left") != nullptr) lock_others(strtoul(getenv("left"), nullptr, 10));
    const pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) execute(words);
    (void)must(waitpid(child, &status, 0), "waitpid");
    const unsigned long after = kernel_pages();
    (void)snprintf(line, sizeof line, "{\"event\":\"kernel\",\"pages\":%lu}\n", after > before ? after - before : 0);
    peer_put(line);
}
