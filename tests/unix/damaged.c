// SPDX-License-Identifier: MIT
// Programs that are cut short or have wrong bytes in their headers: exec refuses them, or they come to an end of their
// own. Nobody else notices.
#include "tests/unix/check.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char *bytes;
static size_t size;
static const char copy[] = "/tmp/damaged";

static bool load(void) {
    const int file = open(self_path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) return false;
    size = (size_t)status.st_size;
    bytes = malloc(size);
    const bool whole = bytes != nullptr && read(file, bytes, size) == (ssize_t)size;
    close(file);
    return whole;
}

static bool store(const char *from, size_t count) {
    unlink(copy);
    const int file = open(copy, O_WRONLY | O_CREAT | O_EXCL, 0755);
    const bool whole = file >= 0 && write(file, from, count) == (ssize_t)count;
    close(file);
    return whole;
}

// Runs the copy: what exec said, as a status of 200 and the error; else how it ended.
static int run(void) {
    char *const words[] = {"x", "exit", "7", nullptr}, *const none[] = {nullptr};
    int status = -1;
    const pid_t child = fork();
    if (child == 0) {
        const struct itimerval end = {.it_value.tv_sec = 20}; // a program of wrong instructions may never end
        setitimer(ITIMER_VIRTUAL, &end, nullptr);
        const int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, 1);
        dup2(quiet, 2);
        execve(copy, words, none);
        _exit(errno == ENOEXEC ? 201 : errno == ENOMEM ? 202 : errno == EINVAL ? 203 : errno == ENOENT ? 204 : 205);
    }
    return waitpid(child, &status, 0) == child ? status : -1;
}

TEST(a_copy_of_a_program_runs) {
    CHECK(load());
    CHECK(store(bytes, size));
    CHECK(WEXITSTATUS(run()) == 7);
}

TEST(a_program_that_is_cut_short_is_refused_or_dies) {
    const size_t lengths[] = {0, 1, 4, 16, 63, 64, 65, 100, 200, 4095, 4096, 4097, size / 2, size - 1};
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        CHECK(store(bytes, lengths[i]));
        const int status = run();
        CHECK(status != -1);
        if (lengths[i] < 64) CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 201);
    }
}

static Elf64_Ehdr *header(char *of) {
    return (Elf64_Ehdr *)(void *)of;
}

static int with_header(void (*damage)(Elf64_Ehdr *)) {
    char *damaged = malloc(size);
    memcpy(damaged, bytes, size);
    damage(header(damaged));
    const bool stored = store(damaged, size);
    free(damaged);
    const int status = stored ? run() : -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void is_for_arm(Elf64_Ehdr *elf) {
    elf->e_machine = EM_AARCH64;
}
static void is_an_object(Elf64_Ehdr *elf) {
    elf->e_type = ET_REL;
}
static void has_no_table(Elf64_Ehdr *elf) {
    elf->e_phnum = 0;
}
static void has_a_far_table(Elf64_Ehdr *elf) {
    elf->e_phoff = 1ull << 60;
}
static void has_odd_entries(Elf64_Ehdr *elf) {
    elf->e_phentsize = 32;
}

TEST(a_wrong_header_is_ENOEXEC) {
    CHECK(with_header(is_for_arm) == 201);
    CHECK(with_header(is_an_object) == 201);
    CHECK(with_header(has_no_table) == 201);
    CHECK(with_header(has_odd_entries) == 201);
    const int far = with_header(has_a_far_table);
    CHECK(far == 201 || far == 203 || far == 205); // Linux's read of the table fails in its own way
}

// A program of three segments that does nothing but exit(7): wherever damaged headers make it begin, its other bytes
// are breakpoints, so that no harm is done on the system that runs this test.
enum { TINY = 3 * 4096 };
static void make_tiny(unsigned char *to) {
    static const unsigned char code[] = {0xbf, 7, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05}; // exit_group(7)
    const Elf64_Ehdr elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                            .e_type = ET_EXEC,
                            .e_machine = EM_X86_64,
                            .e_version = EV_CURRENT,
                            .e_entry = 0x401000,
                            .e_phoff = sizeof(elf),
                            .e_ehsize = sizeof(elf),
                            .e_phentsize = sizeof(Elf64_Phdr),
                            .e_phnum = 3};
    memset(to, 0xcc, TINY);
    memcpy(to, &elf, sizeof(elf));
    for (unsigned i = 0; i < 3; i++) {
        const Elf64_Phdr program = {.p_type = PT_LOAD,
                                    .p_flags = i == 0 ? PF_R : i == 1 ? PF_R | PF_X : PF_R | PF_W,
                                    .p_offset = i * 4096,
                                    .p_vaddr = 0x400000 + i * 4096,
                                    .p_filesz = 4096,
                                    .p_memsz = i == 2 ? 20000 : 4096,
                                    .p_align = 4096};
        memcpy(to + sizeof(elf) + i * sizeof(program), &program, sizeof(program));
    }
    memcpy(to + 4096, code, sizeof(code));
}

TEST(random_damage_to_headers_hurts_nobody_else) {
    static unsigned char tiny[TINY], damaged[TINY];
    uint32_t random = 12345;
    make_tiny(tiny);
    CHECK(store((const char *)tiny, TINY) && WEXITSTATUS(run()) == 7);
    for (int round = 0; round < 150; round++) {
        memcpy(damaged, tiny, TINY);
        const size_t area = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
        for (int i = 0; i < 1 + round % 4; i++) {
            random = random * 1664525 + 1013904223;
            const size_t at = 16 + (random >> 8) % (area - 16);
            random = random * 1664525 + 1013904223;
            damaged[at] = (unsigned char)(random >> 16);
        }
        CHECK(store((const char *)damaged, TINY));
        CHECK(run() != -1);
    }
    CHECK(store((const char *)tiny, TINY) && WEXITSTATUS(run()) == 7);
    unlink(copy);
}
