// SPDX-License-Identifier: MIT
// What starting a program costs, and that what is kept of it between two starts is that program: starts a copy of
// itself again and again, which ends with a number that stands in its code, and changes the number in each way that
// libos/unix has. (Linux refuses to start a file that is open for writing.) Prints the statuses of all, and the
// instructions of the first and of those that find it unchanged.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char copy[] = "/tmp/copy";

int number(void);
extern const char number_code[];
__asm__(".text; .type number, @function; number: movl $10, %eax; ret; .size number, . - number;"
        "number_code: .ascii \"number in code\"");
enum { BEFORE = 5 }; // bytes from the number to number_code

static unsigned long now(void) {
    return __builtin_ia32_rdtsc();
}

static int start(void) {
    int status;
    const pid_t child = fork();
    if (child == 0) {
        execl(copy, copy, "child", nullptr);
        _exit(99);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Where the number lies in the copy.
static off_t copy_made(void) {
    static char bytes[1 << 20];
    const int from = open("/proc/self/exe", O_RDONLY), to = open(copy, O_RDWR | O_CREAT | O_TRUNC, 0755);
    const ssize_t count = read(from, bytes, sizeof bytes);
    if (count <= 0 || write(to, bytes, (size_t)count) != count) return -1;
    const char *found = memmem(bytes, (size_t)count, number_code, strlen("number in code"));
    close(from);
    close(to);
    return found == nullptr ? -1 : found - bytes - BEFORE;
}

int main(int count, char **) {
    if (count > 1) return number();
    const off_t place = copy_made();
    if (place < 0) return 1;
    unsigned long first = now();
    printf("statuses %d", start());
    first = now() - first;
    unsigned long later = 0;
    for (unsigned i = 0; i < 3; i++) {
        const unsigned long begun = now();
        const int status = start();
        later = now() - begun;
        printf(" %d", status);
    }
    const int file = open(copy, O_RDWR);
    printf(" %d", pwrite(file, "\24", 1, place) == 1 ? start() : -1);
    const off_t page = place & -4096;
    volatile char *one = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, page);
    for (char value = 30; value < 50; value += 10) { // the page can be written to from the first time on
        one[place - page] = value;
        printf(" %d", start());
    }
    volatile char *other = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, page);
    printf(" %d", other[place - page]);
    other[place - page] = 50;
    printf(" %d\nfirst %lu\nlater %lu\n", start(), first, later);
    void *code = (void *)((uintptr_t)number & -4096ul);
    const bool writes = mprotect(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
    printf("code can be written: %d\n", writes ? 0 : errno);
    return number() != 10;
}
