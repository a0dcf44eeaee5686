// SPDX-License-Identifier: MIT
// Finding the journal, and replaying it after a crash.
//
// The log is walked three times, as far as its transactions are whole: to find its end, to collect what was revoked,
// and to write the copies home. Replay may be interrupted anywhere and done again.
#include "libos/unix/disk/journal_format.h"

enum pass { PASS_END, PASS_REVOKED, PASS_WRITE };

struct revoked {
    uint32_t block, sequence; // block 0: unused
};

struct walk {
    struct filesystem *fs;
    enum pass pass;
    uint32_t at, sequence, left; // left: blocks of the log that the walk has not seen
    uint32_t end;                // sequence of the first transaction that is not whole
    uint32_t revokes;            // counted while looking for the end
    struct revoked *revoked;     // a hash table
    uint32_t revoked_mask;
    char *page, *copy;
};

// Does this transaction or a later one say not to replay the block?
static struct revoked *revoked_slot(const struct walk *walk, uint32_t block) {
    uint32_t at = block * 2654435761u & walk->revoked_mask;
    while (walk->revoked[at].block && walk->revoked[at].block != block) at = (at + 1) & walk->revoked_mask;
    return &walk->revoked[at];
}

// The next block of the log; null: it is passed over.
static int log_read(struct walk *walk, void *page) {
    struct journal *journal = &walk->fs->journal;
    uint32_t run;
    const uint64_t block = journal_block(journal, walk->at, &run);
    walk->at = walk->at + 1 == journal->length ? journal->first : walk->at + 1;
    walk->left--;
    if (!page) return 0;
    walk->fs->statistics.reads++;
    return walk->fs->disk->read(walk->fs->disk, block, page);
}

static int write_home(struct walk *walk, uint32_t block, bool escaped) {
    const struct revoked *revoked = walk->revoked ? revoked_slot(walk, block) : nullptr;
    if (revoked && revoked->block && (int32_t)(revoked->sequence - walk->sequence) >= 0) return 0;
    if (escaped) *(uint32_t *)walk->copy = BIG32(JOURNAL_MAGIC);
    walk->fs->statistics.writes++;
    return walk->fs->disk->write(walk->fs->disk, block, (void *[]){walk->copy}, 1);
}

// The copies behind a descriptor. 1: it makes no sense, the log ends before this transaction.
static int walk_descriptor(struct walk *walk) {
    size_t at = sizeof(struct journal_header);
    for (bool last = false; !last;) {
        struct journal_tag tag;
        if (at + TAG_BYTES > FS_BLOCK || !walk->left) return 1;
        memcpy(&tag, walk->page + at, TAG_BYTES);
        at += TAG_BYTES;
        const uint16_t flags = BIG16(tag.flags);
        if (!(flags & TAG_SAME_UUID)) at += UUID_BYTES;
        last = flags & TAG_LAST;
        if (BIG32(tag.block) >= walk->fs->disk->blocks) return 1;
        int error = log_read(walk, walk->pass == PASS_WRITE ? walk->copy : nullptr);
        if (!error && walk->pass == PASS_WRITE) error = write_home(walk, BIG32(tag.block), flags & TAG_ESCAPED);
        if (error) return error;
    }
    return 0;
}

static int walk_revoke(struct walk *walk) {
    const struct journal_revoke *revoke = (void *)walk->page;
    const uint32_t bytes = BIG32(revoke->bytes);
    if (bytes < sizeof *revoke || bytes > FS_BLOCK) return 1;
    const uint32_t count = (bytes - (uint32_t)sizeof *revoke) / 4;
    walk->revokes += count;
    for (uint32_t i = 0; walk->pass == PASS_REVOKED && i < count; i++) {
        const uint32_t block = BIG32(revoke->blocks[i]);
        if (!block) continue;
        struct revoked *slot = revoked_slot(walk, block);
        if (!slot->block || (int32_t)(walk->sequence - slot->sequence) > 0)
            *slot = (struct revoked){block, walk->sequence};
    }
    return 0;
}

// One transaction. 1: it is not whole.
static int walk_transaction(struct walk *walk) {
    while (walk->left) {
        int error = log_read(walk, walk->page);
        if (error) return error;
        const struct journal_header *header = (void *)walk->page;
        if (BIG32(header->magic) != JOURNAL_MAGIC || BIG32(header->sequence) != walk->sequence) return 1;
        switch (BIG32(header->kind)) {
        case JOURNAL_COMMIT: return 0;
        case JOURNAL_DESCRIPTOR: error = walk_descriptor(walk); break;
        case JOURNAL_REVOKE: error = walk_revoke(walk); break;
        default: return 1;
        }
        if (error) return error;
    }
    return 1;
}

