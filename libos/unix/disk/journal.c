// SPDX-License-Identifier: MIT
// The journal: transactions in jbd2's format, so that Linux's tools replay them, too.
//
// A commit writes, in this order: the contents of fresh file blocks (the hook, in operation.c); revoke blocks,
// descriptors and copies of the dirty blocks, in the journal; a flush; the commit block; a flush. So a transaction
// whose commit block is on the disk is whole, and no file has a block whose contents were not written.
//
// The blocks then are *logged*: their home is older than the journal. A checkpoint writes them home, flushes, and lets
// the journal begin after the last transaction. It is made right after a commit, when no block is dirty: then the
// cache has just what the journal has. It empties the whole journal, so the log never has to be cut in pieces.
//
// A revoke record says: what the journal has of this block, up to this transaction, is not to be replayed. It is
// written for a block that was freed while it was logged, as file contents may be written to it afterwards.
#include "libos/unix/disk/journal_format.h"

uint64_t journal_block(const struct journal *journal, uint32_t index, uint32_t *run) {
    for (uint32_t i = 0; i < journal->run_count; i++) {
        const struct journal_run *each = &journal->runs[i];
        if (index - each->first >= each->count) continue;
        *run = each->count - (index - each->first);
        return each->block + (index - each->first);
    }
    return 0;
}

static int vector_write(struct filesystem *fs) {
    struct journal *journal = &fs->journal;
    if (!journal->vector_count) return 0;
    fs->statistics.writes += journal->vector_count;
    const int error = fs->disk->write(fs->disk, journal->vector_block, journal->vector, journal->vector_count);
    journal->vector_count = 0;
    return error;
}

// Puts a page where it goes on the disk, together with those before it if it follows them.
static int vector_put(struct filesystem *fs, uint64_t block, void *memory) {
    struct journal *journal = &fs->journal;
    if (journal->vector_count
        && (journal->vector_count == JOURNAL_VECTOR || block != journal->vector_block + journal->vector_count)) {
        const int error = vector_write(fs);
        if (error) return error;
    }
    if (!journal->vector_count) journal->vector_block = block;
    journal->vector[journal->vector_count++] = memory;
    return 0;
}

// The next block of the log.
static int log_put(struct filesystem *fs, void *memory) {
    struct journal *journal = &fs->journal;
    uint32_t run;
    const uint64_t block = journal_block(journal, journal->head, &run);
    journal->head = journal->head + 1 == journal->length ? journal->first : journal->head + 1;
    journal->free--;
    return vector_put(fs, block, memory);
}

// A page that is written with the vector, for what has no block of its own.
static int scratch(struct filesystem *fs, void **page) {
    struct journal *journal = &fs->journal;
    if (journal->scratch_used == JOURNAL_SCRATCH) {
        const int error = vector_write(fs);
        if (error) return error;
        journal->scratch_used = 0;
    }
    *page = memset(journal->scratch[journal->scratch_used++], 0, FS_BLOCK);
    return 0;
}

static int flush(struct filesystem *fs) {
    fs->statistics.flushes++;
    return fs->disk->flush(fs->disk);
}

static void header(struct journal_header *to, uint32_t kind, uint32_t sequence) {
    *to = (struct journal_header){BIG32(JOURNAL_MAGIC), BIG32(kind), BIG32(sequence)};
}

static int put_revokes(struct filesystem *fs) {
    struct journal *journal = &fs->journal;
    for (uint32_t done = 0; done < journal->revoked_count;) {
        struct journal_revoke *revoke;
        int error = scratch(fs, (void **)&revoke);
        if (error) return error;
        uint32_t count = journal->revoked_count - done;
        if (count > REVOKES_PER_BLOCK) count = REVOKES_PER_BLOCK;
        header(&revoke->header, JOURNAL_REVOKE, journal->sequence);
        revoke->bytes = BIG32((uint32_t)(sizeof *revoke + count * sizeof revoke->blocks[0]));
        for (uint32_t i = 0; i < count; i++) revoke->blocks[i] = BIG32((uint32_t)journal->revoked[done + i]);
        error = log_put(fs, revoke);
        if (error) return error;
        done += count;
    }
    journal->revoked_count = 0;
    return 0;
}

// The copy of a block. One that begins with the journal's magic number is written without it, and its tag says so.
static int put_copy(struct filesystem *fs, const struct block *block) {
    if (*(uint32_t *)block->memory != BIG32(JOURNAL_MAGIC)) return log_put(fs, block->memory);
    void *copy;
    const int error = scratch(fs, &copy);
    if (error) return error;
    memcpy((char *)copy + 4, (char *)block->memory + 4, FS_BLOCK - 4);
    return log_put(fs, copy);
}

