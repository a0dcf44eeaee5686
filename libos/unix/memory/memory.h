// SPDX-License-Identifier: MIT
// Address spaces, and what is in them.
//
// A *page* (memory/page.h) is 4 KiB of contents with an identity: one page of a file, or one of anonymous memory. It is
// in a frame, on the disk, or (anonymous, never written) nowhere. All pages of an instance share one budget of frames
// and one replacement policy, which sees pages as numbers, as in libos/pager/policy.h: processes' memory and cached
// files alike. A page's accessed and dirty bits are those of all entries that map it, together.
//
// Forking shares level-2 tables: parent and child point to the same ones, without the right to write, and each is
// copied when one of them writes below it. So fork costs nothing for what neither touches.
#pragma once
#include "pe/types.h"

struct vm;
struct inode;
struct object;
struct exo_context;

enum vm_rights : uint32_t { VM_READ = 1, VM_WRITE = 2, VM_EXECUTE = 4 }; // as PROT_*

struct vm_map {
    uint64_t first; // page-aligned. 0: anywhere; otherwise a hint, or with `fixed` the place, what is there goes
    uint64_t bytes;
    enum vm_rights rights;
    bool fixed, keep;      // keep: with fixed, -EEXIST if something is there (MAP_FIXED_NOREPLACE)
    bool shared;           // writes are seen by others, and go to the file
    bool never_writes;     // -EACCES for mprotect to VM_WRITE: a shared file's descriptor cannot write, or it is memory
    bool stack;            // grows downwards at a fault below it, up to the stack limit
    bool reserves_none;    // may be larger than memory could ever be (MAP_NORESERVE)
    struct inode *file;    // null: anonymous. The map takes a reference of its own
    struct object *memory; // without a file: this memory (object.h), in the same way
    uint64_t offset;       // in the file or memory, page-aligned
};

// Errors of all: -ENOMEM no room in the library OS's heap or in the address space, or over the instance's swap space.
int vm_new(struct vm **made);
int vm_fork(struct vm *from, struct vm **made);
void vm_hold(struct vm *vm); // one more user (CLONE_VM)
void vm_release(struct vm *vm);
void vm_enter(struct vm *vm); // makes it the one that user addresses mean; null: none. Free if it is already; null:
                              // none. Never the same twice in a row

// The address, or an error: -EINVAL, -EEXIST, -ENOMEM, -EACCES.
int64_t vm_map(struct vm *vm, const struct vm_map *what);
int vm_unmap(struct vm *vm, uint64_t first, uint64_t bytes);
int vm_protect(struct vm *vm, uint64_t first, uint64_t bytes, enum vm_rights rights); // -ENOMEM: not mapped
// RLIMIT_STACK: how large a mapping with `stack` can become. 8 MiB if nothing is said.
void vm_stack_limit(struct vm *vm, uint64_t bytes);
// The break: where it begins is said once, by exec. Returns where it is afterwards, as brk(2).
void vm_break_at(struct vm *vm, uint64_t first);
uint64_t vm_break(struct vm *vm, uint64_t wanted);

// A page fault of user code, or of library code at a user's address, by an instruction that has these registers. 0:
// served, go on. Otherwise the signal that is due, SIGSEGV or SIGBUS, and its si_code; SIGKILL: no memory is left.
struct vm_refusal {
    int signal, code;
};
struct vm_refusal vm_fault(struct vm *vm, uint64_t address, uint64_t error, // error: the processor's
                           const struct exo_context *registers);

// What a word of memory is, for those who find each other by it (futex): the same for all that map it shared, and of
// its own in each address space otherwise. -EFAULT: nothing is mapped there.
struct vm_key {
    const void *object;
    uint64_t offset;
};
int vm_key(struct vm *vm, uint64_t address, struct vm_key *key);

// One line of /proc/PID/maps at a time: the mapping with the least end above `address`. False: none.
struct vm_line {
    uint64_t first, end, offset;
    enum vm_rights rights;
    bool shared, heap, stack;
    struct inode *file;
};
bool vm_next(const struct vm *vm, uint64_t address, struct vm_line *line);

// Copies bytes out of an address space that need not be the entered one. -EFAULT.
int vm_read(struct vm *vm, uint64_t address, void *to, size_t bytes);

struct vm_sizes {
    uint64_t total, resident, shared; // bytes mapped; pages in frames; of these, of files
};
struct vm_sizes vm_sizes(const struct vm *vm);

// For who has to choose whose memory is given up (process/out_of_memory.c): pages of memory that no file holds, in
// frames or swapped, shared or not; and giving back of them what nobody else uses, of a space whose code never runs
// again and that is not entered. What library code still touches there is zeros, or -EFAULT.
uint64_t vm_private(const struct vm *vm);
void vm_reap(struct vm *vm);

// ---- Contents of files, by the page cache; user addresses or library memory alike (-EFAULT for bad user addresses)

// Reads up to the end of the file; returns how many bytes, or an error.
int64_t cache_read(struct inode *file, uint64_t offset, void *to, size_t bytes);
// Writes, makes the file longer; returns how many bytes (fewer if the disk is full), or an error.
int64_t cache_write(struct inode *file, uint64_t offset, const void *from, size_t bytes);
int cache_set_size(struct inode *file, uint64_t size); // and takes pages past the end from those that map them
// Takes blocks for the pages of a range, so that writing there cannot find the disk full (fallocate).
int cache_allocate(struct inode *file, uint64_t offset, uint64_t bytes);
int cache_sync(struct inode *file, bool data); // fsync, fdatasync
// Whether readers are going to ask for pages at random: then nothing is read but what is asked for. Said of the file,
// whoever reads it, and forgotten when the cache has no pages of it any more.
void cache_expect(struct inode *file, bool at_random);
int cache_sync_all(void);
int cache_write_fresh(struct inode *file); // the file system's hook (fs_hooks)
// No page of this file is kept, dirty or not, and `owner` is null. The cache holds a reference of its own to every file
// of which it has pages, and `owner` is not null exactly then. inode_release (files/file.h) calls this when the last
// reference but the cache's goes and the file has no name any more.
void cache_forget(struct inode *file);

// ---- The instance

// Sets up the library OS's heap (heap_init, in libos/unix/map.h's range), takes the budget and the swap space, mounts
// nothing. The first thing that is called. Start arguments: policy=, frames=, seed=, swap=…
void memory_start(void);
void memory_report(void); // statistics as events

// Where the file system lies on the disk: its block 0 is this block. Told before the first file is used.
void memory_filesystem(uint64_t first_block);

struct memory_sizes {
    uint64_t frames, frames_free, frames_cache, swap, swap_free; // pages
};
struct memory_sizes memory_sizes(void);
