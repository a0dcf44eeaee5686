// SPDX-License-Identifier: MIT
// Locks of records and of files.
#include "tests/posix/cases.h"
#include <sys/file.h>

static void set_lock(int file, short type, off_t start, off_t length) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    SHOW(fcntl(file, F_SETLK, &lock));
}

static void test_lock(int file, short type, off_t start, off_t length) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    SHOW(fcntl(file, F_GETLK, &lock));
    printf("    type %d from %ld length %ld mine %d\n", lock.l_type, (long)lock.l_start, (long)lock.l_len,
           lock.l_pid == getppid());
}

static void in_child(void (*code)(int), int file) {
    int status;
    fflush(stdout);
    if (fork() == 0) {
        code(file);
        fflush(stdout);
        _exit(0);
    }
    wait(&status);
    SHOW(status);
}

static void other_locks(int file) {
    test_lock(file, F_WRLCK, 0, 0);
    test_lock(file, F_RDLCK, 0, 5);
    test_lock(file, F_WRLCK, 20, 0);
    set_lock(file, F_WRLCK, 5, 1);
    set_lock(file, F_RDLCK, 5, 1);
    set_lock(file, F_RDLCK, 12, 1);
    set_lock(file, F_WRLCK, 19, 100);
}

CASE(records_can_be_locked) {
    const int file = make_file("f", "0123456789");
    set_lock(file, F_WRLCK, 0, 10);
    set_lock(file, F_RDLCK, 12, 5);
    in_child(other_locks, file);
    set_lock(file, F_UNLCK, 4, 3);
    in_child(other_locks, file);
    close(dup(file)); // gives all up
    in_child(other_locks, file);
}

CASE(record_locks_check_their_arguments) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    make_file("f", "0123456789");
    const int file = open("f", O_RDONLY);
    SHOW(fcntl(file, F_SETLK, &lock));
    lock.l_type = 99;
    SHOW(fcntl(file, F_SETLK, &lock));
    lock.l_type = F_RDLCK;
    lock.l_whence = 99;
    SHOW(fcntl(file, F_SETLK, &lock));
    lock.l_whence = SEEK_END;
    lock.l_start = -20;
    SHOW(fcntl(file, F_SETLK, &lock));
    lock.l_start = -5;
    lock.l_len = -5;
    SHOW(fcntl(file, F_SETLK, &lock));
    lock.l_len = -6;
    SHOW(fcntl(file, F_SETLK, &lock));
    SHOW(fcntl(file, F_SETLK, BAD));
    SHOW(fcntl(-1, F_SETLK, &lock));
    lock.l_type = F_UNLCK;
    SHOW(fcntl(file, F_GETLK, &lock));
}

static void wait_for_lock(int file) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    SHOW(fcntl(file, F_SETLKW, &lock));
}

CASE(a_lock_is_waited_for) {
    int status, ends[2];
    char byte;
    const int file = make_file("f", "");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    SHOW(pipe(ends));
    fflush(stdout);
    if (fork() == 0) {
        fcntl(file, F_SETLK, &lock);
        (void)!write(ends[1], "x", 1);
        usleep(20000);
        _exit(0); // which gives it up
    }
    SHOW(read(ends[0], &byte, 1));
    wait_for_lock(file);
    wait(&status);
}

// Until a process waits for something.
static void await_sleep(pid_t pid) {
    char path[32], state = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    while (state != 'S') {
        FILE *stat = fopen(path, "r");
        if (stat == NULL || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) return;
        fclose(stat);
        usleep(1000);
    }
}

CASE(two_that_wait_for_each_other_are_told) {
    int status, to[2], from[2];
    char byte;
    const int file = make_file("f", "");
    struct flock first = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    struct flock second = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
    (void)!pipe(to), (void)!pipe(from);
    SHOW(fcntl(file, F_SETLK, &first));
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        fcntl(file, F_SETLK, &second);
        (void)!write(from[1], "x", 1);
        _exit(fcntl(file, F_SETLKW, &first) == 0 ? 0 : 1); // waits for its parent
    }
    SHOW(read(from[0], &byte, 1));
    await_sleep(child);
    SHOW(fcntl(file, F_SETLKW, &second));
    first.l_type = F_UNLCK;
    SHOW(fcntl(file, F_SETLK, &first));
    wait(&status);
    SHOW(status);
}

CASE(flock_belongs_to_the_open_file) {
    const int file = make_file("f", ""), other = open("f", O_RDWR);
    SHOW(flock(file, LOCK_EX | LOCK_NB));
    SHOW(flock(other, LOCK_SH | LOCK_NB));
    SHOW(flock(dup(file), LOCK_SH | LOCK_NB));
    SHOW(flock(other, LOCK_SH | LOCK_NB));
    SHOW(flock(other, LOCK_EX | LOCK_NB));
    SHOW(flock(file, LOCK_UN));
    SHOW(flock(other, LOCK_EX | LOCK_NB));
    SHOW(close(other));
    SHOW(flock(file, LOCK_EX | LOCK_NB));
    SHOW(flock(file, 16));
    SHOW(flock(-1, LOCK_EX));
}

// What a child is told of its parent's lock on the first byte.
static struct flock lock_seen(int file) {
    struct flock seen = {.l_type = F_WRLCK, .l_len = 1};
    int ends[2];
    if (pipe(ends) != 0) return seen;
    if (fork() == 0) {
        fcntl(file, F_GETLK, &seen);
        _exit(write(ends[1], &seen, sizeof(seen)) != sizeof(seen));
    }
    (void)!read(ends[0], &seen, sizeof(seen));
    wait(NULL);
    close(ends[0]);
    close(ends[1]);
    return seen;
}

CASE(locks_of_neighbours_are_one) {
    const int file = make_file("f", "");
    struct flock lock = {.l_type = F_WRLCK, .l_len = 10};
    SHOW(fcntl(file, F_SETLK, &lock));
    lock.l_start = 20;
    SHOW(fcntl(file, F_SETLK, &lock));
    SHOW(lock_seen(file).l_len);
    lock.l_start = 10;
    SHOW(fcntl(file, F_SETLK, &lock));
    SHOW(lock_seen(file).l_start);
    SHOW(lock_seen(file).l_len);
    const int reader = open("f", O_RDONLY), writer = open("f", O_WRONLY);
    SHOW(fcntl(reader, F_SETLK, &lock));
    lock.l_type = F_RDLCK;
    SHOW(fcntl(writer, F_SETLK, &lock));
    SHOW(fcntl(reader, F_SETLK, &lock));
}
