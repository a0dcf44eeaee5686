// SPDX-License-Identifier: MIT
// Threads as a libc makes them, futexes, clocks.
#include "tests/unix/check.h"
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 20 };

static _Thread_local int own = 5;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int counter;
static atomic_int started;

static void *adds(void *times) {
    for (intptr_t i = 0; i < (intptr_t)times; i++) {
        pthread_mutex_lock(&mutex);
        const int seen = counter;
        if (i % 16 == 0) sched_yield();
        counter = seen + 1;
        own++;
        pthread_mutex_unlock(&mutex);
    }
    return (void *)(intptr_t)own;
}

TEST(threads_share_memory_and_have_some_of_their_own) {
    pthread_t thread[THREADS];
    counter = 0;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&thread[i], nullptr, adds, (void *)200) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        CHECK(pthread_join(thread[i], &result) == 0 && (intptr_t)result == 205);
    }
    CHECK(counter == THREADS * 200 && own == 5);
}

static void *waits(void *) {
    pthread_mutex_lock(&mutex);
    started++;
    while (counter == 0) pthread_cond_wait(&changed, &mutex);
    counter++;
    pthread_mutex_unlock(&mutex);
    return nullptr;
}

TEST(a_condition_wakes_all_who_wait) {
    pthread_t thread[THREADS];
    counter = 0;
    started = 0;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&thread[i], nullptr, waits, nullptr) == 0);
    while (started < THREADS) sched_yield();
    pthread_mutex_lock(&mutex);
    counter = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(thread[i], nullptr) == 0);
    CHECK(counter == THREADS + 1);
}

static atomic_bool stop;
static void *spins(void *) {
    started++;
    while (!stop) {
    }
    return nullptr;
}

TEST(a_loop_does_not_keep_the_others_from_running) {
    pthread_t thread[2];
    started = 0;
    stop = false;
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&thread[i], nullptr, spins, nullptr) == 0);
    while (started < 2) {
    }
    stop = true;
    for (int i = 0; i < 2; i++) CHECK(pthread_join(thread[i], nullptr) == 0);
}

static void *computes(void *to) {
    double sum = 0;
    for (int i = 1; i < 2000000; i++) sum += 1.0 / i;
    *(double *)to = sum;
    return nullptr;
}

TEST(vector_registers_are_each_threads_own) {
    pthread_t thread[4];
    double sum[4], expected;
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&thread[i], nullptr, computes, &sum[i]) == 0);
    for (int i = 0; i < 4; i++) CHECK(pthread_join(thread[i], nullptr) == 0);
    computes(&expected);
    for (int i = 0; i < 4; i++) CHECK(sum[i] == expected);
}

static void *pauses(void *) {
    started++;
    while (true) pause();
    return nullptr;
}

TEST(a_thread_can_be_cancelled) {
    pthread_t thread;
    void *result;
    started = 0;
    CHECK(pthread_create(&thread, nullptr, pauses, nullptr) == 0);
    while (started == 0) sched_yield();
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
}

static pthread_t handled_by;
static void notes_thread(int) {
    handled_by = pthread_self();
    stop = true;
}

TEST(a_signal_can_be_sent_to_one_thread) {
    pthread_t thread;
    started = 0;
    stop = false;
    signal(SIGUSR1, notes_thread);
    CHECK(pthread_create(&thread, nullptr, spins, nullptr) == 0);
    while (started == 0) sched_yield();
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
    CHECK(pthread_equal(handled_by, thread));
    signal(SIGUSR1, SIG_DFL);
}

TEST(a_signal_to_the_process_goes_to_a_thread_that_does_not_block_it) {
    pthread_t thread;
    sigset_t set;
    started = 0;
    stop = false;
    signal(SIGUSR1, notes_thread);
    CHECK(pthread_create(&thread, nullptr, spins, nullptr) == 0);
    while (started == 0) sched_yield();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    kill(getpid(), SIGUSR1);
    CHECK(pthread_join(thread, nullptr) == 0 && pthread_equal(handled_by, thread));
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    signal(SIGUSR1, SIG_DFL);
}

