// SPDX-License-Identifier: MIT
// A disk in memory whose power can fail: what was written since the last flush may or may not have got to it, in any
// order and sector by sector. And a file system on it.
#pragma once
#include "libos/unix/disk/filesystem.h"

constexpr uint64_t MODEL_BLOCKS = 2304;
constexpr uint32_t MODEL_CACHE = FS_CACHE_LEAST;
constexpr uint32_t SECTOR = 512;

struct model {
    struct fs_disk disk;   // first
    uint8_t *durable;      // what is on the disk for good
    uint8_t *seen;         // what a read gives
    uint8_t *unflushed;    // by block: written since the last flush
    uint64_t writes;       // blocks written, and flushes, since the start
    uint64_t cut_at;       // the write or flush with this number fails, and everything after it; 0: none
    uint64_t fail_read_at; // the same for one read
    uint64_t reads;
    bool off, cut_in_flush; // cut_in_flush: it was a flush that failed first
    uint64_t draw;
};

extern struct model model;

// The system's tools on a file with the durable contents of the disk. True: it ended with 0.
bool model_tool(const char *command);                        // IMAGE in it stands for the file's name
bool model_tool_in(const char *command, const char *folder); // and FOLDER for this one
void model_load(const uint8_t *image);
const uint8_t *model_empty(void);       // an image with an empty file system
uint8_t *model_image(const char *make); // one of the folder that a shell command makes, where FOLDER is its name

void model_write(uint64_t block, const void *page); // contents of a file
void model_crash(void);                             // power fails now; what is on the disk then is `durable` and `seen`
struct model_state *model_keep(void);               // the disk as it is, for free()
void model_return(const struct model_state *state);
uint64_t model_draw(uint64_t below);

// Mounts with memory of the least size. `write_fresh` may be null.
int model_mount(struct filesystem **fs, int (*write_fresh)(void *context, struct inode *inode));
struct filesystem *model_start(int (*write_fresh)(void *context, struct inode *inode)); // must succeed
void model_finish(struct filesystem *fs); // unmounts; the disk is `durable` then
void model_expect_sound(void);            // e2fsck finds nothing wrong with the (unmounted) disk
