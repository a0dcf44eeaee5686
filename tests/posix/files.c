// SPDX-License-Identifier: MIT
// Opening, reading and writing regular files.
#include "tests/posix/cases.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

CASE(open_what_is_not_there) {
    SHOW(open("none", O_RDONLY));
    SHOW(open("none/file", O_RDONLY | O_CREAT, 0644));
    SHOW(open("", O_RDONLY));
    SHOW(open("none/", O_RDONLY | O_CREAT, 0644));
    show_status("none");
}

CASE(open_makes_a_file_with_the_umasks_permissions) {
    SHOW(close(open("a", O_WRONLY | O_CREAT, 0777)) );
    umask(0);
    SHOW(close(open("b", O_WRONLY | O_CREAT, 0666)));
    umask(0777);
    SHOW(close(open("c", O_RDWR | O_CREAT, 0666)));
    show_status("a");
    show_status("b");
    show_status("c");
}

CASE(open_exclusively) {
    close(make_file("f", ""));
    SHOW(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644));
    SHOW(symlink("f", "link"));
    SHOW(open("link", O_WRONLY | O_CREAT | O_EXCL, 0644));
    SHOW(symlink("none", "dangling"));
    SHOW(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0644));
    SHOW(close(open("dangling", O_WRONLY | O_CREAT, 0644)));
    show_status("none");
}

CASE(open_truncates) {
    close(make_file("f", "contents"));
    SHOW(close(open("f", O_WRONLY | O_TRUNC)));
    show_status("f");
}

CASE(open_a_directory) {
    mkdir("d", 0755);
    SHOW(open("d", O_WRONLY));
    SHOW(open("d", O_RDWR));
    SHOW(open("d", O_RDONLY | O_CREAT, 0644));
    SHOW(open("d", O_RDONLY | O_TRUNC));
    SHOW(close(open("d", O_RDONLY | O_DIRECTORY)));
    close(make_file("f", ""));
    SHOW(open("f", O_RDONLY | O_DIRECTORY));
    SHOW(open("f/", O_RDONLY));
}

CASE(open_does_not_follow) {
    close(make_file("f", "x"));
    symlink("f", "l");
    symlink("l2", "l1");
    symlink("l1", "l2");
    SHOW(open("l", O_RDONLY | O_NOFOLLOW));
    SHOW(open("l1", O_RDONLY));
    SHOW(close(open("l", O_PATH | O_NOFOLLOW)));
}

CASE(open_path_only) {
    char byte;
    close(make_file("f", "x"));
    const int file = open("f", O_PATH);
    SHOW(read(file, &byte, 1));
    SHOW(write(file, "x", 1));
    SHOW(lseek(file, 0, SEEK_SET));
    SHOW(fchmod(file, 0600));
    SHOW(ftruncate(file, 0));
    SHOW(fsync(file));
    SHOW(fcntl(file, F_GETFL) & O_PATH);
    struct stat status;
    SHOW(fstat(file, &status));
    SHOW(close(dup(file)));
}

CASE(open_for_neither_is_for_nothing) {
    char byte;
    close(make_file("f", "x"));
    const int reads = open("f", O_RDONLY), writes = open("f", O_WRONLY);
    SHOW(write(reads, "x", 1));
    SHOW(read(writes, &byte, 1));
    SHOW(ftruncate(reads, 0));
    SHOW(pwrite(reads, "x", 1, 0));
    SHOW(pread(writes, &byte, 1, 0));
}

CASE(open_a_nameless_file) {
    char byte = 0;
    const int file = open(".", O_RDWR | O_TMPFILE, 0600);
    struct stat status;
    SHOW(write(file, "x", 1));
    SHOW(pread(file, &byte, 1, 0));
    SHOW(fstat(file, &status));
    SHOW(status.st_nlink);
    SHOW(open(".", O_RDONLY | O_TMPFILE, 0600));
}

CASE(read_what_is_there) {
    char text[16] = "";
    const int file = make_file("f", "hello world");
    SHOW(read(file, text, 5));
    show_text("text", text);
    SHOW(read(file, text, 16));
    SHOW(read(file, text, 16));
    SHOW(read(file, text, 0));
    SHOW(lseek(file, 100, SEEK_SET));
    SHOW(read(file, text, 16));
}

CASE(read_with_bad_arguments) {
    const int file = make_file("f", "hello");
    SHOW(read(file, BAD, 5));
    SHOW(read(file, BAD, 0));
    SHOW(read(-1, BAD, 5));
    SHOW(read(file, BAD, (size_t)-1));
    SHOW(read(1000, NULL, 0));
    SHOW(lseek(file, 0, SEEK_CUR));
    const int directory = open(".", O_RDONLY);
    char byte;
    SHOW(read(directory, &byte, 1));
}

