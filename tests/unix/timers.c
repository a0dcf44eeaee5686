// SPDX-License-Identifier: MIT
// Timers that send signals, and timers that are files.
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

constexpr long MS = 1'000'000;
static volatile int count, code;
static void *volatile value;

static void counts(int, siginfo_t *info, void *) {
    count++;
    code = info->si_code;
    value = info->si_value.sival_ptr;
}

static bool make(clockid_t clock, timer_t *timer) {
    struct sigaction action = {.sa_sigaction = counts, .sa_flags = SA_SIGINFO};
    struct sigevent event = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_ptr = (void *)&count};
    sigaction(SIGUSR1, &action, nullptr);
    count = 0;
    return timer_create(clock, &event, timer) == 0;
}

static void wait_until(int wanted) {
    while (count < wanted) usleep(1000);
}

TEST(a_timer_sends_its_signal_again_and_again_with_its_value) {
    timer_t timer;
    struct itimerspec set = {.it_value.tv_nsec = 2 * MS, .it_interval.tv_nsec = 3 * MS}, seen;
    CHECK(make(CLOCK_MONOTONIC, &timer));
    CHECK(timer_settime(timer, 0, &set, nullptr) == 0);
    wait_until(3);
    CHECK(code == SI_TIMER && value == &count);
    CHECK(timer_gettime(timer, &seen) == 0 && seen.it_interval.tv_nsec == 3 * MS && seen.it_value.tv_sec == 0);
    set = (struct itimerspec){};
    CHECK(timer_settime(timer, 0, &set, &seen) == 0 && seen.it_interval.tv_nsec == 3 * MS);
    const int before = count;
    usleep(10000);
    CHECK(count == before);
    CHECK(timer_delete(timer) == 0 && syscall(SYS_timer_delete, timer) == -1 && errno == EINVAL);
}

static timer_t asked;
static volatile int overrun;
static void asks(int) {
    if (count++ == 0) overrun = timer_getoverrun(asked);
}

TEST(a_timer_may_be_due_at_a_time_of_day_and_counts_what_it_could_not_send) {
    sigset_t set_of_it;
    struct itimerspec set = {.it_interval.tv_nsec = MS};
    sigemptyset(&set_of_it);
    sigaddset(&set_of_it, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set_of_it, nullptr);
    CHECK(make(CLOCK_REALTIME, &asked));
    signal(SIGUSR1, asks);
    clock_gettime(CLOCK_REALTIME, &set.it_value);
    CHECK(timer_settime(asked, TIMER_ABSTIME, &set, nullptr) == 0);
    usleep(20000);
    CHECK(count == 0);
    sigprocmask(SIG_UNBLOCK, &set_of_it, nullptr);
    CHECK(count >= 1 && overrun >= 5);
    timer_delete(asked);
    signal(SIGUSR1, SIG_DFL);
}

static volatile int in_thread;
static void notice(union sigval from) {
    in_thread = from.sival_int;
}

TEST(a_timer_may_run_a_function_in_a_thread) {
    timer_t timer;
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notice, .sigev_value.sival_int = 5};
    const struct itimerspec set = {.it_value.tv_nsec = MS};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &set, nullptr) == 0);
    while (in_thread == 0) usleep(1000);
    CHECK(in_thread == 5 && timer_delete(timer) == 0);
}

static int in_child(void) {
    struct itimerspec seen;
    return syscall(SYS_timer_gettime, 0, &seen) == -1 && errno == EINVAL ? 0 : 1;
}

TEST(timers_are_checked_and_a_child_has_none) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
    const struct itimerspec wrong = {.it_value.tv_nsec = 1000 * MS};
    CHECK(timer_create(77, nullptr, &timer) == -1 && errno == EINVAL);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
    event.sigev_notify = 77;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
    CHECK(make(CLOCK_MONOTONIC, &timer));
    CHECK(timer_settime(timer, 0, &wrong, nullptr) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_timer_settime, 0, 0, (void *)16, nullptr) == -1 && errno == EFAULT);
    CHECK(status_of(in_child) == 0);
    timer_delete(timer);
}

TEST(a_timer_is_read_and_polled_as_a_file) {
    const int file = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec set = {.it_value.tv_nsec = 5 * MS, .it_interval.tv_nsec = MS}, seen;
    struct pollfd polled = {file, POLLIN, 0};
    uint64_t times = 0;
    CHECK(file >= 0 && read(file, &times, 8) == -1 && errno == EAGAIN);
    CHECK(timerfd_settime(file, 0, &set, nullptr) == 0 && poll(&polled, 1, 0) == 0);
    CHECK(timerfd_gettime(file, &seen) == 0 && seen.it_interval.tv_nsec == MS && seen.it_value.tv_nsec > 0);
    CHECK(poll(&polled, 1, -1) == 1 && polled.revents == POLLIN);
    usleep(5000);
    CHECK(read(file, &times, 4) == -1 && errno == EINVAL);
    CHECK(read(file, &times, 8) == 8 && times >= 4);
    fcntl(file, F_SETFL, 0);
    CHECK(read(file, &times, 8) == 8 && times >= 1); // waits
    set = (struct itimerspec){.it_value.tv_nsec = 1};
    CHECK(timerfd_settime(file, TFD_TIMER_ABSTIME, &set, nullptr) == 0); // long ago
    CHECK(read(file, &times, 8) == 8 && times == 1);
    CHECK(timerfd_settime(0, 0, &set, nullptr) == -1 && timerfd_create(77, 0) == -1 && errno == EINVAL);
    CHECK(write(file, &times, 8) == -1 && errno == EINVAL);
    close(file);
}
