// SPDX-License-Identifier: MIT
// Runs peers/counted from an ext4 file system on the disk, with swap space on the same disk.
//
// Words of the kernel's command line: `program` with `arguments`, which are separated by commas; and `frames`: the pages
// of its memory and of the page cache that it may have, by a control group. The group does not count the kernel's own
// memory if the kernel was told cgroup.memory=nokmem. Pages of ext4's metadata count for it.
#include "peers/linux/linux.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

void part_counted(void) {
    const char *frames = getenv("frames");
    char *program = getenv("program"), *arguments = getenv("arguments");
    char *words[WORDS + 3] = {"/run-counted", "port", program}, *const none[] = {nullptr};
    if (program == nullptr || arguments == nullptr) give_up("no program was named");
    char *rest = arguments;
    for (unsigned i = 3; i < WORDS + 2 && (words[i] = strsep(&rest, ",")) != nullptr; i++) {}
    disk_prepare();
    (void)must(swapon("/dev/vda2", 0), "swapon");
    (void)mkdir("/root", 0755);
    (void)must(mount("/dev/vda1", "/root", "ext4", 0, nullptr), "mounting the disk");
    (void)must(mount("devtmpfs", "/root/dev", "devtmpfs", 0, nullptr), "mounting /dev");
    disk_set("/proc/sys/vm/drop_caches", "3");
    if (frames != nullptr) limit(strtoul(frames, nullptr, 10));
    (void)must(chroot("/root"), "chroot");
    (void)must(chdir("/"), "chdir");
    (void)execve(words[0], words, none);
    give_up("%s cannot be run", words[0]);
}
