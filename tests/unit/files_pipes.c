// SPDX-License-Identifier: MIT
// Pipes, named and not, and socket pairs: bytes in order, small writes whole, ends that go.
#include "tests/unit/files_fake.h"
#include "libos/unix/files/pipe.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(pipes, .init = fake_begin, .fini = fake_end);

static int ends[2];

static void make_pipe(uint32_t flags) {
    cr_assert_eq(CALL_OF(pipe2, P(ends), flags), 0);
}
static int64_t put(const void *bytes, size_t count) {
    return CALL_OF(write, ends[1], P(bytes), count);
}
static int64_t take(void *bytes, size_t count) {
    return CALL_OF(read, ends[0], P(bytes), count);
}
static void close_end(int end) {
    cr_assert_eq(CALL_OF(close, ends[end]), 0);
}

static int interrupted(struct wait_queue *) {
    return -EINTR;
}

Test(pipes, give_what_was_put_in) {
    char bytes[16] = {};
    make_pipe(0);
    cr_expect_eq(put("hello", 5), 5);
    cr_expect_eq(take(bytes, 3), 3);
    cr_expect_eq(take(bytes + 3, 10), 2);
    cr_expect_str_eq(bytes, "hello");
    cr_expect_eq(CALL_OF(lseek, ends[0], 0, 0), -ESPIPE);
    cr_expect_eq(CALL_OF(pread64, ends[0], P(bytes), 1, 0), -ESPIPE);
    cr_expect_eq(CALL_OF(read, ends[1], P(bytes), 1), -EBADF);
    cr_expect_eq(CALL_OF(write, ends[0], P(bytes), 1), -EBADF);
    cr_expect_eq(put(bytes, 0), 0);
    cr_expect_eq(CALL_OF(write, ends[1], FAKE_BAD - 1, 5), -EFAULT);
}

Test(pipes, end_when_the_writer_has_gone) {
    char byte;
    make_pipe(0);
    cr_expect_eq(put("x", 1), 1);
    close_end(1);
    cr_expect_eq(take(&byte, 1), 1);
    cr_expect_eq(take(&byte, 1), 0);
}

Test(pipes, break_when_the_reader_has_gone) {
    make_pipe(0);
    close_end(0);
    cr_expect_eq(put("x", 1), -EPIPE);
    cr_expect_eq(fake_signals, 1ull << SIGPIPE);
}

Test(pipes, that_would_wait_say_so_if_they_must_not) {
    char bytes[PIPE_ROOM + 10];
    memset(bytes, 1, sizeof(bytes));
    make_pipe(O_NONBLOCK);
    cr_expect_eq(take(bytes, 1), -EAGAIN);
    cr_expect_eq(put(bytes, sizeof(bytes)), PIPE_ROOM);
    cr_expect_eq(put(bytes, 1), -EAGAIN);
    cr_expect_eq(take(bytes, 100), 100);
    cr_expect_eq(put(bytes, 101), -EAGAIN, "a small write is whole or not at all");
    cr_expect_eq(put(bytes, 5000), 100, "a large one may be cut");
}

Test(pipes, that_wait_can_be_interrupted) {
    char byte;
    fake_asleep = interrupted;
    make_pipe(0);
    cr_expect_eq(take(&byte, 1), -EINTR);
    static char bytes[PIPE_ROOM + 1];
    cr_expect_eq(put(bytes, sizeof(bytes)), PIPE_ROOM, "what was written before counts");
    cr_expect_eq(put(bytes, 1), -EINTR);
}

// A reader wakes while a writer sleeps, and the other way round.
static size_t moved;
static int reader_takes(struct wait_queue *) {
    char bytes[1000];
    const int64_t count = take(bytes, sizeof(bytes));
    for (int64_t i = 0; i < count; i++) cr_assert_eq(bytes[i], (char)((moved + (size_t)i) % 100));
    moved += (size_t)count;
    return 0;
}

Test(pipes, long_writes_go_on_as_readers_make_room) {
    constexpr size_t bytes = 300'000;
    char *text = malloc(bytes);
    moved = 0;
    for (size_t i = 0; i < bytes; i++) text[i] = (char)(i % 100);
    make_pipe(0);
    fake_asleep = reader_takes;
    cr_expect_eq(put(text, bytes), (int64_t)bytes);
    while (moved < bytes) (void)reader_takes(nullptr);
    free(text);
}

static int reader_goes(struct wait_queue *) {
    close_end(0);
    return 0;
}

Test(pipes, a_writer_that_waits_learns_that_its_reader_has_gone) {
    static char bytes[PIPE_ROOM];
    make_pipe(0);
    cr_assert_eq(put(bytes, sizeof(bytes)), PIPE_ROOM);
    fake_asleep = reader_goes;
    cr_expect_eq(put(bytes, 10), -EPIPE);
}

static int writer_goes(struct wait_queue *) {
    close_end(1);
    return 0;
}