CASE(write_with_bad_arguments) {
    const int file = make_file("f", "");
    SHOW(write(file, BAD, 5));
    SHOW(write(file, BAD, 0));
    SHOW(write(-1, "x", 1));
    SHOW(pwrite(file, "x", 1, -1));
    SHOW(write(file, BAD, (size_t)-1));
    show_status("f");
}

CASE(write_leaves_holes_of_zeros) {
    char text[8];
    const int file = make_file("f", "ab");
    SHOW(pwrite(file, "z", 1, 10000));
    SHOW(pread(file, text, 8, 4000));
    SHOW(text[0] | text[1] | text[7]);
    show_status("f");
    SHOW(lseek(file, 0, SEEK_CUR));
}

CASE(write_appends) {
    const int file = make_file("f", "one");
    const int end = open("f", O_WRONLY | O_APPEND);
    SHOW(write(end, "two", 3));
    SHOW(lseek(end, 0, SEEK_CUR));
    SHOW(lseek(end, 0, SEEK_SET));
    SHOW(write(end, "three", 5));
    SHOW(write(file, "ONE", 3));
    show_file("f");
    SHOW(fcntl(file, F_SETFL, O_APPEND));
    SHOW(write(file, "four", 4));
    SHOW(pwrite(file, "five", 4, 0)); // Linux appends this, too
    show_file("f");
}

CASE(offsets_are_shared_by_duplicates_and_children) {
    int status;
    const int file = make_file("f", "");
    const int other = dup(file);
    SHOW(write(file, "abc", 3));
    SHOW(lseek(other, 0, SEEK_CUR));
    if (fork() == 0) _exit(write(other, "def", 3) == 3 ? 0 : 1);
    SHOW(wait(&status) > 0);
    SHOW(lseek(file, 0, SEEK_CUR));
    const int apart = open("f", O_RDONLY);
    SHOW(lseek(apart, 0, SEEK_CUR));
    show_file("f");
}

CASE(lseek_goes_where_it_may) {
    const int file = make_file("f", "0123456789");
    SHOW(lseek(file, 3, SEEK_SET));
    SHOW(lseek(file, 3, SEEK_CUR));
    SHOW(lseek(file, -2, SEEK_END));
    SHOW(lseek(file, 100, SEEK_END));
    SHOW(lseek(file, -1, SEEK_SET));
    SHOW(lseek(file, -11, SEEK_END));
    SHOW(lseek(file, 0, 99));
    SHOW(lseek(-1, 0, SEEK_SET));
    SHOW(lseek(file, 0, SEEK_CUR));
    SHOW(lseek(file, 10, SEEK_DATA));
    SHOW(lseek(file, 2, SEEK_HOLE));
    SHOW(lseek(file, 2, SEEK_DATA));
}

CASE(pread_does_not_move) {
    char text[8] = "";
    const int file = make_file("f", "0123456789");
    SHOW(pread(file, text, 4, 5));
    show_text("text", text);
    SHOW(pread(file, text, 4, 9));
    SHOW(pread(file, text, 4, 10));
    SHOW(pread(file, text, 4, -1));
    SHOW(lseek(file, 0, SEEK_CUR));
}

CASE(vectors_are_one_read_or_write) {
    char a[4] = "", b[4] = "", c[10] = "";
    const struct iovec out[] = {{"one", 3}, {"", 0}, {"two", 3}}, in[] = {{a, 2}, {b, 3}, {c, 9}};
    const int file = make_file("f", "");
    SHOW(writev(file, out, 3));
    SHOW(lseek(file, 0, SEEK_SET));
    SHOW(readv(file, in, 3));
    show_text("a", a);
    show_text("b", b);
    show_text("c", c);
    SHOW(pwritev(file, out, 1, 4));
    SHOW(preadv(file, in, 1, 4));
    show_text("a", a);
    show_file("f");
}

CASE(vectors_with_bad_arguments) {
    char a[4];
    const struct iovec negative[] = {{a, 2}, {a, (size_t)-1}}, bad[] = {{BAD, 2}}, half[] = {{"ab", 2}, {BAD, 2}};
    const int file = make_file("f", "abcdef");
    SHOW(readv(file, negative, 2));
    SHOW(readv(file, bad, 1));
    SHOW(writev(file, bad, 1));
    SHOW(readv(file, BAD, 1));
    SHOW(readv(file, bad, 0));
    SHOW(readv(file, bad, -1));
    SHOW(readv(file, bad, 1025));
    SHOW(readv(-1, bad, 1));
    (void)half;
}

CASE(truncate_changes_the_length) {
    const int file = make_file("f", "0123456789");
    SHOW(ftruncate(file, 4));
    show_file("f");
    SHOW(ftruncate(file, 8));
    show_file("f");
    SHOW(truncate("f", 2));
    show_file("f");
    SHOW(truncate("f", 5000));
    show_status("f");
    SHOW(truncate("f", 0));
    show_status("f");
}

