// SPDX-License-Identifier: MIT
// Processes that are killed in the middle of what they do to files, pipes and locks: what they had synced is there,
// what others read is whole, nothing is held any more, and a bystander goes on all the time.
//
// They end themselves at a drawn number of steps, so that the moments are the same whatever else the machine does; who
// waits for ever is killed when it sleeps. As libos/unix interrupts library code only where it waits, that is
// everywhere.
#include "tests/torture/memory.h"
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20, RECORD = 1000, MESSAGE = 64, VERSION = 20000 };
static uint64_t state = 1;

static unsigned draw(unsigned below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

static struct shared {
    _Atomic unsigned synced;  // records, known to be on the disk
    _Atomic unsigned version; // of `current`, known to be on the disk
    _Atomic unsigned going;   // the bystander's
} *shared;
static unsigned steps_left[2]; // of who is killed, and of its second thread; 0: it does not end itself
enum { SELF, SECOND };
static int messages[2]; // a pipe that all write to

static void step(unsigned who) {
    if (steps_left[who] != 0 && --steps_left[who] == 0) kill(getpid(), SIGKILL);
}

static void send_message(unsigned char who, unsigned number) {
    unsigned char message[MESSAGE];
    memset(message, who, sizeof message);
    memcpy(message + 1, &number, sizeof number);
    if (write(messages[1], message, sizeof message) != sizeof message) _exit(9);
}

// ---- who is killed

static void append_record(int file, unsigned number) {
    static unsigned char record[RECORD];
    memset(record, (int)(number % 251), sizeof record);
    memcpy(record, &number, sizeof number);
    if (write(file, record, sizeof record) != sizeof record) _exit(10);
    step(SELF);
    if (number % 3 != 0) return;
    if (fsync(file) != 0) _exit(11);
    step(SELF);
    shared->synced = number + 1;
}

// As everyone should who replaces a file: another one, synced, takes its name.
static void replace_current(unsigned number) {
    static unsigned char bytes[VERSION];
    const int file = open("/tmp/next", O_RDWR | O_CREAT | O_TRUNC, 0644);
    memset(bytes, (int)(number % 251), sizeof bytes);
    memcpy(bytes, &number, sizeof number);
    step(SELF);
    if (write(file, bytes, sizeof bytes) != sizeof bytes) _exit(12);
    step(SELF);
    if (fsync(file) != 0) _exit(12);
    step(SELF);
    if (rename("/tmp/next", "/tmp/current") != 0 || close(file) != 0) _exit(13);
    step(SELF);
    const int folder = open("/tmp", O_RDONLY);
    if (fsync(folder) != 0 || close(folder) != 0) _exit(14);
    step(SELF);
    shared->version = number;
}

static void *writes_mapped(void *) {
    const int file = open("/tmp/mapped", O_RDWR | O_CREAT, 0644);
    if (ftruncate(file, 64 * 4096) != 0) _exit(15);
    char *memory = mmap(nullptr, 64 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) _exit(16);
    for (unsigned i = 0;; i++) {
        memory[(i % 64) * 4096] = (char)i;
        if (i % 10 == 0) step(SECOND);
        if (i % 50 == 0 && msync(memory, 64 * 4096, MS_SYNC) != 0) _exit(17);
    }
    return nullptr;
}

static void works_on_files(unsigned from) {
    pthread_t other;
    if (pthread_create(&other, nullptr, writes_mapped, nullptr) != 0) _exit(18);
    const int file = open("/tmp/log", O_WRONLY | O_APPEND);
    struct flock lock = {.l_type = F_WRLCK, .l_len = 100};
    for (unsigned i = from;; i++) {
        if (fcntl(file, F_SETLKW, &lock) != 0) _exit(19);
        step(SELF);
        if (flock(file, LOCK_EX) != 0) _exit(19);
        step(SELF);
        append_record(file, i);
        replace_current(i);
        send_message('w', i);
        step(SELF);
        if (flock(file, LOCK_UN) != 0) _exit(20);
        step(SELF);
    }
}

static void fills_a_pipe(unsigned) {
    static char bytes[100000];
    int ends[2];
    if (pipe(ends) != 0) _exit(21);
    while (write(ends[1], bytes, sizeof bytes) > 0) {
    }
}

static void waits_for_a_lock(unsigned) {
    const int file = open("/tmp/held", O_RDWR);
    struct flock lock = {.l_type = F_WRLCK};
    (void)!fcntl(file, F_SETLKW, &lock);
    _exit(22);
}

static void makes_and_removes(unsigned) {
    char name[64], other[64];
    for (unsigned i = 0;; i++) {
        snprintf(name, sizeof name, "/tmp/many/%u", i % 40);
        snprintf(other, sizeof other, "/tmp/many/%u", i * 7 % 40);
        const int file = open(name, O_CREAT | O_RDWR, 0644);
        step(SELF);
        (void)!close(file);
        (void)!rename(name, other);
        step(SELF);
        (void)!truncate(other, (off_t)(i % 9 * 9000));
        step(SELF);
        if (i % 3 == 0) unlink(other);
        if (i % 20 == 0) (void)!mkdir("/tmp/many/folder", 0755);
        if (i % 20 == 10) (void)!rmdir("/tmp/many/folder");
        step(SELF);
    }
}

static void forks_and_ends(unsigned) {
    while (true) {
        const pid_t child = fork();
        if (child == 0) _exit(0);
        step(SELF);
        if (child > 0) (void)!waitpid(child, nullptr, 0);
        step(SELF);
    }
}

// What they do, and within how many steps they end; 0: they wait for ever.
static const struct kind {
    void (*work)(unsigned records);
    unsigned steps, second_steps;
} kinds[] = {{works_on_files, 150, 0}, {works_on_files, 0, 60},     {fills_a_pipe, 0, 0},
             {waits_for_a_lock, 0, 0}, {makes_and_removes, 300, 0}, {forks_and_ends, 60, 0}};

// ---- what must hold afterwards

// All records up to the last synced one, and none that is wrong; a last one may have been cut off.
static bool log_is_right(unsigned *records) {
    static unsigned char record[RECORD];
    const int file = open("/tmp/log", O_RDWR);
    unsigned count = 0;
    ssize_t bytes;
    while ((bytes = read(file, record, RECORD)) == RECORD) {
        unsigned number;
        memcpy(&number, record, sizeof number);
        if (number != count || record[RECORD - 1] != number % 251 || record[sizeof number] != number % 251)
            return false;
        count++;
    }
    *records = count;
    struct flock lock = {.l_type = F_WRLCK};
    const bool free = fcntl(file, F_SETLK, &lock) == 0 && flock(file, LOCK_EX | LOCK_NB) == 0;
    const bool cut = ftruncate(file, (off_t)count * RECORD) == 0; // for the next one to go on
    if (!free || count < shared->synced) printf("# %u records, synced %u, locks %d\n", count, shared->synced, free);
    return close(file) == 0 && free && cut && count >= shared->synced;
}

// One whole version, no older than the last that was synced.
static bool current_is_whole(void) {
    static unsigned char bytes[VERSION + 1];
    unsigned number;
    const int file = open("/tmp/current", O_RDONLY);
    if (file < 0) return shared->version == 0 && errno == ENOENT;
    const bool whole = read(file, bytes, VERSION + 1) == VERSION;
    close(file);
    memcpy(&number, bytes, sizeof number);
    for (size_t i = sizeof number; whole && i < VERSION; i++)
        if (bytes[i] != number % 251) return false;
    return whole && number >= shared->version;
}

// Everything in the pipe: whole messages, each in its sender's order.
static bool messages_are_whole(void) {
    static unsigned next[256];
    unsigned char message[MESSAGE];
    unsigned number;
    ssize_t bytes;
    while ((bytes = read(messages[0], message, MESSAGE)) == MESSAGE) {
        memcpy(&number, message + 1, sizeof number);
        for (unsigned i = 1 + sizeof number; i < MESSAGE; i++)
            if (message[i] != message[0]) return false;
        if (number < next[message[0]]) return false;
        next[message[0]] = message[0] == 'b' ? number + 1 : 0; // the others begin again
    }
    return bytes == -1 && errno == EAGAIN;
}

static bool goes_on(void) {
    const unsigned before = shared->going;
    for (int i = 0; i < 1000 && shared->going == before; i++) {
        (void)messages_are_whole();
        usleep(1000);
    }
    return shared->going != before;
}

static pid_t begin_bystander(void) {
    const pid_t child = fork();
    if (child != 0) return child;
    for (unsigned i = 0;; i++) {
        send_message('b', i);
        shared->going++;
        usleep(500);
    }
}

static bool kill_one(unsigned round, unsigned records) {
    int status = -1;
    const struct kind *kind = &kinds[round % (sizeof kinds / sizeof *kinds)];
    const bool waits = kind->steps == 0 && kind->second_steps == 0;
    steps_left[SELF] = kind->steps == 0 ? 0 : 1 + draw(kind->steps);
    steps_left[SECOND] = kind->second_steps == 0 ? 0 : 1 + draw(kind->second_steps);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        kind->work(records);
        _exit(30);
    }
    while (waitpid(child, &status, WNOHANG) == 0) { // and what it sends is taken meanwhile
        if (!messages_are_whole() || (waits && is_asleep(child) && kill(child, SIGKILL) != 0)) return false;
        usleep(1000);
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) { // its own children, which are ours now
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) printf("# it ended with %#x\n", status);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(who_is_killed_leaves_all_whole_and_holds_nothing) {
    struct memory_now before = {};
    unsigned records = 0;
    shared = mmap(nullptr, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int held = open("/tmp/held", O_RDWR | O_CREAT, 0644);
    struct flock lock = {.l_type = F_WRLCK};
    CHECK(shared != MAP_FAILED && pipe2(messages, O_NONBLOCK) == 0 && fcntl(messages[1], F_SETFL, 0) == 0);
    CHECK(fcntl(held, F_SETLK, &lock) == 0 && mkdir("/tmp/many", 0755) == 0);
    CHECK(close(open("/tmp/log", O_RDWR | O_CREAT, 0644)) == 0);
    const pid_t bystander = begin_bystander();
    for (unsigned round = 0; round < (unsigned)(ROUNDS * torture()); round++) {
        CHECK(kill_one(round, records));
        CHECK(log_is_right(&records));
        CHECK(current_is_whole());
        CHECK(messages_are_whole());
        CHECK(goes_on());
        if (round == ROUNDS / 2) before = memory_now();
    }
    const struct memory_now after = memory_now();
    printf("# %u records, version %u; heap %ld kB, before %ld; available %ld kB, before %ld\n", records,
           shared->version, after.heap, before.heap, after.available, before.available);
    CHECK(records > 20 && shared->version > 20);
    CHECK(after.heap <= before.heap + 40 && after.available >= before.available - 200
          && after.swap >= before.swap - 200);
    CHECK(kill(bystander, SIGKILL) == 0 && waitpid(bystander, nullptr, 0) == bystander);
    char byte;
    CHECK(close(messages[1]) == 0 && messages_are_whole() == false
          && read(messages[0], &byte, 1) == 0); // nobody holds it
    CHECK(close(messages[0]) == 0 && close(held) == 0);
}
