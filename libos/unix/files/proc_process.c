// SPDX-License-Identifier: MIT
// What /proc/PID says of a process. Fields that Linux has and this library OS has nothing for are 0.
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/unix/files/console.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/path.h"
#include "libos/unix/files/proc.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

constexpr uint64_t TICK = 10'000'000; // nanoseconds of one hundredth of a second, in which times are told
constexpr uint64_t PAGE = 4096;

static struct vm_sizes sizes_of(const struct process *process) {
    return process->memory == nullptr ? (struct vm_sizes){} : vm_sizes(process->memory);
}

// The five states of the textbooks. Of the processes whose letter is R, one runs: the one that is asking.
static const char *state_name(const struct process *process) {
    switch (process_state(process)) {
    case 'R': return process == process_current() ? "running" : "ready";
    case 'T': return "stopped";
    case 'Z': return "terminated";
    default: return "waiting";
    }
}

static int32_t parent_of(const struct process *process) {
    return process->parent == nullptr ? 0 : process->parent->pid;
}

static void faults_of(const struct process *process, uint64_t *minor, uint64_t *major) {
    *minor = *major = 0;
    for (const struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling) {
        *minor += thread->minor_faults;
        *major += thread->major_faults;
    }
}

static void stat_text(const struct process *process, struct text *text) {
    const struct process_times times = process_times(process);
    const struct vm_sizes sizes = sizes_of(process);
    int32_t foreground;
    uint64_t minor, major;
    const uint32_t terminal_number = terminal_of(process->session, &foreground);
    faults_of(process, &minor, &major);
    text_add(text, "%d (%s) %c %d %d %d %u %d 0 ", process->pid, process->name, process_state(process),
             parent_of(process), process->group, process->session, terminal_number, foreground);
    text_add(text, "%lu 0 %lu 0 %lu %lu %lu %lu 20 0 %u 0 %lu ", minor, major, times.user / TICK, times.system / TICK,
             times.child_user / TICK, times.child_system / TICK, process->thread_count, process->started / TICK);
    text_add(text, "%lu %lu %lu 0 0 %lu 0 0 %lu 0 0 0 0 0 0 %d 0 0 0 0 0 0 0 0 0 0 %lu %lu %lu %lu %d\n", sizes.total,
             sizes.resident, process->limits[RLIMIT_RSS].now, process->stack, process->pending, SIGCHLD,
             process->arguments, process->arguments_end, process->environment, process->environment_end,
             process->zombie ? process->status : 0);
}

static void status_text(const struct process *process, struct text *text) {
    const struct vm_sizes sizes = sizes_of(process);
    text_add(text, "Name:\t%s\nUmask:\t%c%c%c%c\nState:\t%c (%s)\n", process->name, '0',
             '0' + (char)(process->umask >> 6 & 7), '0' + (char)(process->umask >> 3 & 7),
             '0' + (char)(process->umask & 7), process_state(process), state_name(process));
    text_add(text, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", process->pid, process->pid,
             parent_of(process));
    text_add(text, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", process->uid, process->euid, process->suid,
             process->euid, process->gid, process->egid, process->sgid, process->egid);
    text_add(text, "FDSize:\t%u\nGroups:\t\n",
             process->descriptors == nullptr ? 0 : descriptors_limit(process->descriptors));
    if (process->memory != nullptr)
        text_add(text, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nRssAnon:\t%8lu kB\nRssFile:\t%8lu kB\n",
                 sizes.total / 1024, sizes.total / 1024, sizes.resident * PAGE / 1024,
                 (sizes.resident - sizes.shared) * PAGE / 1024, sizes.shared * PAGE / 1024);
    text_add(text, "Threads:\t%u\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", process->thread_count,
             process->threads == nullptr ? 0ul : process->threads->pending, process->pending,
             process->threads == nullptr ? 0ul : process->threads->blocked);
}

static void statm_text(const struct process *process, struct text *text) {
    const struct vm_sizes sizes = sizes_of(process);
    text_add(text, "%lu %lu %lu 0 0 %lu 0\n", sizes.total / PAGE, sizes.resident, sizes.shared, sizes.total / PAGE);
}

static void comm_text(const struct process *process, struct text *text) {
    text_add(text, "%s\n", process->name);
}

// A range of the process's memory, as far as it is there.
static void memory_text(const struct process *process, uint64_t first, uint64_t end, struct text *text) {
    constexpr uint64_t most = 1 << 20;
    uint8_t part[256];
    if (process->memory == nullptr || end < first || end - first > most) return;
    for (uint64_t at = first, count; at < end; at += count) {
        count = end - at < sizeof(part) ? end - at : sizeof(part);
        if (vm_read(process->memory, at, part, count) != 0) return;
        text_add_bytes(text, part, count);
    }
}

static void cmdline_text(const struct process *process, struct text *text) {
    memory_text(process, process->arguments, process->arguments_end, text);
}
static void environ_text(const struct process *process, struct text *text) {
    memory_text(process, process->environment, process->environment_end, text);
}

