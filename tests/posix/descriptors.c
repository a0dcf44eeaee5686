// SPDX-License-Identifier: MIT
// Descriptors: their numbers, flags and limits; devices, /proc.
#include "tests/posix/cases.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <termios.h>

CASE(the_least_number_is_taken) {
    const int a = make_file("a", ""), b = make_file("b", "");
    SHOW(b - a);
    SHOW(close(a));
    SHOW(dup(b) - a);
    SHOW(close(100));
    SHOW(close(-1));
    SHOW(close(a));
    SHOW(close(a));
}

CASE(dup_gives_another_number) {
    const int file = make_file("f", "");
    SHOW(dup2(file, 50));
    SHOW(write(50, "x", 1));
    SHOW(lseek(file, 0, SEEK_CUR));
    SHOW(dup2(file, file) - file);
    SHOW(dup2(-1, 51));
    SHOW(dup2(60, 60));
    SHOW(dup2(file, -1));
    SHOW(dup2(file, 1 << 20));
    SHOW(dup(-1));
    SHOW(dup3(file, 52, O_CLOEXEC));
    SHOW(fcntl(52, F_GETFD));
    SHOW(dup3(file, file, 0));
    SHOW(dup3(file, 53, 1));
    SHOW(dup2(file, 52));
    SHOW(fcntl(52, F_GETFD));
}

CASE(fcntl_duplicates_and_marks) {
    const int file = make_file("f", "");
    SHOW(fcntl(file, F_DUPFD, 40));
    SHOW(fcntl(file, F_DUPFD, 40));
    SHOW(fcntl(file, F_DUPFD_CLOEXEC, 40));
    SHOW(fcntl(42, F_GETFD));
    SHOW(fcntl(41, F_GETFD));
    SHOW(fcntl(41, F_SETFD, FD_CLOEXEC));
    SHOW(fcntl(41, F_GETFD));
    SHOW(fcntl(40, F_GETFD));
    SHOW(fcntl(file, F_DUPFD, -1));
    SHOW(fcntl(file, F_DUPFD, 1 << 20));
    SHOW(fcntl(-1, F_GETFD));
    SHOW(fcntl(file, 9999));
}

CASE(fcntl_changes_flags_that_can_be) {
    const int file = open("f", O_CREAT | O_WRONLY | O_APPEND, 0644);
    SHOW(fcntl(file, F_GETFL) & ~0100000);
    SHOW(fcntl(file, F_SETFL, O_NONBLOCK | O_RDWR | O_CREAT));
    SHOW(fcntl(file, F_GETFL) & ~0100000);
    const int other = dup(file);
    SHOW(fcntl(other, F_GETFL) & ~0100000);
}

CASE(close_range_closes_many) {
    const int file = make_file("f", "");
    dup2(file, 20);
    dup2(file, 21);
    dup2(file, 25);
    SHOW(syscall(436, 20, 22, 0));
    SHOW(fcntl(20, F_GETFD));
    SHOW(fcntl(21, F_GETFD));
    SHOW(fcntl(25, F_GETFD));
    SHOW(syscall(436, 25, ~0u, 4));
    SHOW(fcntl(25, F_GETFD));
    SHOW(syscall(436, 5, 4, 0));
    SHOW(syscall(436, 5, 6, 64));
}

CASE(a_limit_of_descriptors_holds) {
    struct rlimit limit;
    const int file = make_file("f", "");
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)file + 3;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    SHOW(dup(file) - file);
    SHOW(dup(file) - file);
    SHOW(dup(file));
    SHOW(open("f", O_RDONLY));
    SHOW(open("g", O_RDONLY | O_CREAT, 0644));
    show_status("g");
    int ends[2];
    SHOW(pipe(ends));
    SHOW(dup2(file, file + 3));
    SHOW(dup2(file, file + 2) - file);
    SHOW(fcntl(file, F_DUPFD, file + 3));
    limit.rlim_cur = (rlim_t)file + 5;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    SHOW(dup(file) - file);
}

CASE(many_descriptors) {
    const int file = make_file("f", "");
    int made = 0;
    while (made < 500 && dup(file) >= 0) made++;
    SHOW(made);
}

CASE(a_counter_is_read_and_written) {
    uint64_t value = 5;
    const int counter = eventfd(3, EFD_NONBLOCK), semaphore = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
    SHOW(write(counter, &value, 8));
    SHOW(read(counter, &value, 8));
    SHOW(value);
    SHOW(read(counter, &value, 8));
    SHOW(read(counter, &value, 4));
    SHOW(write(counter, &value, 4));
    value = -1ul;
    SHOW(write(counter, &value, 8));
    value = -2ul;
    SHOW(write(counter, &value, 8));
    value = 1;
    SHOW(write(counter, &value, 8));
    SHOW(read(semaphore, &value, 8));
    SHOW(value);
    SHOW(read(semaphore, &value, 8));
    SHOW(read(semaphore, &value, 8));
    SHOW(eventfd(0, 12345));
}

