// SPDX-License-Identifier: MIT
// Signals, waiting for children, and errors of mapping memory.
#include "tests/posix/cases.h"
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t caught, count;
static void on_signal(int signal) {
    caught = signal;
    count++;
}

CASE(signals_are_sent_and_caught) {
    signal(SIGUSR1, on_signal);
    SHOW(raise(SIGUSR1));
    SHOW(caught);
    SHOW(kill(getpid(), 0));
    SHOW(kill(getpid(), 65));
    SHOW(kill(getpid(), -1));
    SHOW(kill(999999, 0));
    SHOW(signal(SIGKILL, on_signal) == SIG_ERR ? -1 : 0);
    SHOW(signal(SIGSTOP, SIG_IGN) == SIG_ERR ? -1 : 0);
    struct sigaction action;
    SHOW(sigaction(65, NULL, &action));
    SHOW(sigaction(0, NULL, &action));
    SHOW(sigaction(SIGUSR1, NULL, &action));
    SHOW(action.sa_handler == on_signal);
}

CASE(signals_wait_while_they_are_blocked) {
    sigset_t set, pending;
    signal(SIGUSR1, on_signal);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    SHOW(sigprocmask(SIG_BLOCK, &set, NULL));
    raise(SIGUSR1);
    raise(SIGUSR1);
    SHOW(count);
    SHOW(sigpending(&pending));
    SHOW(sigismember(&pending, SIGUSR1));
    SHOW(sigprocmask(SIG_UNBLOCK, &set, NULL));
    SHOW(count);
    SHOW(sigprocmask(99, &set, NULL));
    SHOW(sigprocmask(SIG_BLOCK, BAD, NULL));
    sigemptyset(&set);
    SHOW(alarm(1));
    SHOW(alarm(0));
}

CASE(sigsuspend_waits_with_another_mask) {
    sigset_t set, none;
    signal(SIGALRM, on_signal);
    sigemptyset(&none);
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    ualarm(10000, 0);
    SHOW(sigsuspend(&none));
    SHOW(caught);
    const struct timespec time = {0, 1000000};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    SHOW(sigtimedwait(&set, NULL, &time));
    raise(SIGUSR1);
    SHOW(sigtimedwait(&set, NULL, &time));
}

CASE(sleeping_is_ended_by_a_signal) {
    struct timespec time = {5, 0}, rest = {0, 0}, wrong = {0, 1000000000}, none = {0, 0};
    signal(SIGALRM, on_signal);
    ualarm(10000, 10000);
    SHOW(nanosleep(&time, &rest));
    ualarm(0, 0);
    SHOW(rest.tv_sec);
    SHOW(nanosleep(&wrong, NULL));
    SHOW(nanosleep(&none, NULL));
    SHOW(nanosleep(BAD, NULL));
    SHOW(clock_nanosleep(99, 0, &none, NULL));
    SHOW(clock_gettime(99, &time));
    SHOW(clock_gettime(CLOCK_MONOTONIC, &time));
}

static void end_by(int number) {
    int status;
    fflush(stdout);
    if (fork() == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        raise(number);
        _exit(7);
    }
    wait(&status);
    printf("    signal %d: %x\n", number, status & 0xff7f);
}

CASE(signals_end_a_process_or_not) {
    for (int number = 1; number < 32; number++)
        if (number != SIGSTOP && number != SIGTSTP && number != SIGTTIN && number != SIGTTOU) end_by(number);
}

