// SPDX-License-Identifier: MIT
// region_named: a region that the application declares by name, zero at first, so that a policy and frames can be given
// to it (assign.h). apps/region.h has it for applications.
//
// A region that the map of policies names is one of the pager's, with exactly its pages. All others share what the
// map's default gives: if the heap has no policy of its own either, they lie behind it in its region; else they lie in
// a region called "default". So without a map every page of the program is in one region, with one policy and all
// frames, which is what a map is to be measured against.
//
// Argument: declared=PAGES (8192) that there are for regions that the map does not name.
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/linked/unix.h"
#include <string.h>

void *region_named(const char *name, uint64_t pages);

// The application's, if it may declare regions (apps/region.h).
[[gnu::weak]] extern const char region_declares;

static struct {
    char name[ASSIGN_NAME + 1];
} declared[ASSIGN_MOST];
static unsigned declared_count;

static void *refuse(const char *name, uint64_t pages, const char *why) {
    print("job %lu: a region \"%.40s\" of %lu pages: %s\n", start->job, name, pages, why);
    return nullptr;
}

uint64_t declare_room(void) {
    return &region_declares == nullptr ? 0 : start_number("declared", 8192);
}

static const char *wrong_with(const char *name) {
    if (!assign_is_name(name)) return "its name is to be of a-z, 0-9 and '_', 32 at most, and not \"default\"";
    if (strcmp(name, "heap") == 0) return "the heap has that name";
    if (declared_count == ASSIGN_MOST) return "the program has declared too many regions";
    for (unsigned i = 0; i < declared_count; i++) {
        if (strcmp(declared[i].name, name) == 0) return "there is one of this name already";
    }
    return nullptr;
}

// A region of the pager's. Null: refused, and said why.
static char *attach(const char *name, uint64_t pages, const struct assigned *assigned) {
    char *first = memory_place(pages);
    if (first == nullptr) return refuse(name, pages, "no room in the address space");
    const struct swap_space swap = swap_take(pages);
    if (swap.blocks < pages) return refuse(name, pages, "no swap space for it on the disk");
    struct pager_options options = {.name = name, .first = {(uint64_t)first}, .pages = pages, .block = swap.block};
    memory_options(&options, assigned);
    return pager_attach(&options) == nullptr ? refuse(name, pages, pager_problem()) : first;
}

// The next pages of the region that all those share which the map does not name. Null: refused, and said why.
static char *shared(const char *name, uint64_t pages, const struct assigned *assigned) {
    static struct memory_range left;
    static bool known;
    if (!known) {
        if (memory_assigned("heap")->used) {
            const uint64_t room = declare_room();
            left = (struct memory_range){attach("default", room, assigned), room};
            if (left.first == nullptr) return nullptr;
        } else
            left = memory_beyond_heap();
        known = true;
    }
    if (pages > left.pages) return refuse(name, pages, "no room for it; the argument declared=PAGES makes more");
    char *first = left.first;
    left = (struct memory_range){first + pages * EXO_PAGE_SIZE, left.pages - pages};
    return first;
}

// Null: refused, and the console says why.
void *region_named(const char *name, uint64_t pages) {
    const char *wrong = pages == 0 ? "it has no pages" : wrong_with(name);
    if (wrong != nullptr) return refuse(name, pages, wrong);
    char *kept = strcpy(declared[declared_count].name, name);
    const struct assigned *assigned = memory_assigned(name);
    char *first = strcmp(assigned->name, name) == 0 ? attach(kept, pages, assigned) : shared(kept, pages, assigned);
    if (first == nullptr) return nullptr;
    declared_count++;
    const struct pager_region *region = pager_region_at(first);
    report("{\"event\":\"region\",\"job\":%lu,\"name\":\"%s\",\"first\":%lu,\"pages\":%lu}", start->job, name,
           pager_page_at(region, first), pages);
    return first;
}

void declare_leave(void) {
    const struct assignment *all = memory_assignment();
    for (unsigned i = 0; i + 1 < all->count; i++) {
        if (!all->of[i].used)
            print("job %lu: argument policy: the program has no region called %s\n", start->job, all->of[i].name);
    }
}