static void maps_text(const struct process *process, struct text *text) {
    struct vm_line line;
    for (uint64_t at = 0; process->memory != nullptr && vm_next(process->memory, at, &line); at = line.end) {
        const size_t before = text->length;
        text_add(text, "%08lx-%08lx %c%c%c%c %08lx %s %u ", line.first, line.end, line.rights & VM_READ ? 'r' : '-',
                 line.rights & VM_WRITE ? 'w' : '-', line.rights & VM_EXECUTE ? 'x' : '-', line.shared ? 's' : 'p',
                 line.offset, line.file == nullptr ? "00:00" : "08:01", line.file == nullptr ? 0 : line.file->number);
        // What the mapping is stands at a fixed column.
        const size_t length = text->length - before;
        const char *name = line.heap ? "[heap]" : line.stack ? "[stack]" : "";
        if (line.file != nullptr) name = line.file == process->program ? process->program_path : "(file)";
        for (size_t i = length; *name != '\0' && i < 73; i++) text_add_bytes(text, " ", 1);
        text_add(text, "%s\n", name);
    }
}

// ---- Links

static int64_t copy_path(const char *path, char *target, size_t room) {
    const size_t length = strlen(path);
    memcpy(target, path, length < room ? length : room);
    return (int64_t)length;
}

static int64_t directory_target(struct inode *directory, char *target, size_t room) {
    const int64_t length = path_of_directory(directory, target, room);
    if (length == -ENOENT) return copy_path("(deleted)", target, room);
    return length < 0 ? length : length - 1;
}

static int64_t cwd_target(const struct process *process, uint32_t, char *target, size_t room) {
    return process->directory == nullptr ? -ENOENT : directory_target(process->directory, target, room);
}
static int64_t root_target(const struct process *process, uint32_t, char *target, size_t room) {
    return process->root == nullptr ? -ENOENT : directory_target(process->root, target, room);
}
// A path that has led to an inode; an absolute one, if its directories are still there.
static int64_t path_to(const struct inode *inode, struct inode *from, const char *path, char *target, size_t room) {
    int64_t length = path_plain(from, path, S_ISLNK(inode->mode) ? 0 : PATH_FOLLOW, target, room);
    if (length < 0) length = copy_path(path, target, room);
    if (inode->links == 0 && (size_t)length < room) length += copy_path(" (deleted)", target + length, room - length);
    return length;
}

static int64_t exe_target(const struct process *process, uint32_t, char *target, size_t room) {
    if (process->program == nullptr) return -ENOENT;
    return path_to(process->program, process->root, process->program_path, target, room);
}

static int follow_to(struct inode *inode, struct inode **found) {
    if (inode == nullptr) return -ENOENT;
    *found = inode_hold(inode);
    return 0;
}
static int cwd_follow(const struct process *process, uint32_t, struct inode **found) {
    return follow_to(process->directory, found);
}
static int root_follow(const struct process *process, uint32_t, struct inode **found) {
    return follow_to(process->root, found);
}
static int exe_follow(const struct process *process, uint32_t, struct inode **found) {
    return follow_to(process->program, found);
}

int proc_descriptor_follow(const struct process *process, uint32_t number, struct inode **found) {
    const struct file *file =
        process->descriptors == nullptr ? nullptr : descriptor_find(process->descriptors, (int)number);
    return file == nullptr ? -ENOENT : follow_to(file->inode, found);
}

int64_t proc_descriptor_target(const struct process *process, uint32_t number, char *target, size_t room) {
    const struct file *file =
        process->descriptors == nullptr ? nullptr : descriptor_find(process->descriptors, (int)number);
    if (file == nullptr) return -ENOENT;
    if (S_ISDIR(file->inode->mode)) return directory_target(file->inode, target, room);
    if (file->path[0] != '\0')
        return path_to(file->inode, file->from != nullptr ? file->from : process->root, file->path, target, room);
    const char *const device = device_name(file->inode);
    if (device != nullptr) return (int64_t)format_text(target, room, "/dev/%s", device);
    const char *kind = S_ISFIFO(file->inode->mode) ? "pipe" : S_ISSOCK(file->inode->mode) ? "socket" : "anon_inode";
    return (int64_t)format_text(target, room, "%s:[%u]", kind, file->inode->number);
}

const struct proc_entry proc_of_process[] = {
    {"stat", S_IFREG | 0444, stat_text, nullptr, nullptr},
    {"status", S_IFREG | 0444, status_text, nullptr, nullptr},
    {"statm", S_IFREG | 0444, statm_text, nullptr, nullptr},
    {"comm", S_IFREG | 0444, comm_text, nullptr, nullptr},
    {"cmdline", S_IFREG | 0444, cmdline_text, nullptr, nullptr},
    {"environ", S_IFREG | 0400, environ_text, nullptr, nullptr},
    {"maps", S_IFREG | 0444, maps_text, nullptr, nullptr},
    {"cwd", S_IFLNK | 0777, nullptr, cwd_target, cwd_follow},
    {"root", S_IFLNK | 0777, nullptr, root_target, root_follow},
    {"exe", S_IFLNK | 0777, nullptr, exe_target, exe_follow},
};
const unsigned proc_of_process_count = sizeof(proc_of_process) / sizeof(proc_of_process[0]);
