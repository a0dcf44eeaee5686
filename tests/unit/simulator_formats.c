// SPDX-License-Identifier: MIT
// Trace files in libCacheSim's binary form and compressed ones: what is written byte for byte, what is read back, and
// what is said of those that are damaged.
#include "libos/pager/sim/formats.h"
#include "libos/pager/sim/simulate.h"
#include "libos/pager/sim/source.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/simulator-formats-XXXXXX";
static char error[512];

static void make_folder(void) {
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void) {
    DIR *directory = opendir(folder);
    for (struct dirent *entry; (entry = readdir(directory)) != nullptr;) unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    rmdir(folder);
}

TestSuite(formats, .init = make_folder, .fini = remove_folder);

static const char *path_of(const char *name) {
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t length) {
    FILE *file = fopen(path_of(name), "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static size_t read_file(const char *name, unsigned char *bytes, size_t room) {
    FILE *file = fopen(path_of(name), "r");
    cr_assert_not_null(file, "%s", name);
    const size_t length = fread(bytes, 1, room, file);
    fclose(file);
    return length;
}

static struct trace *read_trace(const char *name) {
    struct trace *trace = trace_new(name);
    cr_assert(trace_read(trace, path_of(name), error, sizeof error), "%s", error);
    return trace;
}

static void expect_refused(const char *name, const char *said) {
    struct trace *trace = trace_new(name);
    cr_expect_not(trace_read(trace, path_of(name), error, sizeof error), "%s was read", name);
    cr_expect_eq(strncmp(error, path_of(name), strlen(path_of(name))), 0, "'%s' names no file", error);
    cr_expect_not_null(strstr(error, said), "'%s' should contain '%s'", error, said);
    trace_free(trace);
}

static void expect_same_pages(const struct trace *a, const struct trace *b) {
    cr_assert_eq(a->length, b->length);
    cr_assert_eq(a->pages, b->pages);
    for (size_t i = 0; i < a->length; i++)
        cr_assert_eq(reference_page(a->reference[i]), reference_page(b->reference[i]), "reference %zu", i);
    for (uint32_t page = 0; page < a->pages; page++) cr_assert_eq(a->number[page], b->number[page], "page %u", page);
}

Test(formats, records_are_written_as_libcachesim_has_them) {
    struct trace *trace = trace_new("three");
    trace_add(trace, 6, false);
    trace_add(trace, 0x1122334455667788, true);
    trace_add(trace, 6, false);
    cr_assert(trace_write(trace, path_of("t.oracleGeneral.bin"), error, sizeof error), "%s", error);
    const unsigned char wanted[72] = {
        [4] = 7,     [12] = 1, [16] = 3, // next at the third reference
        [28] = 0x89, 0x77,     0x66,        0x55, 0x44, 0x33, 0x22, 0x11, 1,    [40] = 0xff,
        0xff,        0xff,     0xff,        0xff, 0xff, 0xff, 0xff, //
        [52] = 7,    [60] = 1, [64] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };
    unsigned char found[100];
    cr_assert_eq(read_file("t.oracleGeneral.bin", found, sizeof found), sizeof wanted);
    cr_expect_arr_eq(found, wanted, sizeof wanted);
    trace_free(trace);
}

Test(formats, any_ids_and_sizes_are_read_and_renumbered_by_first_use) {
    unsigned char records[4 * ORACLE_GENERAL_RECORD] = {};
    memset(records, 0xab, 4);           // a time
    memset(records + 4, 0xff, 8);       // the highest id
    memset(records + 12, 0xcd, 4);      // a size
    memset(records + 16, 0xff, 7);      // and a next reference of 2^63 - 1, as some programs mark the absence
    records[23] = 0x7f;                 //
    records[24 + 4] = 0;                // id 0
    records[48 + 4] = 1;                // id 1
    memset(records + 72 + 4, 0xff, 8);  // the first again
    memset(records + 72 + 16, 0xff, 8); //
    write_file("ids.bin", records, sizeof records);
    struct trace *trace = read_trace("ids.bin");
    const uint32_t wanted[] = {0 << 1, 1 << 1, 2 << 1, 0 << 1};
    cr_assert_eq(trace->length, 4);
    cr_expect_arr_eq(trace->reference, wanted, sizeof wanted);
    cr_expect_eq(trace->number[0], UINT64_MAX - 1);
    cr_expect_eq(trace->number[1], UINT64_MAX);
    cr_expect_eq(trace->number[2], 0);
    // It goes back with the same ids.
    cr_assert(trace_write(trace, path_of("back.bin"), error, sizeof error));
    unsigned char back[sizeof records];
    cr_assert_eq(read_file("back.bin", back, sizeof back), sizeof back);
    for (unsigned i = 0; i < 4; i++) cr_expect_arr_eq(back + 24 * i + 4, records + 24 * i + 4, 8);
    trace_free(trace);
}

Test(formats, every_form_gives_the_same_references) {
    struct trace *trace = trace_new("dirtymix");
    cr_assert(trace_generate(trace, "dirtymix"));
    const char *names[] = {"a.txt", "a.txt.zst", "a.bin", "a.oracleGeneral", "a.oracleGeneral.zst", "a.bin.zst", "a"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert(trace_write(trace, path_of(names[i]), error, sizeof error), "%s", error);
        struct trace *back = read_trace(names[i]);
        expect_same_pages(trace, back);
        const bool text = !name_is_oracle_general(names[i]);
        cr_expect_eq(back->has_writes, text, "%s", names[i]);
        if (text) cr_expect_arr_eq(back->reference, trace->reference, trace->length * sizeof *trace->reference);
        trace_free(back);
    }
    trace_free(trace);
}

Test(formats, text_says_which_references_one_instruction_makes_and_comes_back) {
    static const char text[] = "5 R\n6 M\n+7 W\n5 W\n6 R\n+5 R\n+8 M\n";
    unsigned char back[sizeof text];
    write_file("g.txt", text, strlen(text));
    struct trace *trace = read_trace("g.txt");
    cr_assert(trace_write(trace, path_of("h.txt"), error, sizeof error), "%s", error);
    cr_assert_eq(read_file("h.txt", back, sizeof back), strlen(text));
    cr_expect_arr_eq(back, text, strlen(text));
    cr_assert(trace_write(trace, path_of("h.bin"), error, sizeof error), "%s", error);
    struct trace *flat = read_trace("h.bin"); // which has no place for it
    expect_same_pages(trace, flat);
    cr_expect_eq(flat->groups, 0);
    trace_free(flat);
    trace_free(trace);
}

Test(formats, contents_tell_the_form_whatever_the_name_is) {
    struct trace *trace = trace_new("loop1100"), *back;
    cr_assert(trace_generate(trace, "loop1100"));
    cr_assert(trace_write(trace, path_of("b.bin.zst"), error, sizeof error));
    cr_assert_eq(rename(path_of("b.bin.zst"), path_of("plain.txt")), 0);
    back = read_trace("plain.txt");
    expect_same_pages(trace, back);
    trace_free(back);
    cr_assert(trace_write(trace, path_of("c.txt"), error, sizeof error));
    cr_assert_eq(rename(path_of("c.txt"), path_of("c.bin")), 0);
    back = read_trace("c.bin");
    expect_same_pages(trace, back);
    trace_free(back);
    trace_free(trace);
}

Test(formats, traces_longer_than_the_buffers_come_back_whole) {
    struct trace *trace = trace_new("long");
    for (uint64_t i = 0; i < 3 * SOURCE_ROOM; i++) trace_add(trace, i * 0x9e37'79b9'7f4a'7c15u >> i % 61, i % 5 == 0);
    trace->has_writes = true;
    const char *names[] = {"long.txt", "long.txt.zst", "long.bin", "long.bin.zst"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert(trace_write(trace, path_of(names[i]), error, sizeof error));
        struct trace *back = read_trace(names[i]);
        expect_same_pages(trace, back);
        trace_free(back);
    }
    trace_free(trace);
}

static void append(const char *to, const char *from) {
    static unsigned char bytes[1 << 16];
    const size_t length = read_file(from, bytes, sizeof bytes);
    FILE *file = fopen(path_of(to), "a");
    fwrite(bytes, 1, length, file);
    fclose(file);
}

Test(formats, compressed_files_that_are_joined_are_one_trace) {
    write_file("1.txt", "1\n2\n", 4);
    struct trace *trace = read_trace("1.txt");
    cr_assert(trace_write(trace, path_of("1.zst"), error, sizeof error));
    append("both.zst", "1.zst");
    append("both.zst", "1.zst");
    struct trace *both = read_trace("both.zst");
    cr_expect_eq(both->length, 4);
    cr_expect_eq(both->pages, 2);
    trace_free(both);
    trace_free(trace);
}

Test(formats, what_is_truncated_or_damaged_is_refused_at_every_length) {
    struct trace *trace = trace_new("textbook");
    cr_assert(trace_generate(trace, "textbook"));
    cr_assert(trace_write(trace, path_of("t.bin"), error, sizeof error));
    cr_assert(trace_write(trace, path_of("t.bin.zst"), error, sizeof error));
    unsigned char bytes[1024];
    size_t length = read_file("t.bin", bytes, sizeof bytes);
    for (size_t cut = 1; cut < length; cut++) {
        if (cut % ORACLE_GENERAL_RECORD == 0) continue;
        write_file("cut.bin", bytes, cut);
        expect_refused("cut.bin", "truncated: record ");
    }
    length = read_file("t.bin.zst", bytes, sizeof bytes);
    for (size_t cut = 4; cut < length; cut++) {
        write_file("cut.bin.zst", bytes, cut);
        expect_refused("cut.bin.zst", "they end in the middle of a frame");
    }
    bytes[length - 1] ^= 1; // the checksum
    write_file("changed.bin.zst", bytes, length);
    expect_refused("changed.bin.zst", "the zstd data are damaged");
    write_file("empty.bin", "", 0);
    expect_refused("empty.bin", "the file is empty");
    trace_free(trace);
}

Test(formats, bad_lines_are_named_in_compressed_text_and_far_into_a_file) {
    static char text[3 * SOURCE_ROOM];
    for (size_t i = 0; i < sizeof text; i += 2) memcpy(text + i, "7\n", 2);
    memcpy(text + sizeof text - 8, "7\n7 Q\n7\n", 8);
    write_file("far.txt", text, sizeof text);
    char said[64];
    snprintf(said, sizeof said, ":%zu: expected a decimal page number", sizeof text / 2 - 2);
    expect_refused("far.txt", said);
    memset(text, '1', sizeof text);
    write_file("endless.txt", text, sizeof text);
    expect_refused("endless.txt", ":1: expected");
    memset(text, '0', sizeof text);
    write_file("zeros.txt", text, sizeof text);
    expect_refused("zeros.txt", ":1: expected");
}

static unsigned files_there(void) {
    unsigned count = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; (entry = readdir(directory)) != nullptr;) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

Test(formats, a_file_appears_whole_or_not_at_all) {
    struct trace *trace = trace_new("textbook");
    cr_assert(trace_generate(trace, "textbook"));
    cr_assert(trace_write(trace, path_of("t.txt"), error, sizeof error));
    cr_expect_eq(files_there(), 1, "a partial file is left");
    cr_expect_not(trace_write(trace, path_of("no/t.txt"), error, sizeof error));
    cr_expect_not_null(strstr(error, "no/t.txt: No such file or directory"));
    cr_assert_eq(mkdir(path_of("taken"), 0777), 0);
    cr_expect_not(trace_write(trace, path_of("taken"), error, sizeof error));
    cr_expect_not_null(strstr(error, "no file that could be replaced"));
    cr_expect_eq(files_there(), 2);
    rmdir(path_of("taken"));
    // No room: the old file stays as it was.
    struct trace *large = trace_new("large");
    for (unsigned i = 0; i < 100000; i++) trace_add(large, i, false);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {.rlim_cur = 10000, .rlim_max = RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_expect_not(trace_write(large, path_of("t.txt"), error, sizeof error));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    cr_expect_not_null(strstr(error, "t.txt: File too large"), "%s", error);
    cr_expect_eq(files_there(), 1, "a partial file is left");
    struct trace *old = read_trace("t.txt");
    expect_same_pages(trace, old);
    trace_free(old);
    trace_free(large);
    trace_free(trace);
}

Test(formats, workloads_are_called_as_their_files_without_endings) {
    const char *pairs[][2] = {{"a/b/refs.txt", "refs"},
                              {"refs", "refs"},
                              {"w.oracleGeneral.bin", "w"},
                              {"w.oracleGeneral.sample10.zst", "w"},
                              {"w.bin.zst", "w"},
                              {"dotted.name.txt", "dotted.name"},
                              {".hidden", ".hidden"},
                              {"/x.y/refs.txt.zst", "refs"},
                              {".oracleGeneral", ".oracleGeneral"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *name = trace_name_of(pairs[i][0]);
        cr_expect_str_eq(name, pairs[i][1], "%s: %s", pairs[i][0], name);
        free(name);
    }
}
