// SPDX-License-Identifier: MIT
// Runs the cases, each in a child in an empty directory below the given one: posix DIRECTORY [NAME…].
#include "tests/posix/cases.h"
#include <dirent.h>

static struct posix_case *cases;

void case_add(struct posix_case *added) {
    struct posix_case **at = &cases;
    while (*at != NULL && (strcmp((*at)->file, added->file) < 0
                           || (strcmp((*at)->file, added->file) == 0 && strcmp((*at)->name, added->name) < 0)))
        at = &(*at)->next;
    added->next = *at;
    *at = added;
}

static const struct {
    int number;
    const char *name;
} errors[] = {
#define ERROR(name) {name, #name}
    ERROR(EPERM),    ERROR(ENOENT),       ERROR(ESRCH),        ERROR(EINTR),     ERROR(EIO),    ERROR(ENXIO),
    ERROR(E2BIG),    ERROR(ENOEXEC),      ERROR(EBADF),        ERROR(ECHILD),    ERROR(EAGAIN), ERROR(ENOMEM),
    ERROR(EACCES),   ERROR(EFAULT),       ERROR(EBUSY),        ERROR(EEXIST),    ERROR(EXDEV),  ERROR(ENODEV),
    ERROR(ENOTDIR),  ERROR(EISDIR),       ERROR(EINVAL),       ERROR(EMFILE),    ERROR(ENOTTY), ERROR(EFBIG),
    ERROR(ENOSPC),   ERROR(ESPIPE),       ERROR(EROFS),        ERROR(EMLINK),    ERROR(EPIPE),  ERROR(ERANGE),
    ERROR(EDEADLK),  ERROR(ENAMETOOLONG), ERROR(ENOSYS),       ERROR(ENOTEMPTY), ERROR(ELOOP),  ERROR(EOVERFLOW),
    ERROR(ENOTSOCK), ERROR(EOPNOTSUPP),   ERROR(EAFNOSUPPORT), ERROR(ETIMEDOUT), ERROR(ENOLCK),
};

static const char *error_name(int number) {
    static char other[16];
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].number == number) return errors[i].name;
    snprintf(other, sizeof(other), "errno %d", number);
    return other;
}

void show(const char *call, long result) {
    if (result == -1 && errno != 0)
        printf("    %s = %s\n", call, error_name(errno));
    else
        printf("    %s = %ld\n", call, result);
}

void show_text(const char *what, const char *text) {
    printf("    %s: \"%s\"\n", what, text);
}

int make_file(const char *path, const char *contents) {
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    const ssize_t length = (ssize_t)strlen(contents);
    if (file < 0 || write(file, contents, (size_t)length) != length || lseek(file, 0, SEEK_SET) != 0) {
        printf("    %s cannot be made: %s\n", path, error_name(errno));
        fflush(stdout);
        _exit(1);
    }
    return file;
}

void show_file(const char *path) {
    char text[200] = "";
    const int file = open(path, O_RDONLY);
    const ssize_t length = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
    close(file);
    for (ssize_t i = 0; i < length; i++)
        if (text[i] == 0) text[i] = '.';
    show_text(path, length < 0 ? error_name(errno) : text);
}

void show_status(const char *path) {
    struct stat status;
    if (lstat(path, &status) != 0) {
        printf("    %s: %s\n", path, error_name(errno));
        return;
    }
    const int is_directory = S_ISDIR(status.st_mode);
    printf("    %s: mode %o links %d size %ld\n", path, status.st_mode, is_directory ? 0 : (int)status.st_nlink,
           is_directory ? 0L : (long)status.st_size);
}

static void remove_all(const char *path) {
    char inner[1024];
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0) {
            chmod(inner, 0700);
            remove_all(inner);
        }
    }
    if (directory != NULL) closedir(directory);
    rmdir(path);
}

static void run(const struct posix_case *one) {
    int status;
    printf("%s\n", one->name);
    fflush(stdout);
    if (mkdir("case", 0755) != 0) {
        printf("    its directory cannot be made: %s\n", error_name(errno));
        return;
    }
    const pid_t child = fork();
    if (child == 0) {
        if (chdir("case") == 0) one->run();
        fflush(stdout);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        printf("    no child: %s\n", error_name(errno));
    else if (status != 0)
        printf("    it ended with %x\n", status);
    remove_all("case");
}

static int is_wanted(const struct posix_case *one, int argc, char **argv) {
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], one->name) == 0) return 1;
    return argc <= 2 && (!one->root || geteuid() == 0);
}

int main(int argc, char **argv) {
    umask(022);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL); // a shell's background job ignores SIGQUIT
    if (argc < 2 || chdir(argv[1]) != 0) {
        fprintf(stderr, "posix DIRECTORY [CASE...]\n");
        return 2;
    }
    for (const struct posix_case *one = cases; one != NULL; one = one->next)
        if (is_wanted(one, argc, argv)) run(one);
    return 0;
}
