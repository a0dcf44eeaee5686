// SPDX-License-Identifier: MIT
// What C libraries rarely ask of futexes: FUTEX_WAKE_OP, and where a thread's list of robust locks is.
#include "tests/unix/check.h"
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long wake_op(uint32_t *first, long most, uint32_t *second, long second_most, uint32_t code) {
    return syscall(SYS_futex, first, FUTEX_WAKE_OP, most, second_most, second, code);
}

// ---- what becomes of the second word

static bool makes(unsigned operation, uint32_t operand, uint32_t from, uint32_t to) {
    uint32_t first = 0, second = from;
    return wake_op(&first, 1, &second, 1, FUTEX_OP(operation, operand, FUTEX_OP_CMP_EQ, 0)) == 0 && second == to;
}

TEST(wake_op_changes_the_second_word) {
    CHECK(makes(FUTEX_OP_SET, 10, 12, 10));
    CHECK(makes(FUTEX_OP_ADD, 10, 12, 22));
    CHECK(makes(FUTEX_OP_OR, 10, 12, 14));
    CHECK(makes(FUTEX_OP_ANDN, 10, 12, 4));
    CHECK(makes(FUTEX_OP_XOR, 10, 12, 6));
    CHECK(makes(FUTEX_OP_ADD, 0xfff, 12, 11)); // 12 bits with a sign
    CHECK(makes(FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 5, 12, 32));
}

TEST(wake_op_refuses_bad_words_and_operations) {
    uint32_t first = 0, second = 3;
    const uint32_t code = FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0);
    CHECK(wake_op(&first, 1, (uint32_t *)8, 1, code) == -1 && errno == EFAULT);
    CHECK(wake_op((uint32_t *)8, 1, &second, 1, code) == -1 && errno == EFAULT);
    CHECK(wake_op(&first, 1, &second, 1, 7u << 28) == -1 && errno == ENOSYS);
}

// ---- who is woken

static uint32_t *words; // shared: two that are waited for, and what the second one was

static pid_t waits_for(uint32_t *word) {
    const pid_t child = fork();
    if (child == 0) {
        const uint32_t value = *word;
        _exit(syscall(SYS_futex, word, FUTEX_WAIT, value, nullptr, nullptr, 0) != 0);
    }
    while (!is_asleep(child)) usleep(1000);
    return child;
}

// With one who waits for each word, of which the second one is 12: how many are woken.
static long woken(unsigned comparison, uint32_t with) {
    words[0] = 1, words[1] = 12;
    const pid_t children[] = {waits_for(&words[0]), waits_for(&words[1])};
    const long count = wake_op(&words[0], 1, &words[1], 1, FUTEX_OP(FUTEX_OP_SET, 12, comparison, with & 0xfff));
    for (unsigned i = 0; i < 2; i++) kill(children[i], SIGKILL);
    while (wait(nullptr) > 0) {
    }
    return count;
}

TEST(wake_op_wakes_at_the_second_word_by_what_it_was) {
    words = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(words != MAP_FAILED);
    CHECK(woken(FUTEX_OP_CMP_EQ, 12) == 2 && woken(FUTEX_OP_CMP_EQ, 11) == 1);
    CHECK(woken(FUTEX_OP_CMP_NE, 12) == 1 && woken(FUTEX_OP_CMP_NE, 11) == 2);
    CHECK(woken(FUTEX_OP_CMP_LT, 12) == 1 && woken(FUTEX_OP_CMP_LT, 13) == 2);
    CHECK(woken(FUTEX_OP_CMP_LE, 12) == 2 && woken(FUTEX_OP_CMP_LE, 11) == 1);
    CHECK(woken(FUTEX_OP_CMP_GT, 12) == 1 && woken(FUTEX_OP_CMP_GT, (uint32_t)-1) == 2);
    CHECK(woken(FUTEX_OP_CMP_GE, 12) == 2 && woken(FUTEX_OP_CMP_GE, 13) == 1);
    CHECK(munmap(words, 4096) == 0);
}

// ---- robust locks

static int sets_and_gets_its_list(void) {
    static struct robust_list_head head = {.list = {&head.list}}, *found;
    size_t bytes = 0;
    if (syscall(SYS_set_robust_list, &head, sizeof head - 1) != -1 || errno != EINVAL) return 1;
    if (syscall(SYS_set_robust_list, &head, sizeof head) != 0) return 2;
    if (syscall(SYS_get_robust_list, 0, &found, &bytes) != 0) return 3;
    return found != &head || bytes != sizeof head;
}

TEST(a_thread_is_told_its_list_of_robust_locks) {
    CHECK(status_of(sets_and_gets_its_list) == 0);
}
