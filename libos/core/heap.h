// SPDX-License-Identifier: MIT
// The heap behind malloc: blocks of memory in one growing range of pages that the library OS provides.
//
// Every block has a 16-byte header before it and is 16-byte aligned. Free neighbours are joined. The memory past the
// highest block ever handed out is never touched, so a paged heap is as large as what was used of it.
// Not safe in handlers of any kind.
//
// heap_broken is the library OS's: what to do when a program releases something that is no block in use.
#pragma once
#include <stdint.h>
#include <stddef.h>

// Sets the range. `zeroed`: never used memory reads as zero, so calloc needn't write it.
void heap_init(void *first, size_t bytes, bool zeroed);

void *heap_allocate(size_t bytes);                           // null: none left
void *heap_allocate_zeroed(size_t bytes);                    // null: none left
void *heap_allocate_aligned(size_t alignment, size_t bytes); // a power of 2; null: none left
void *heap_reallocate(void *block, size_t bytes);            // keeps the contents; null: none left, block unchanged
void heap_release(void *block);                              // null is allowed
size_t heap_used(void); // bytes of all blocks in use, with their headers; looks at each block

[[noreturn]] void heap_broken(const void *block);