Test(pipes, a_reader_that_waits_learns_that_its_writer_has_gone) {
    char byte;
    make_pipe(0);
    fake_asleep = writer_goes;
    cr_expect_eq(take(&byte, 1), 0);
}

Test(pipes, tell_what_holds) {
    static char bytes[PIPE_ROOM];
    struct pollfd polled[2];
    make_pipe(0);
    polled[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
    polled[1] = (struct pollfd){.fd = ends[1], .events = POLLOUT};
    cr_expect_eq(CALL_OF(poll, P(polled), 2, 0), 1);
    cr_expect_eq(polled[0].revents, 0);
    cr_expect_eq(polled[1].revents, POLLOUT);
    cr_assert_eq(put(bytes, sizeof(bytes)), PIPE_ROOM);
    cr_expect_eq(CALL_OF(poll, P(polled), 2, 0), 1);
    cr_expect_eq(polled[0].revents, POLLIN);
    cr_expect_eq(polled[1].revents, 0);
    close_end(1);
    polled[1].fd = -1;
    cr_expect_eq(CALL_OF(poll, P(polled), 2, 1000), 1);
    cr_expect_eq(polled[0].revents, POLLIN | POLLHUP);
    close_end(0);
    make_pipe(0);
    close_end(0);
    polled[1].fd = ends[1];
    polled[0].fd = 1000;
    cr_expect_eq(CALL_OF(poll, P(polled), 2, -1), 2);
    cr_expect_eq(polled[0].revents, POLLNVAL);
    cr_expect_eq(polled[1].revents, POLLOUT | POLLERR);
}

Test(pipes, polling_waits_until_its_time) {
    struct pollfd polled;
    make_pipe(0);
    polled = (struct pollfd){.fd = ends[0], .events = POLLIN};
    const uint64_t before = fake_time;
    cr_expect_eq(CALL_OF(poll, P(&polled), 1, 250), 0);
    cr_expect_eq(fake_time, before + 250'000'000);
    fake_asleep = interrupted;
    cr_expect_eq(CALL_OF(poll, P(&polled), 1, -1), -EINTR);
}

Test(pipes, have_room_that_can_be_changed) {
    char bytes[10000], back[10000];
    for (unsigned i = 0; i < sizeof(bytes); i++) bytes[i] = (char)(i * 7);
    make_pipe(O_NONBLOCK);
    cr_expect_eq(CALL_OF(fcntl, ends[0], F_GETPIPE_SZ), PIPE_ROOM);
    cr_assert_eq(put(bytes, 3000), 3000);
    cr_assert_eq(take(back, 3000), 3000);
    cr_assert_eq(put(bytes, sizeof(bytes)), sizeof(bytes));
    cr_expect_eq(CALL_OF(fcntl, ends[1], F_SETPIPE_SZ, 4096), -EBUSY);
    cr_expect_eq(CALL_OF(fcntl, ends[1], F_SETPIPE_SZ, 12000), 16384);
    cr_expect_eq(take(back, sizeof(back)), sizeof(back));
    cr_expect_arr_eq(back, bytes, sizeof(bytes));
    cr_expect_eq(CALL_OF(fcntl, ends[1], F_SETPIPE_SZ, 100), 4096);
    cr_expect_eq(put(bytes, 5000), 4096);
    cr_expect_eq(CALL_OF(fcntl, ends[1], F_SETPIPE_SZ, 2 << 20), -EPERM);
    cr_expect_eq(CALL_OF(fcntl, ends[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
}

// What came out is what went in, whatever sizes and rooms: against a plain array.
Test(pipes, random_steps_keep_every_byte_in_its_place) {
    static uint8_t model[PIPE_ROOM_MOST];
    static uint8_t bytes[200'000];
    uint64_t state = 11;
    size_t count = 0;
    uint8_t next = 0;
    make_pipe(O_NONBLOCK);
    for (unsigned step = 0; step < 20'000; step++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const size_t wanted = (state >> 33) % (step % 50 == 0 ? 150'000 : 6000) + 1;
        const unsigned what = (unsigned)(state >> 28) % 32;
        if (what < 15) {
            for (size_t i = 0; i < wanted; i++) bytes[i] = (uint8_t)(next + i);
            const int64_t done = put(bytes, wanted);
            const size_t room = (size_t)CALL_OF(fcntl, ends[0], F_GETPIPE_SZ) - count;
            if (room == 0 || (wanted <= PIPE_BUF && room < wanted)) {
                cr_assert_eq(done, -EAGAIN);
                continue;
            }
            cr_assert_eq(done, (int64_t)(wanted < room ? wanted : room));
            memcpy(model + count, bytes, (size_t)done);
            count += (size_t)done;
            next = (uint8_t)(next + done);
        } else if (what < 31) {
            const int64_t done = take(bytes, wanted);
            if (count == 0) {
                cr_assert_eq(done, -EAGAIN);
                continue;
            }
            cr_assert_eq(done, (int64_t)(wanted < count ? wanted : count));
            cr_assert_arr_eq(bytes, model, (size_t)done);
            count -= (size_t)done;
            memmove(model, model + done, count);
        } else
            (void)CALL_OF(fcntl, ends[0], F_SETPIPE_SZ, wanted);
    }
}

// ---- Named pipes

static int open_other_end(struct wait_queue *) {
    fake_asleep = nullptr;
    ends[1] = fake_open("/fifo", O_WRONLY);
    return 0;
}

Test(pipes, with_a_name_wait_for_the_other_end) {
    char bytes[8] = {};
    cr_assert_eq(CALL_OF(mknod, P("/fifo"), S_IFIFO | 0600, 0), 0);
    cr_expect_eq(CALL_OF(open, P("/fifo"), O_WRONLY | O_NONBLOCK), -ENXIO);
    fake_asleep = open_other_end;
    ends[0] = fake_open("/fifo", O_RDONLY);
    cr_expect_eq(fake_sleeps, 1);
    cr_expect_eq(put("named", 5), 5);
    cr_expect_eq(take(bytes, 8), 5);
    cr_expect_str_eq(bytes, "named");
    close_end(1);
    cr_expect_eq(take(bytes, 8), 0);
    ends[1] = fake_open("/fifo", O_WRONLY | O_NONBLOCK);
    cr_expect_eq(put("again", 5), 5);
    cr_expect_eq(take(bytes, 8), 5);
}

Test(pipes, with_a_name_can_be_given_up_while_waiting) {
    cr_assert_eq(CALL_OF(mknod, P("/fifo"), S_IFIFO | 0600, 0), 0);
    fake_asleep = interrupted;
    cr_expect_eq(CALL_OF(open, P("/fifo"), O_RDONLY), -EINTR);
    cr_expect_eq(CALL_OF(open, P("/fifo"), O_WRONLY | O_NONBLOCK), -ENXIO, "that reader does not count");
    const int both = fake_open("/fifo", O_RDWR);
    char byte = 0;
    cr_expect_eq(CALL_OF(write, both, P("b"), 1), 1);
    cr_expect_eq(CALL_OF(read, both, P(&byte), 1), 1);
    cr_expect_eq(byte, 'b');
}

Test(pipes, with_a_name_have_not_ended_before_a_writer_came) {
    struct pollfd polled;
    char byte;
    cr_assert_eq(CALL_OF(mknod, P("/fifo"), S_IFIFO | 0600, 0), 0);
    ends[0] = fake_open("/fifo", O_RDONLY | O_NONBLOCK);
    polled = (struct pollfd){.fd = ends[0], .events = POLLIN};
    cr_expect_eq(CALL_OF(poll, P(&polled), 1, 0), 0);
    cr_expect_eq(take(&byte, 1), 0);
    ends[1] = fake_open("/fifo", O_WRONLY);
    cr_expect_eq(take(&byte, 1), -EAGAIN);
    close_end(1);
    cr_expect_eq(CALL_OF(poll, P(&polled), 1, 0), 1);
    cr_expect_eq(polled.revents, POLLHUP);
}

// ---- Socket pairs

Test(pipes, go_both_ways_in_a_pair_of_sockets) {
    int pair[2];
    char bytes[8] = {};
    cr_assert_eq(CALL_OF(socketpair, AF_UNIX, SOCK_STREAM, 0, P(pair)), 0);
    cr_expect_eq(CALL_OF(write, pair[0], P("to"), 2), 2);
    cr_expect_eq(CALL_OF(sendto, pair[1], P("back"), 4, 0, 0, 0), 4);
    cr_expect_eq(CALL_OF(recvfrom, pair[0], P(bytes), 8, 0, 0, 0), 4);
    cr_expect_str_eq(bytes, "back");
    cr_expect_eq(CALL_OF(read, pair[1], P(bytes), 8), 2);
    cr_expect_eq(CALL_OF(recvfrom, pair[1], P(bytes), 8, MSG_DONTWAIT, 0, 0), -EAGAIN);
    cr_expect_eq(CALL_OF(shutdown, pair[0], SHUT_WR), 0);
    cr_expect_eq(CALL_OF(read, pair[1], P(bytes), 8), 0);
    cr_expect_eq(CALL_OF(write, pair[0], P("x"), 1), -EPIPE);
    cr_expect_eq(CALL_OF(write, pair[1], P("x"), 1), 1, "the other way is open");
    cr_expect_eq(CALL_OF(close, pair[0]), 0);
    fake_signals = 0;
    cr_expect_eq(CALL_OF(sendto, pair[1], P("x"), 1, MSG_NOSIGNAL, 0, 0), -EPIPE);
    cr_expect_eq(fake_signals, 0);
    cr_expect_eq(CALL_OF(socket, AF_INET, SOCK_STREAM, 0), -EAFNOSUPPORT);
}