CASE(a_file_of_memory) {
    char text[8] = "";
    const int file = (int)syscall(319, "name", 1);
    SHOW(write(file, "memory", 6));
    SHOW(pread(file, text, 6, 0));
    show_text("text", text);
    SHOW(ftruncate(file, 3));
    SHOW(lseek(file, 0, SEEK_END));
    SHOW(fcntl(file, F_GETFD));
    SHOW(syscall(319, "name", 0x8000));
    SHOW(syscall(319, BAD, 0));
}

CASE(what_is_no_terminal_says_so) {
    struct termios settings;
    struct winsize size;
    int ends[2], count = -1;
    const int file = make_file("f", "12345");
    SHOW(isatty(file));
    SHOW(tcgetattr(file, &settings));
    SHOW(ioctl(file, TIOCGWINSZ, &size));
    SHOW(ioctl(file, FIONREAD, &count));
    SHOW(count);
    SHOW(pipe(ends));
    SHOW(isatty(ends[0]));
    SHOW(write(ends[1], "123", 3));
    SHOW(ioctl(ends[0], FIONREAD, &count));
    SHOW(count);
    SHOW(ioctl(ends[0], TCGETS, &settings));
    SHOW(ioctl(-1, FIONREAD, &count));
    SHOW(ioctl(file, 0x12345678, &count));
    SHOW(ioctl(file, FIOCLEX, 0));
    SHOW(fcntl(file, F_GETFD));
}

CASE(devices_do_what_they_should) {
    char bytes[8] = "1234567";
    const int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
    SHOW(read(null, bytes, 8));
    SHOW(write(null, bytes, 8));
    SHOW(read(zero, bytes, 4));
    SHOW(bytes[0] + bytes[3]);
    SHOW(bytes[4]);
    SHOW(write(zero, bytes, 8));
    SHOW(write(full, bytes, 8));
    SHOW(read(full, bytes, 8));
    SHOW(read(open("/dev/urandom", O_RDONLY), bytes, 8));
    SHOW(lseek(null, 100, SEEK_SET));
    SHOW(read(zero, BAD, 8));
    SHOW(open("/dev/none", O_RDONLY));
    SHOW(isatty(null));
    struct stat status;
    SHOW(fstat(null, &status));
    SHOW(S_ISCHR(status.st_mode));
    SHOW(status.st_rdev);
    char text[8] = "";
    dup2(make_file("f", "through"), 77);
    SHOW(read(open("/dev/fd/77", O_RDONLY), text, 7));
    show_text("text", text);
}

CASE(processes_are_seen_as_files) {
    char text[300] = "", link[300] = "";
    show_file("/proc/self/comm");
    SHOW(access("/proc/self/stat", R_OK));
    SHOW(access("/proc/self/none", R_OK));
    SHOW(access("/proc/999999", F_OK));
    SHOW(open("/proc/self/stat", O_WRONLY) < 0);
    SHOW(readlink("/proc/self/cwd", link, sizeof(link)) > 0);
    SHOW(strcmp(link + strlen(link) - 5, "/case"));
    const int file = make_file("f", "");
    snprintf(text, sizeof(text), "/proc/self/fd/%d", file);
    memset(link, 0, sizeof(link));
    SHOW(readlink(text, link, sizeof(link)) > 0);
    SHOW(strcmp(link + strlen(link) - 7, "/case/f"));
    strcat(text, "/");
    SHOW(open(text, O_RDONLY));
    snprintf(text, sizeof(text), "/proc/self/fd/%d", file + 1);
    SHOW(readlink(text, link, sizeof(link)));
    int pid = 0;
    char state = 0;
    FILE *stat = fopen("/proc/self/stat", "r");
    SHOW(fscanf(stat, "%d (posix) %c", &pid, &state));
    SHOW(pid == getpid());
    SHOW(state);
    const pid_t child = fork();
    if (child == 0) _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    snprintf(text, sizeof(text), "/proc/%d/stat", child);
    stat = fopen(text, "r");
    SHOW(fscanf(stat, "%d (posix) %c", &pid, &state));
    SHOW(state);
}

// What /proc/self/fd says of a descriptor, in the case's directory.
static void show_link(const char *what, int descriptor) {
    char name[40], place[300], link[300] = "";
    snprintf(name, sizeof(name), "/proc/self/fd/%d", descriptor);
    const long length = readlink(name, link, sizeof(link) - 1);
    const size_t before = strlen(getcwd(place, sizeof(place)));
    show_text(what, length > (long)before && strncmp(link, place, before) == 0 ? link + before : link);
}

CASE(open_files_have_paths_without_links_and_dots) {
    mkdir("d", 0755);
    mkdir("d/e", 0755);
    symlink("d", "l");
    const int file = open("l/e/.././e/f", O_RDWR | O_CREAT, 0644);
    show_link("a file", file);
    show_link("a link", open("l", O_PATH | O_NOFOLLOW));
    show_link("a directory", open("l/e/.", O_RDONLY));
    show_link("a device", open("/dev/null", O_RDWR));
    unlink("d/e/f");
    show_link("one that was removed", file);
}
