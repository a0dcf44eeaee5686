// SPDX-License-Identifier: MIT
// See files_fake.h. Users' addresses are the test's own.
#include "tests/unit/files_fake.h"
#include "tests/unit/files_fake_disk.h"
#include "libos/core/heap.h"
#include "libos/unix/files/console.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/terminal.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int (*fake_asleep)(struct wait_queue *queue);
unsigned fake_sleeps, fake_wakes;
uint64_t fake_time, fake_signals;

constexpr unsigned PROCESSES = 8;
static struct {
    struct process process;
    struct thread thread;
} made[PROCESSES];
static unsigned made_count;
struct thread *thread_running;

struct process *fake_process(void) {
    cr_assert_lt(made_count, PROCESSES);
    struct process *process = &made[made_count].process;
    struct thread *thread = &made[made_count++].thread;
    *process = (struct process){.threads = thread,
                                .thread_count = 1,
                                .pid = (int32_t)made_count,
                                .group = (int32_t)made_count,
                                .session = 1,
                                .umask = 022,
                                .name = "test"};
    *thread = (struct thread){.process = process, .tid = process->pid, .state = THREAD_RUNNING};
    for (unsigned i = 0; i < PROCESS_LIMITS; i++) process->limits[i].now = UINT64_MAX;
    process->directory = fs_hold(fs_root(files_disk));
    process->root = fs_hold(fs_root(files_disk));
    cr_assert_eq(descriptors_new(&process->descriptors), 0);
    return process;
}

void fake_become(struct process *process) {
    thread_running = process->threads;
}

void fake_begin(void) {
    fake_asleep = nullptr;
    fake_sleeps = fake_wakes = 0;
    fake_signals = 0;
    fake_time = 1'000'000'000;
    made_count = 0;
    fake_disk_begin();
    fake_become(fake_process());
}

void fake_end(void) {
    for (unsigned i = 0; i < made_count; i++) {
        fake_become(&made[i].process);
        descriptors_release(made[i].process.descriptors);
        inode_release(made[i].process.directory);
        inode_release(made[i].process.root);
    }
    cr_expect_eq(fake_disk_end(), 0, "inodes are still held");
}

// ---- process/

struct process *process_find(int32_t pid) {
    return pid >= 1 && (unsigned)pid <= made_count ? &made[pid - 1].process : nullptr;
}
struct process *process_next(int32_t pid) {
    return process_find(pid < 1 ? 1 : pid);
}
char process_state(const struct process *process) {
    return process->zombie ? 'Z' : process == process_current() ? 'R' : 'S';
}
struct process_times process_times(const struct process *) {
    return (struct process_times){.user = 20'000'000, .system = 30'000'000};
}
void signal_process(struct process *, int signal) {
    fake_signals |= 1ull << signal;
}
void signal_group(int32_t, int signal) {
    fake_signals |= 1ull << signal;
}
void signal_thread(struct thread *, int signal) {
    fake_signals |= 1ull << signal;
}
bool signal_wanted(const struct thread *thread, int signal) {
    return !(thread->blocked >> (signal - 1) & 1);
}
void signal_mask_for_call(uint64_t mask) {
    thread_running->blocked = mask;
}

uint64_t clock_now(void) {
    return fake_time;
}
uint64_t clock_wall(void) {
    return 1'000'000'000'000'000'000 + fake_time;
}

