// SPDX-License-Identifier: MIT
// Invariants: a page is accessible if and only if it is in `resident`; `kept` holds the contents of every other page
// that was ever touched. Dirty means that the contents differ from `kept`, so a page that was only read is clean.
#include "tests/unit/apps_pager.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

constexpr size_t PAGE = 4096, PAGES = 16384;

struct apps_pager_statistics apps_pager_statistics;

static char *memory, *kept; // PAGES pages each
static uint8_t touched[PAGES], has_contents[PAGES];
static size_t next_page;
static size_t resident[1024]; // ring: the oldest at `oldest`
static unsigned frames, used, oldest;
static enum apps_pager_defect defect;
static uint64_t strike_at;
static char *earlier; // contents of each page before its last write-back, for FORGETS

static void die(const char *why) {
    (void)!write(STDERR_FILENO, why, strlen(why));
    _exit(70);
}

static void evict(void) {
    size_t page = resident[oldest];
    char *at = memory + page * PAGE, *copy = kept + page * PAGE;
    if (memcmp(at, copy, PAGE) != 0) {
        memcpy(earlier + page * PAGE, copy, PAGE);
        memcpy(copy, at, PAGE);
        apps_pager_statistics.writebacks++;
        has_contents[page] = 1;
    }
    if (mprotect(at, PAGE, PROT_NONE) != 0) die("apps_pager: mprotect failed\n");
}

// Puts wrong contents into a page if the defect's time has come and the page lets it matter.
static void strike(size_t page, char *at) {
    char wrong[PAGE];
    if (defect == APPS_PAGER_SOUND || apps_pager_statistics.struck != 0) return;
    if (apps_pager_statistics.reloads < strike_at) return;
    memcpy(wrong, at, PAGE);
    if (defect == APPS_PAGER_LOSES) memset(wrong, 0, PAGE);
    if (defect == APPS_PAGER_MIXES_UP) memcpy(wrong, kept + (page == 0 ? 1 : page - 1) * PAGE, PAGE);
    if (defect == APPS_PAGER_FORGETS) memcpy(wrong, earlier + page * PAGE, PAGE);
    if (defect == APPS_PAGER_TEARS) memset(wrong + PAGE / 2, 0, PAGE / 2);
    if (defect == APPS_PAGER_FLIPS) wrong[strike_at * 2654435761u % PAGE] ^= (char)(1 << strike_at % 8);
    if (memcmp(wrong, at, PAGE) == 0) return;
    memcpy(at, wrong, PAGE);
    apps_pager_statistics.struck++;
}

static void on_fault(int, siginfo_t *info, void *) {
    uintptr_t address = (uintptr_t)info->si_addr;
    if (address < (uintptr_t)memory || address >= (uintptr_t)memory + PAGES * PAGE) die("apps_pager: wild access\n");
    size_t page = (address - (uintptr_t)memory) / PAGE;
    char *at = memory + page * PAGE;
    if (page >= next_page) die("apps_pager: access past what malloc handed out\n");
    if (used == frames) {
        evict();
    } else {
        used++;
    }
    resident[oldest] = page;
    oldest = (oldest + 1) % frames;
    if (mprotect(at, PAGE, PROT_READ | PROT_WRITE) != 0) die("apps_pager: mprotect failed\n");
    memcpy(at, kept + page * PAGE, PAGE);
    apps_pager_statistics.faults++;
    apps_pager_statistics.pages += !touched[page];
    touched[page] = 1;
    if (has_contents[page]) {
        apps_pager_statistics.reloads++;
        strike(page, at);
    }
}

static char *reserve(int protection) {
    char *range = mmap(nullptr, PAGES * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) die("apps_pager: no address space\n");
    return range;
}

void apps_pager_start(unsigned budget, enum apps_pager_defect wanted, uint64_t nth) {
    static char stack[1 << 16];
    if (memory != nullptr || budget == 0 || budget > 1024) die("apps_pager: started twice or with a wrong budget\n");
    memory = reserve(PROT_NONE);
    kept = reserve(PROT_READ | PROT_WRITE);
    earlier = reserve(PROT_READ | PROT_WRITE);
    frames = budget;
    defect = wanted;
    strike_at = nth;
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, nullptr);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &action, nullptr);
}

// Whole pages, never used again: a heap without headers, so that every word is the application's.
void *paged_malloc(size_t bytes) {
    if (memory == nullptr) return malloc(bytes);
    size_t pages = (bytes + PAGE - 1) / PAGE;
    if (pages > PAGES - next_page) return nullptr;
    void *at = memory + next_page * PAGE;
    next_page += pages;
    return at;
}

void paged_free(void *at) {
    if (memory == nullptr) free(at);
}

void *region_open(uint64_t pages, apps_pager_initial *initial) {
    if (memory == nullptr) apps_pager_start(1024, APPS_PAGER_SOUND, 0);
    size_t first = next_page;
    void *at = paged_malloc(pages * PAGE);
    for (size_t page = 0; at != nullptr && page < pages; page++) {
        initial(page, (uint64_t *)(void *)(kept + (first + page) * PAGE));
        memcpy(earlier + (first + page) * PAGE, kept + (first + page) * PAGE, PAGE);
        has_contents[first + page] = 1;
    }
    return at;
}