static int exits_with_threads(void) {
    pthread_t thread[3];
    started = 0;
    stop = false;
    pthread_create(&thread[0], nullptr, spins, nullptr);
    pthread_create(&thread[1], nullptr, pauses, nullptr);
    while (started < 2) sched_yield();
    return 6;
}

TEST(exit_ends_all_threads) {
    const int status = status_of(exits_with_threads);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
}

static void *dies(void *) {
    __builtin_trap();
}
static int thread_dies(void) {
    pthread_t thread;
    pthread_create(&thread, nullptr, dies, nullptr);
    while (true) pause();
}

TEST(a_threads_fault_ends_the_process) {
    const int status = status_of(thread_dies);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
}

static void *runs_program(void *) {
    char *const words[] = {"x", "exit", "12", nullptr}, *const none[] = {nullptr};
    execve(self_path, words, none);
    return nullptr;
}
static int thread_execs(void) {
    pthread_t thread[2];
    stop = false;
    pthread_create(&thread[0], nullptr, spins, nullptr);
    pthread_create(&thread[1], nullptr, runs_program, nullptr);
    while (true) pause();
}

TEST(exec_by_a_thread_replaces_the_process) {
    const int status = status_of(thread_execs);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 12);
}

static void *leads_alone(void *) {
    usleep(20000);
    exit(3);
}
static int main_thread_ends(void) {
    pthread_t thread;
    pthread_create(&thread, nullptr, leads_alone, nullptr);
    pthread_exit(nullptr);
}

TEST(a_process_lives_on_without_its_first_thread) {
    const int status = status_of(main_thread_ends);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void *forks(void *status) {
    *(int *)status = -1;
    const pid_t child = fork();
    if (child == 0) _exit(21);
    waitpid(child, status, 0);
    return nullptr;
}

TEST(a_thread_can_fork) {
    pthread_t thread;
    int status;
    CHECK(pthread_create(&thread, nullptr, forks, &status) == 0);
    CHECK(pthread_join(thread, nullptr) == 0 && WEXITSTATUS(status) == 21);
}

// ---- Futexes

static long futex(void *word, int operation, uint32_t value, const struct timespec *time, void *second,
                  uint32_t third) {
    return syscall(SYS_futex, word, operation, value, time, second, third);
}

TEST(futex_wait_looks_at_the_word_and_at_the_time) {
    uint32_t word = 1;
    const struct timespec soon = {.tv_nsec = 10000000}, wrong = {.tv_nsec = 1000000000};
    CHECK(futex(&word, FUTEX_WAIT_PRIVATE, 2, nullptr, nullptr, 0) == -1 && errno == EAGAIN);
    CHECK(futex(&word, FUTEX_WAIT_PRIVATE, 1, &soon, nullptr, 0) == -1 && errno == ETIMEDOUT);
    CHECK(futex(&word, FUTEX_WAIT_PRIVATE, 1, &wrong, nullptr, 0) == -1 && errno == EINVAL);
    CHECK(futex((char *)&word + 1, FUTEX_WAIT_PRIVATE, 1, &soon, nullptr, 0) == -1 && errno == EINVAL);
    CHECK(futex((void *)16, FUTEX_WAIT_PRIVATE, 1, &soon, nullptr, 0) == -1 && errno == EFAULT);
    CHECK(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &soon, nullptr, 0) == -1 && errno == EINVAL);
    struct timespec past;
    clock_gettime(CLOCK_MONOTONIC, &past);
    CHECK(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &past, nullptr, 1) == -1 && errno == ETIMEDOUT);
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0) == 0);
    CHECK(futex(&word, 99, 1, nullptr, nullptr, 0) == -1 && errno == ENOSYS);
}