// A descriptor and the copies that it describes; *block is the first that was left over.
static int put_some(struct filesystem *fs, struct block **block) {
    struct journal *journal = &fs->journal;
    struct journal_descriptor *descriptor;
    int error = scratch(fs, (void **)&descriptor);
    if (error) return error;
    header(&descriptor->header, JOURNAL_DESCRIPTOR, journal->sequence);
    char *at = descriptor->tags;
    const struct block *end = *block;
    for (bool first = true; end && at + TAG_BYTES <= (char *)descriptor + FS_BLOCK; end = end->next, first = false) {
        struct journal_tag tag = {.block = BIG32((uint32_t)end->number)};
        uint16_t flags = first ? 0 : TAG_SAME_UUID;
        if (*(uint32_t *)end->memory == BIG32(JOURNAL_MAGIC)) flags |= TAG_ESCAPED;
        if (!end->next || at + (first ? UUID_BYTES : 0) + 2 * TAG_BYTES > (char *)descriptor + FS_BLOCK)
            flags |= TAG_LAST;
        tag.flags = BIG16(flags);
        memcpy(at, &tag, TAG_BYTES);
        at += TAG_BYTES;
        if (first) {
            memcpy(at, ((struct journal_super *)journal->superblock)->uuid, UUID_BYTES);
            at += UUID_BYTES;
        }
    }
    error = log_put(fs, descriptor);
    for (; *block != end && !error; *block = (*block)->next) error = put_copy(fs, *block);
    return error;
}

static int put_commit(struct filesystem *fs) {
    struct journal_commit *commit;
    int error = scratch(fs, (void **)&commit);
    if (error) return error;
    const uint64_t now = fs_now(fs);
    header(&commit->header, JOURNAL_COMMIT, fs->journal.sequence);
    commit->seconds = BIG64(now / 1'000'000'000);
    commit->nanoseconds = BIG32((uint32_t)(now % 1'000'000'000));
    error = log_put(fs, commit);
    if (!error) error = vector_write(fs);
    return error ? error : flush(fs);
}

int journal_commit(struct filesystem *fs) {
    struct journal *journal = &fs->journal;
    struct block_list *dirty = &fs->cache.lists[BLOCK_DIRTY];
    fs->statistics.commits++;
    fs->statistics.logged += dirty->count;
    int error = put_revokes(fs);
    for (struct block *block = dirty->first; block && !error;) error = put_some(fs, &block);
    if (!error) error = vector_write(fs);
    if (!error) error = flush(fs);
    if (!error) error = put_commit(fs);
    journal->scratch_used = 0;
    if (error) return error;
    journal->sequence++;
    while (dirty->first) {
        dirty->first->logged = true;
        block_move(fs, dirty->first, BLOCK_LOGGED);
    }
    // The next transaction must fit, whatever it is.
    const uint32_t held = fs->cache.lists[BLOCK_LOGGED].count;
    if (journal->free < journal->most + journal->most / 128 + 16 || held > fs->cache.count / 2)
        return journal_checkpoint(fs);
    return 0;
}

static void sink(struct block **order, uint32_t at, uint32_t count) {
    struct block *sinking = order[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && order[child + 1]->number > order[child]->number) child++;
        if (order[child]->number <= sinking->number) break;
        order[at] = order[child];
    }
    order[at] = sinking;
}

// By their places on the disk, so that neighbours are written together: a heap sort. (libc's qsort is compiled with
// stack protection, which reads the thread pointer: that is a program's, in libos/unix.)
static void sort(struct block **order, uint32_t count) {
    for (uint32_t i = count / 2; i-- > 0;) sink(order, i, count);
    for (uint32_t i = count; i-- > 1;) {
        struct block *last = order[0];
        order[0] = order[i];
        order[i] = last;
        sink(order, 0, i);
    }
}

int journal_checkpoint(struct filesystem *fs) {
    struct journal *journal = &fs->journal;
    struct block_list *logged = &fs->cache.lists[BLOCK_LOGGED];
    const uint32_t count = logged->count;
    fs->statistics.checkpoints++;
    struct block **order = (struct block **)journal->revoked; // unused now, and as long as the cache
    uint32_t filled = 0;
    for (struct block *block = logged->first; block; block = block->next) order[filled++] = block;
    sort(order, count);
    int error = 0;
    for (uint32_t i = 0; i < count && !error; i++) error = vector_put(fs, order[i]->number, order[i]->memory);
    if (!error) error = vector_write(fs);
    if (!error) error = flush(fs);
    if (!error) error = journal_write_superblock(fs, journal->head);
    if (error) return error;
    journal->free = journal->length - journal->first;
    while (logged->first) {
        logged->first->logged = false;
        block_move(fs, logged->first, BLOCK_CLEAN);
    }
    return 0;
}

int journal_write_superblock(struct filesystem *fs, uint32_t start) {
    struct journal *journal = &fs->journal;
    struct journal_super *super = journal->superblock;
    super->sequence = BIG32(journal->sequence);
    super->start = BIG32(start);
    super->incompatible |= BIG32(JOURNAL_REVOKES);
    uint32_t run;
    int error = vector_put(fs, journal_block(journal, 0, &run), super);
    if (!error) error = vector_write(fs);
    return error ? error : flush(fs);
}