static int walk_log(struct walk *walk, enum pass pass) {
    struct journal *journal = &walk->fs->journal;
    const struct journal_super *super = journal->superblock;
    walk->pass = pass;
    walk->at = BIG32(super->start);
    walk->sequence = BIG32(super->sequence);
    walk->left = journal->length - journal->first;
    while (pass == PASS_END || walk->sequence != walk->end) {
        const int error = walk_transaction(walk);
        if (error < 0) return error;
        if (error) break;
        walk->sequence++;
    }
    if (pass == PASS_END) walk->end = walk->sequence;
    return 0;
}

int journal_replay(struct filesystem *fs) {
    struct journal *journal = &fs->journal;
    const struct journal_super *super = journal->superblock;
    journal->sequence = BIG32(super->sequence);
    if (!super->start) return 0;
    struct walk walk = {.fs = fs, .page = journal->scratch[0], .copy = journal->scratch[1]};
    int error = walk_log(&walk, PASS_END);
    if (!error && walk.revokes) {
        uint32_t slots = 64;
        while (slots < walk.revokes * 2) slots *= 2;
        walk.revoked = fs_heap_calloc(slots, sizeof *walk.revoked);
        if (!walk.revoked) return fs_refuse("the heap is too small to replay the journal"), -ENOMEM;
        walk.revoked_mask = slots - 1;
        error = walk_log(&walk, PASS_REVOKED);
    }
    if (!error) error = walk_log(&walk, PASS_WRITE);
    fs->statistics.flushes++;
    if (!error) error = fs->disk->flush(fs->disk);
    fs_heap_free(walk.revoked);
    if (error) return fs_refuse("the disk failed while the journal was replayed"), error;
    // Higher than anything in the log, so that nothing old is ever taken for new.
    journal->sequence = walk.end + 1;
    return 0;
}

int journal_start(struct filesystem *fs) {
    struct journal *journal = &fs->journal;
    journal->head = journal->first;
    journal->free = journal->length - journal->first;
    return journal_write_superblock(fs, journal->head);
}

int journal_finish(struct filesystem *fs) {
    const int error = journal_checkpoint(fs);
    return error ? error : journal_write_superblock(fs, 0);
}

static const char *journal_fault(const struct filesystem *fs, const struct journal_super *super) {
    const struct journal *journal = &fs->journal;
    if (BIG32(super->header.magic) != JOURNAL_MAGIC || BIG32(super->header.kind) != JOURNAL_SUPER)
        return "the journal's superblock is damaged";
    if (BIG32(super->block_size) != FS_BLOCK || BIG32(super->length) > journal->length
        || BIG32(super->length) < JOURNAL_LEAST || !super->first || BIG32(super->first) > 256
        || BIG32(super->start) >= BIG32(super->length) || (super->start && BIG32(super->start) < BIG32(super->first)))
        return "the journal's superblock is damaged";
    if (super->incompatible & ~BIG32(JOURNAL_REVOKES) || super->read_only_compatible)
        return "the journal has features that are not served";
    return nullptr;
}

// Where the journal lies: the extents of its inode, which never change.
static int find_runs(struct filesystem *fs) {
    struct journal *journal = &fs->journal;
    struct node *node;
    int error = node_get(fs, EXT2_JOURNAL_INO, &node);
    if (error) return error;
    const uint64_t pages = node->inode.size / FS_BLOCK;
    journal->runs = fs_heap_calloc(64, sizeof *journal->runs);
    if (!journal->runs) error = -ENOMEM;
    if (!node_has_map(node) || !S_ISREG(node->inode.mode) || pages > UINT32_MAX) error = -EUCLEAN;
    while (!error && journal->length < pages) {
        struct map_run run;
        error = map_find(node, journal->length, &run);
        if (error) break;
        if (!run.block || run.unwritten || journal->run_count == 64) error = -EUCLEAN;
        if (run.count > pages - journal->length) run.count = pages - journal->length;
        if (!error)
            journal->runs[journal->run_count++] = (struct journal_run){journal->length, (uint32_t)run.count, run.block};
        journal->length += (uint32_t)run.count;
    }
    node_release(node);
    return error;
}

int journal_open(struct filesystem *fs) {
    struct journal *journal = &fs->journal;
    int error = find_runs(fs);
    if (!error && !journal->length) error = -EUCLEAN;
    if (error) return fs_refuse("the journal can't be found"), error == -EUCLEAN ? -EINVAL : error;
    uint32_t run;
    fs->statistics.reads++;
    error = fs->disk->read(fs->disk, journal_block(journal, 0, &run), journal->superblock);
    if (error) return fs_refuse("the disk failed to read"), error;
    const struct journal_super *super = journal->superblock;
    const char *fault = journal_fault(fs, super);
    if (fault) return fs_refuse(fault), -EINVAL;
    journal->length = BIG32(super->length);
    journal->first = BIG32(super->first);
    // Half of the log, so that after any commit that leaves less free than that a checkpoint makes room.
    journal->most = (journal->length - journal->first) / 2 - 16;
    journal->most -= journal->most / 64;
    return 0;
}
