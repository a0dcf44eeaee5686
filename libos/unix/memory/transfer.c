// SPDX-License-Identifier: MIT
// The requests of transfer.h. A page that failed to reach the disk from behind has nowhere else to be: it has
// PAGE_LOST, and bringing it gives -EIO; one that was written in place is dirty again.
#include "libos/unix/memory/transfer.h"
#include "libos/unix/memory/machine.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/once.h"
#include "libos/unix/memory/slots.h"
#include <errno.h>

constexpr uint32_t MOST = 48; // requests, below what the ring gives a client
constexpr uint32_t BATCH = 8; // writes behind that wait for a kick

enum kind : uint8_t { READ, BEHIND, IN_PLACE };

static struct request {
    uint32_t page, frame;
    enum kind kind;
    uint32_t next; // free or under way: index, or NONE
} request[MOST];
static uint32_t free_request, under_way[3], unkicked;
static uint32_t spare[TRANSFER_SPARES], spare_count;
static bool failed_writes;

void transfers_start(uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < MOST; i++)
        request[i] = (struct request){.page = NONE, .next = i + 1 < MOST ? i + 1 : NONE};
    free_request = under_way[READ] = under_way[BEHIND] = under_way[IN_PLACE] = unkicked = 0;
    for (spare_count = 0; spare_count < count; spare_count++) spare[spare_count] = first + spare_count;
    failed_writes = false;
}

static void kick(void) {
    if (unkicked != 0) machine_disk_kick();
    unkicked = 0;
}

// A page could not be written from behind. If it is in memory again, it is dirty again; else it is nowhere.
static void lose(uint32_t number) {
    struct page *page = &memory.page[number];
    const bool of_file = page->kind == PAGE_HELD && page->chunk->object->inode != nullptr;
    failed_writes |= of_file;
    if (!page_resident(number))
        page->flags |= PAGE_LOST;
    else if (page->kind == PAGE_HELD)
        object_dirty(number);
    else
        page->flags |= PAGE_DIRTY;
}

static void over(struct request *done, bool failed) {
    struct page *page = &memory.page[done->page];
    switch (done->kind) {
    case READ: page->flags |= failed ? PAGE_FAILED : 0; break;
    case BEHIND:
        page->flags &= (uint8_t)~PAGE_WRITING;
        if (failed) lose(done->page);
        spare[spare_count++] = done->frame;
        break;
    case IN_PLACE:
        page->flags &= (uint8_t)~PAGE_WRITING;
        failed_writes |= failed;
        page_unpin(done->page);
        if (failed)
            object_dirty(done->page);
        else
            once_written(done->page);
        break;
    }
    under_way[done->kind]--;
    done->page = NONE;
    done->next = free_request;
    free_request = (uint32_t)(done - request);
}

// Waits until one more transfer is over.
static void take_one(void) {
    uint32_t tag;
    enum exo_error error;
    kick();
    if (!machine_disk_take(&tag, &error)) machine_fail("the disk takes no request, and none is under way");
    over(&request[tag], error != EXO_OK);
}

static void put(uint32_t page, uint32_t frame, enum kind kind, uint64_t block) {
    while (free_request == NONE) take_one();
    const uint32_t tag = free_request;
    request[tag].page = page;
    request[tag].frame = frame;
    request[tag].kind = kind;
    const exo_frame number = {memory.frame_number[frame]};
    while (!machine_disk_put(kind == READ ? EXO_RING_READ : EXO_RING_WRITE, number, block, tag)) take_one();
    free_request = request[tag].next;
    under_way[kind]++;
    unkicked++;
    if (kind == READ)
        memory.count.reads++;
    else
        memory.count.writes++;
}

void transfer_read(uint32_t page, uint64_t block) {
    put(page, memory.slot[memory.page[page].slot].frame, READ, block);
}

void transfer_write_behind(uint32_t page, uint64_t block) {
    struct slot *slot = &memory.slot[memory.page[page].slot];
    while (spare_count == 0) take_one();
    memory.page[page].flags |= PAGE_WRITING;
    put(page, slot->frame, BEHIND, block);
    slot->frame = spare[--spare_count];
    if (unkicked >= BATCH) kick();
}

void transfer_write_in_place(uint32_t page, uint64_t block) {
    page_pin(page);
    memory.page[page].flags |= PAGE_WRITING;
    put(page, memory.slot[memory.page[page].slot].frame, IN_PLACE, block);
}

void transfer_rescue(uint32_t page, char *to) {
    for (uint32_t i = 0; i < MOST; i++)
        if (request[i].page == page && request[i].kind == BEHIND) page_copy(to, frame_memory(request[i].frame));
    memory.count.rescues++;
}

void transfer_wait(uint32_t page) {
    while (memory.page[page].flags & PAGE_WRITING) take_one();
}

void transfers_read_finish(void) {
    while (under_way[READ] != 0) take_one();
}

int transfers_write_finish(void) {
    while (under_way[BEHIND] + under_way[IN_PLACE] != 0) take_one();
    const bool failed = failed_writes;
    failed_writes = false;
    return failed ? -EIO : 0;
}