static int sleep_on(struct wait_queue *queue, uint64_t until) {
    fake_sleeps++;
    cr_assert_lt(fake_sleeps, 100'000, "it sleeps for ever");
    if (fake_asleep != nullptr) return fake_asleep(queue);
    cr_assert_neq(until, WAIT_FOREVER, "nobody would wake it");
    fake_time = until > fake_time ? until : fake_time;
    return -ETIMEDOUT;
}
int wait_sleep(struct wait_queue *queue, enum wait_flags, uint64_t until) {
    return sleep_on(queue, until);
}
int wait_sleep_any(struct wait_queue *const queues[], unsigned count, enum wait_flags, uint64_t until) {
    return sleep_on(count == 0 ? nullptr : queues[0], until);
}
uint32_t wait_wake(struct wait_queue *, uint32_t) {
    fake_wakes++;
    return 0;
}

// Not random: what a test reads is the same each time.
void random_bytes(void *to, size_t bytes) {
    static uint8_t value;
    for (size_t i = 0; i < bytes; i++) ((uint8_t *)to)[i] = value += 37;
}

// ---- memory/

int user_read(void *to, uint64_t from, size_t bytes) {
    if (bytes == 0) return 0;
    if (from < 4096 || from >= FAKE_BAD) return -EFAULT;
    memcpy(to, (const void *)from, bytes);
    return 0;
}
int user_write(uint64_t to, const void *from, size_t bytes) {
    if (bytes == 0) return 0;
    if (to < 4096 || to >= FAKE_BAD) return -EFAULT;
    memcpy((void *)to, from, bytes);
    return 0;
}
int64_t user_string(char *to, uint64_t from, size_t room) {
    if (from < 4096 || from >= FAKE_BAD) return -EFAULT;
    const size_t length = strnlen((const char *)from, room);
    if (length == room) return -ENAMETOOLONG;
    memcpy(to, (const char *)from, length + 1);
    return (int64_t)length;
}

bool user_range(uint64_t address, uint64_t bytes) {
    return address < FAKE_BAD && bytes <= FAKE_BAD - address;
}
int copy_out(void *to, const void *from, size_t bytes) {
    return user_write((uint64_t)to, from, bytes);
}
int copy_in(void *to, const void *from, size_t bytes) {
    return user_read(to, (uint64_t)from, bytes);
}
int copy_zero(void *to, size_t bytes) {
    if ((uint64_t)to < 4096 || (uint64_t)to >= FAKE_BAD) return -EFAULT;
    memset(to, 0, bytes);
    return 0;
}

struct vm_sizes vm_sizes(const struct vm *) {
    return (struct vm_sizes){.total = 40960, .resident = 7, .shared = 3};
}
struct memory_sizes memory_sizes(void) {
    return (struct memory_sizes){
        .frames = 1000, .frames_free = 100, .frames_cache = 200, .swap = 5000, .swap_free = 4000};
}
bool vm_next(const struct vm *, uint64_t address, struct vm_line *line) {
    if (address >= 0x403000) return false;
    *line = (struct vm_line){.first = 0x401000, .end = 0x403000, .rights = VM_READ | VM_EXECUTE};
    return true;
}
int vm_read(struct vm *, uint64_t address, void *to, size_t bytes) {
    memcpy(to, (const void *)address, bytes);
    return 0;
}

// ---- libos/core

void *heap_allocate(size_t bytes) {
    return malloc(bytes == 0 ? 1 : bytes);
}
void *heap_allocate_zeroed(size_t bytes) {
    return calloc(1, bytes == 0 ? 1 : bytes);
}
void *heap_reallocate(void *block, size_t bytes) {
    return realloc(block, bytes);
}
void heap_release(void *block) {
    free(block);
}
size_t heap_used(void) {
    return 0;
}

// ---- The console: three files of /dev/null

int console_descriptors(struct descriptors *) {
    return 0;
}
int console_open(struct inode *, uint32_t, struct file **) {
    return -ENXIO;
}
int terminal_open(struct inode *, uint32_t, struct file **) {
    return -ENXIO;
}
uint32_t terminal_of(int32_t, int32_t *foreground) {
    *foreground = 1;
    return 5 << 8 | 1;
}

// ---- Shorthands

int fake_open(const char *path, uint32_t flags) {
    const int64_t number = CALL_OF(open, P(path), flags, 0666);
    cr_assert_geq(number, 0, "open %s: %ld", path, number);
    return (int)number;
}

void fake_make_file(const char *path, const char *contents) {
    const int number = fake_open(path, O_CREAT | O_WRONLY | O_TRUNC);
    cr_assert_eq(CALL_OF(write, number, P(contents), strlen(contents)), (int64_t)strlen(contents));
    cr_assert_eq(CALL_OF(close, number), 0);
}

void fake_make_directory(const char *path) {
    cr_assert_eq(CALL_OF(mkdir, P(path), 0777), 0, "mkdir %s", path);
}
