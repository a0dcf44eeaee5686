// SPDX-License-Identifier: MIT
// Runs the tests; or, with arguments, is what they start with exec.
#include "tests/unix/check.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test *first, *last;
static int failures;
const char *self_path;
extern char **environ;

void test_add(struct test *test) {
    if (first == nullptr)
        first = test;
    else
        last->next = test;
    last = test;
}

void test_failed(const char *file, int line, const char *what) {
    printf("# %s:%d: not true: %s\n", file, line, what);
    failures++;
}

int status_of(int (*code)(void)) {
    int status = -1;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) _exit(code());
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

bool is_asleep(pid_t process) {
    char path[40], letter = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    FILE *file = fopen(path, "r");
    const bool read = file != nullptr && fscanf(file, "%*d (%*[^)]) %c", &letter) == 1;
    if (file != nullptr) fclose(file);
    return read && letter == 'S';
}

// What is done by name: `echo` prints its arguments and its environment; `ignores N` says by its status whether signal
// N is ignored; `blocks N`, blocked; `opened N`, whether a descriptor is open; `exit N`; `where`
// prints what /proc says that it is.
static int do_as(int argc, char **argv) {
    const int number = argc > 2 ? atoi(argv[2]) : 0;
    struct sigaction action;
    sigset_t mask;
    if (strcmp(argv[1], "exit") == 0) return number;
    if (strcmp(argv[1], "ignores") == 0) {
        sigaction(number, nullptr, &action);
        return action.sa_handler == SIG_IGN ? 1 : action.sa_handler == SIG_DFL ? 0 : 2;
    }
    if (strcmp(argv[1], "blocks") == 0) {
        sigprocmask(SIG_BLOCK, nullptr, &mask);
        return sigismember(&mask, number);
    }
    if (strcmp(argv[1], "opened") == 0) return lseek(number, 0, SEEK_CUR) >= 0;
    if (strcmp(argv[1], "where") == 0) {
        char path[300] = "";
        if (readlink("/proc/self/exe", path, sizeof(path) - 1) > 0) printf("%s", path);
        return 0;
    }
    for (int i = 0; i < argc; i++) printf("[%s]", argv[i]);
    for (char **each = environ; *each != nullptr; each++) printf("{%s}", *each);
    printf("\n");
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1) return do_as(argc, argv);
    self_path = (const char *)getauxval(AT_EXECFN);
    setvbuf(stdout, nullptr, _IONBF, 0);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL); // a shell's background job ignores SIGQUIT
    unsigned number = 0, failed = 0;
    for (const struct test *test = first; test != nullptr; test = test->next) {
        const int before = failures;
        test->run();
        number++;
        if (failures != before) failed++;
        printf("%sok %u - %s\n", failures != before ? "not " : "", number, test->name);
    }
    printf("1..%u\n", number);
    return failed != 0;
}