static void *fault_address;
static int fault_code, fault_signal;
static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    fault_signal = signal;
    fault_address = info->si_addr;
    fault_code = info->si_code;
    mprotect((void *)((uintptr_t)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

CASE(faults_are_told_and_can_be_mended) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    char *memory = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[4100] = 1;
    SHOW(fault_signal);
    SHOW((char *)fault_address - memory);
    SHOW(fault_code);
    SHOW(memory[4100]);
    mprotect(memory, 4096, PROT_READ);
    SHOW(memory[5]);
    memory[5] = 3;
    SHOW(fault_code);
    SHOW((char *)fault_address - memory);
}

static void end_of(void (*code)(void)) {
    int status;
    fflush(stdout);
    if (fork() == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        code();
        _exit(7);
    }
    wait(&status);
    printf("    ended with %x\n", status & 0xff7f);
}

static void touch_null(void) {
    *(volatile char *)16 = 1;
}
static void touch_past_end(void) {
    const int file = make_file("f", "short");
    volatile char *memory = mmap(NULL, 8192, PROT_READ, MAP_SHARED, file, 0);
    (void)memory[4096];
}
static void run_data(void) {
    static char code[] = {(char)0xc3};
    ((void (*)(void))code)();
}
static void divide(void) {
    volatile int zero = 0;
    zero = 1 / zero;
}
static void illegal(void) {
    __asm__ volatile("ud2");
}
static int recurse(int depth) {
    volatile char room[10000];
    room[0] = (char)depth;
    return depth < 0 ? 0 : recurse(depth + 1) + room[0];
}
static void overflow_stack(void) {
    (void)recurse(0);
}

CASE(mistakes_end_a_process) {
    end_of(touch_null);
    end_of(touch_past_end);
    end_of(run_data);
    end_of(divide);
    end_of(illegal);
    end_of(overflow_stack);
}

CASE(mmap_checks_its_arguments) {
    int ends[2];
    const int file = make_file("f", "0123456789"), reads = open("f", O_RDONLY), writes = open("f", O_WRONLY);
    const int directory = open(".", O_RDONLY);
    pipe(ends);
#define MAP_ERROR(...) (mmap(__VA_ARGS__) == MAP_FAILED ? -1 : 0)
    SHOW(MAP_ERROR(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW(MAP_ERROR(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0));
    SHOW(MAP_ERROR(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0));
    SHOW(MAP_ERROR(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 100));
    SHOW(MAP_ERROR(NULL, 4096, PROT_READ, MAP_SHARED, writes, 0));
    SHOW(MAP_ERROR(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reads, 0));
    SHOW(MAP_ERROR(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, reads, 0));
    SHOW(MAP_ERROR(NULL, 4096, PROT_READ, MAP_PRIVATE, directory, 0));
    SHOW(MAP_ERROR(NULL, 4096, PROT_READ, MAP_PRIVATE, ends[0], 0));
    SHOW(MAP_ERROR((void *)4097, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SHOW(MAP_ERROR(NULL, 1ul << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW(munmap((void *)4097, 4096));
    SHOW(munmap((void *)4096, 0));
    void *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, reads, 0);
    SHOW(mprotect(shared, 4096, PROT_READ | PROT_WRITE));
    SHOW(mprotect((char *)shared + 1, 4096, PROT_READ));
    SHOW(munmap(shared, 4096));
    SHOW(mprotect(shared, 4096, PROT_READ));
    SHOW(msync(shared, 4096, MS_SYNC));
    SHOW(madvise(shared, 4096, 12345));
    SHOW(mremap(shared, 4096, 8192, 0) == MAP_FAILED ? -1 : 0);
}

CASE(mapped_files_are_the_file) {
    const int file = make_file("f", "0123456789");
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *apart = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    close(file);
    memcpy(shared, "ab", 2);
    memcpy(apart + 5, "xy", 2);
    SHOW(apart[5]);
    show_file("f");
    SHOW(shared[10]);
    SHOW(msync(shared, 4096, MS_SYNC));
    const int again = open("f", O_RDWR);
    SHOW(pwrite(again, "CD", 2, 2));
    SHOW(shared[2]);
    SHOW(write(again, shared + 5, 3));
    show_file("f");
    SHOW(read(again, shared, 2));
    int status;
    if (fork() == 0) {
        shared[9] = '!';
        _exit(0);
    }
    wait(&status);
    show_file("f");
}

CASE(wait_tells_of_children) {
    int status;
    siginfo_t info = {0};
    SHOW(wait(&status));
    if (fork() == 0) _exit(42);
    SHOW(wait(&status) > 0);
    SHOW(WEXITSTATUS(status));
    const pid_t child = fork();
    if (child == 0) pause();
    SHOW(waitpid(child, &status, WNOHANG));
    SHOW(waitpid(child + 1, &status, WNOHANG));
    SHOW(kill(child, SIGSTOP));
    SHOW(waitpid(child, &status, WUNTRACED) == child);
    SHOW(WIFSTOPPED(status) ? WSTOPSIG(status) : -2);
    SHOW(kill(child, SIGCONT));
    SHOW(waitpid(child, &status, WCONTINUED) == child);
    SHOW(WIFCONTINUED(status));
    SHOW(kill(child, SIGTERM));
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    SHOW(info.si_code);
    SHOW(info.si_status);
    SHOW(waitpid(child, &status, 0) == child);
    SHOW(WTERMSIG(status));
    SHOW(waitpid(child, &status, 0));
    SHOW(waitpid(-1, &status, 12345));
    SHOW(waitid(P_ALL, 0, &info, 0));
}

// free(1) takes what sysinfo and /proc/meminfo say, and subtracts.
CASE(memory_in_use_is_counted_once) {
    struct sysinfo info;
    char name[32];
    unsigned long value, cached = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file != NULL && fscanf(file, "%31[^:]: %lu kB\n", name, &value) == 2)
        if (strcmp(name, "Cached") == 0) cached = value;
    if (file != NULL) fclose(file);
    SHOW(sysinfo(&info));
    SHOW(cached > 0);
    SHOW(info.totalram * info.mem_unit > (info.freeram + info.bufferram) * info.mem_unit + cached * 1024);
}

CASE(ways_of_scheduling) {
    const int none = 0, some = 1;
    SHOW(syscall(SYS_sched_getscheduler, 0));
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &some));
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &none));
    SHOW(syscall(SYS_sched_setscheduler, 0, 77, &none));
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, BAD));
    SHOW(syscall(SYS_sched_setscheduler, 999999, SCHED_OTHER, &none));
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none));
    SHOW(syscall(SYS_sched_setparam, 0, &none));
    SHOW(sched_get_priority_max(SCHED_RR));
    SHOW(sched_get_priority_min(SCHED_RR));
    SHOW(sched_get_priority_max(SCHED_OTHER));
    SHOW(sched_get_priority_max(77));
}

CASE(a_killed_writer_leaves_a_whole_file_system) {
    int status;
    char text[8] = "";
    mkdir("d", 0755);
    for (int round = 0; round < 5; round++) {
        const pid_t child = fork();
        if (child == 0) {
            char name[32];
            static char bytes[9000];
            for (int i = 0;; i++) {
                snprintf(name, sizeof(name), "d/f%d", i % 20);
                const int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
                (void)!write(file, bytes, sizeof(bytes));
                close(file);
                if (i % 3 == 0) unlink(name);
            }
        }
        usleep(3000 * (round + 1));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    SHOW(WTERMSIG(status));
    SHOW(pread(make_file("after", "whole"), text, 5, 0));
    show_text("text", text);
}

CASE(waitid_does_not_wait_if_it_must_not) {
    siginfo_t info = {.si_signo = 77, .si_pid = 77};
    const pid_t child = fork();
    if (child == 0)
        while (1) pause();
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG));
    SHOW(info.si_signo);
    SHOW(info.si_pid);
    SHOW(waitid(P_PGID, (id_t)-5, &info, WEXITED | WNOHANG));
    SHOW(kill(child, SIGKILL));
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED));
    SHOW(info.si_status);
}