CASE(truncate_with_bad_arguments) {
    int ends[2];
    const int file = make_file("f", "x");
    mkdir("d", 0755);
    SHOW(ftruncate(file, -1));
    SHOW(truncate("f", -1));
    SHOW(truncate("none", 0));
    SHOW(truncate("d", 0));
    SHOW(truncate("f/x", 0));
    SHOW(truncate(BAD, 0));
    SHOW(ftruncate(-1, 0));
    SHOW(pipe(ends));
    SHOW(ftruncate(ends[1], 0));
}

CASE(fallocate_takes_room) {
    int ends[2];
    const int file = make_file("f", "abc");
    SHOW(posix_fallocate(file, 0, 100));
    show_status("f");
    show_file("f");
    SHOW(posix_fallocate(file, 0, 0));
    SHOW(posix_fallocate(file, -1, 10));
    SHOW(fallocate(file, 1, 0, 20000)); // FALLOC_FL_KEEP_SIZE
    show_status("f");
    SHOW(pipe(ends));
    SHOW(posix_fallocate(ends[1], 0, 10));
}

CASE(fsync_of_what_has_and_has_no_disk) {
    int ends[2];
    const int file = make_file("f", "abc"), directory = open(".", O_RDONLY);
    SHOW(fsync(file));
    SHOW(fdatasync(file));
    SHOW(fsync(directory));
    SHOW(fsync(-1));
    SHOW(pipe(ends));
    SHOW(fsync(ends[0]));
}

static volatile sig_atomic_t signals;
static void count_signal(int signal) {
    (void)signal;
    signals++;
}

CASE(a_limit_of_file_sizes_holds) {
    const struct rlimit limit = {.rlim_cur = 10, .rlim_max = 100};
    signal(SIGXFSZ, count_signal);
    const int file = make_file("f", "12345678");
    SHOW(lseek(file, 0, SEEK_END));
    SHOW(setrlimit(RLIMIT_FSIZE, &limit));
    SHOW(write(file, "abcd", 4));
    SHOW(signals);
    SHOW(write(file, "abcd", 4));
    SHOW(signals);
    SHOW(ftruncate(file, 11));
    SHOW(signals);
    SHOW(ftruncate(file, 5));
}

CASE(sendfile_and_copies) {

    off_t from = 2, to = 1;
    const int in = make_file("in", "0123456789"), out = make_file("out", "");
    SHOW(sendfile(out, in, &from, 4));
    SHOW(from);
    SHOW(lseek(in, 0, SEEK_CUR));
    show_file("out");
    SHOW(sendfile(out, in, NULL, 100));
    show_file("out");
    SHOW(sendfile(out, in, NULL, 100));
    SHOW(sendfile(-1, in, NULL, 100));
    SHOW(sendfile(out, -1, NULL, 100));
    from = 0;
    SHOW(copy_file_range(in, &from, out, &to, 3, 0));
    SHOW(to);
    show_file("out");
    SHOW(copy_file_range(in, NULL, in, NULL, 3, 1));
}

CASE(a_removed_file_lives_while_it_is_open) {
    char text[4] = "";
    struct stat status;
    const int file = make_file("f", "abc");
    SHOW(unlink("f"));
    SHOW(open("f", O_RDONLY));
    SHOW(read(file, text, 3));
    show_text("text", text);
    SHOW(fstat(file, &status));
    SHOW(status.st_nlink);
    SHOW(write(file, "more", 4));
    SHOW(ftruncate(file, 1));
}

CASE(large_files_have_large_offsets) {
    char text[4] = "";
    const int file = make_file("f", "");
    SHOW(pwrite(file, "end", 3, 5000000000));
    SHOW(lseek(file, 0, SEEK_END));
    SHOW(pread(file, text, 3, 5000000000));
    show_text("text", text);
    SHOW(ftruncate(file, 3));
    show_status("f");
}

CASE(a_million_bytes_come_back) {
    enum { BYTES = 1000000 };
    unsigned char *bytes = malloc(BYTES), *back = calloc(1, BYTES);
    unsigned value = 1;
    for (int i = 0; i < BYTES; i++) bytes[i] = (unsigned char)((value = value * 1103515245 + 12345) >> 16);
    const int file = make_file("f", "");
    SHOW(write(file, bytes, BYTES));
    SHOW(pread(file, back, BYTES, 0));
    SHOW(memcmp(bytes, back, BYTES));
    SHOW(pwrite(file, bytes, 5001, 777777));
    SHOW(pread(file, back, 5001, 777777));
    SHOW(memcmp(bytes, back, 5001));
}
