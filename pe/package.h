// SPDX-License-Identifier: MIT
// The boot package: what the host's tools hand to the kernel as its one boot module.
//
// It holds images (programs laid out in pages, ready to be mapped) and a manifest (what to run). The kernel reads
// image 0 only, starts it as the first PE, and grants it every resource of the machine; that PE (libos/init) reads
// the manifest, makes the other PEs and grants each of them its share. Offsets are in bytes from the package's
// start and page-aligned for segments. All integers are little-endian.
#pragma once
#include "pe/types.h"

constexpr uint64_t EXO_PACKAGE_MAGIC = 0x3159'5245'444e'4942ull; // "BINDERY1"
constexpr unsigned EXO_PACKAGE_SEGMENTS = 4;

struct exo_segment {
    uint64_t address;    // virtual, page-aligned
    uint64_t offset;     // of its bytes in the package, page-aligned
    uint64_t file_pages; // pages in the package
    uint64_t pages;      // pages in memory; those past file_pages are zero
    uint64_t rights;     // EXO_READ | EXO_WRITE | EXO_EXECUTE
};

struct exo_image {
    char name[48];
    uint64_t entry; // address of the start entry
    uint64_t segments;
    struct exo_segment segment[EXO_PACKAGE_SEGMENTS];
};

// One run of one image. Jobs of the same group run at the same time, groups one after the other.
struct exo_job {
    uint64_t image; // index
    uint64_t group;
    uint64_t frames;    // frames granted, image and tables included; 0: all there are
    uint64_t block;     // disk extent granted: first 4 KiB block
    uint64_t blocks;    // and length; 0: none
    uint64_t slices;    // positions of the slice vector
    uint64_t arguments; // offset of a NUL-terminated string of "name=value" words
    uint64_t deadline;  // slices the job may use up before it is ended; 0: no limit
    uint64_t leased;    // frames it has besides at the start that init moves between the jobs of the group; 0: none
};

struct exo_package {
    uint64_t magic;
    uint32_t abi_version;
    uint32_t flags;                 // EXO_PACKAGE_TRACE: keep fault timestamps
    uint64_t bytes;                 // of the whole package
    uint64_t images, images_offset; // struct exo_image[]
    uint64_t jobs, jobs_offset;     // struct exo_job[]
};
constexpr uint32_t EXO_PACKAGE_TRACE = 1;

// The bindings that the first PE finds in its table, in this order from index 1 on, generation 1.
enum exo_first_binding : uint64_t {
    EXO_FIRST_FRAMES = 1,  // every frame that is not the kernel's: READ WRITE EXECUTE OWN GRANT
    EXO_FIRST_PACKAGE = 2, // the frames of the boot package: READ EXECUTE GRANT
    EXO_FIRST_DISK = 3,    // every block of the disk
    EXO_FIRST_SLICES = 4,  // the slice vector of CPU 0
    EXO_FIRST_CONSOLE = 5,
    EXO_FIRST_REPORT = 6,
    EXO_FIRST_POWER = 7,
};

// The first PE starts at its image's entry. It has all that it is given in the one GiB in which its entry lies: its
// PE page is mapped EXO_FIRST_PE_PAGE bytes after that GiB's start, and the whole package, read only,
// EXO_FIRST_PACKAGE_VA bytes after it.
constexpr uint64_t EXO_FIRST_PE_PAGE = 0x1f'f000;
constexpr uint64_t EXO_FIRST_PACKAGE_VA = 0x1000'0000; // 256 MiB; the package must be smaller than 512 MiB

// Where the first PE finds its parts: the kernel writes this to the args area of its PE page. The address space has
// one table of each level above 1, so that the GiB can be extended by linking level-1 tables into table2.
constexpr uint64_t EXO_FIRST_TABLES1 = 4; // level-1 tables present from its start on (2 MiB each), table1 … in a row
struct exo_first {
    exo_frame frames_first; // of EXO_FIRST_FRAMES
    uint64_t frames_count;
    exo_frame free_first; // frames from here to the end of the binding are of type free
    exo_frame table4, table3, table2, table1;
    uint64_t package_bytes;
};