static uint32_t words[2];
static void *sleeps_on_word(void *) {
    started++;
    futex(&words[0], FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
    return nullptr;
}

TEST(futex_requeue_moves_those_that_it_does_not_wake) {
    pthread_t thread[3];
    started = 0;
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&thread[i], nullptr, sleeps_on_word, nullptr) == 0);
    while (started < 3) sched_yield();
    usleep(20000); // until all three sleep
    CHECK(futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &words[1], 9) == -1 && errno == EAGAIN);
    CHECK(futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &words[1], 0) == 3);
    CHECK(futex(&words[0], FUTEX_WAKE_PRIVATE, 10, nullptr, nullptr, 0) == 0);
    CHECK(futex(&words[1], FUTEX_WAKE_PRIVATE, 10, nullptr, nullptr, 0) == 2);
    for (int i = 0; i < 3; i++) CHECK(pthread_join(thread[i], nullptr) == 0);
}

TEST(processes_can_share_a_lock) {
    struct {
        pthread_mutex_t mutex;
        sem_t ready;
        int counter;
    } *shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    CHECK(pthread_mutex_init(&shared->mutex, &attributes) == 0 && sem_init(&shared->ready, 1, 0) == 0);
    const pid_t child = fork();
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&shared->mutex);
        const int seen = shared->counter;
        if (i % 8 == 0) sched_yield();
        shared->counter = seen + 1;
        pthread_mutex_unlock(&shared->mutex);
    }
    if (child == 0) _exit(sem_post(&shared->ready));
    CHECK(sem_wait(&shared->ready) == 0);
    CHECK(waitpid(child, nullptr, 0) == child && shared->counter == 1000);
    munmap(shared, 4096);
}

TEST(a_robust_lock_tells_that_its_holder_died) {
    pthread_mutex_t *lock = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    CHECK(pthread_mutex_init(lock, &attributes) == 0);
    const pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(lock);
        usleep(30000); // until the parent waits for it
        _exit(0);
    }
    usleep(10000);
    CHECK(pthread_mutex_lock(lock) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(lock) == 0 && pthread_mutex_unlock(lock) == 0);
    CHECK(waitpid(child, nullptr, 0) == child);
    munmap(lock, 4096);
}

// ---- Clocks

static int64_t now(clockid_t clock) {
    struct timespec time = {};
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

TEST(clocks_go_on_and_agree) {
    struct timeval day;
    const int64_t before = now(CLOCK_MONOTONIC), real = now(CLOCK_REALTIME);
    usleep(15000);
    const int64_t passed = now(CLOCK_MONOTONIC) - before, really = now(CLOCK_REALTIME) - real;
    CHECK(passed >= 15000000 && really >= 15000000);
    CHECK(passed - really < 100000000 && really - passed < 100000000);
    CHECK(gettimeofday(&day, nullptr) == 0);
    const int64_t apart = now(CLOCK_REALTIME) / 1000 - (day.tv_sec * 1000000ll + day.tv_usec);
    CHECK(apart >= -1 && apart < 1000000);
    CHECK(time(nullptr) - day.tv_sec <= 1);
    struct timespec wrong;
    CHECK(clock_gettime(999, &wrong) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME, 16) == -1 && errno == EFAULT);
}

TEST(a_sleep_can_be_until_a_time) {
    const int64_t until = now(CLOCK_MONOTONIC) + 20000000;
    const struct timespec time = {until / 1000000000, until % 1000000000}, wrong = {0, -1};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == 0);
    CHECK(now(CLOCK_MONOTONIC) >= until);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == 0); // it is past
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &wrong, nullptr) == EINVAL);
    CHECK(nanosleep((const struct timespec *)16, nullptr) == -1 && errno == EFAULT);
}

TEST(work_is_counted_as_time_of_the_process) {
    struct tms before, after;
    times(&before);
    const int64_t own_before = now(CLOCK_PROCESS_CPUTIME_ID), thread_before = now(CLOCK_THREAD_CPUTIME_ID);
    for (volatile int i = 0; i < 40000000; i++) {
    }
    CHECK(now(CLOCK_PROCESS_CPUTIME_ID) > own_before && now(CLOCK_THREAD_CPUTIME_ID) > thread_before);
    times(&after);
    CHECK(after.tms_utime > before.tms_utime);
    const int64_t asleep = now(CLOCK_PROCESS_CPUTIME_ID);
    usleep(100000);
    CHECK(now(CLOCK_PROCESS_CPUTIME_ID) - asleep < 50000000);
}
