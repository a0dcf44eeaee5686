// SPDX-License-Identifier: MIT
// Runs the tests of an image one after the other, reports each, and checks that it left nothing behind.
#include "tests/vm/rig.h"

struct exo_first rig;

extern const struct rig_test __start_rig_tests[], __stop_rig_tests[];
extern const char rig_on_fault[], rig_fault_stack_top[];

static_assert(offsetof(struct exo_pe_page, exception.cr2) == 56);
static_assert(offsetof(struct exo_pe_page, exception.busy) == 72);
static_assert(offsetof(struct exo_pe_page, exception.error) == 80);
static_assert(offsetof(struct exo_pe_page, exception.rip) == 88);
static_assert(offsetof(struct exo_pe_page, exception.rsp) == 112);
static_assert(EXO_FIRST_PE_PAGE == 0x1f'f000 && EXO_CALL_pe_exit == 16);

static struct {
    const struct rig_test *test;
    bool failed;
    exo_frame next;    // of the pool
    exo_frame highest; // that the test has ever reached
    char detail[256];
    unsigned length;
    const char *context; // null: none
    uint64_t context_value;
} now;

// Lines for the report channel.
struct line {
    char text[1024];
    unsigned length;
};

static void add(struct line *line, const char *text) {
    for (; *text && line->length < sizeof line->text - 1; text++) line->text[line->length++] = *text;
}

static void add_hexadecimal(struct line *line, uint64_t value) {
    char digits[19] = "0x";
    unsigned at = 2;
    for (int shift = 60; shift >= 0; shift -= 4)
        if (value >> shift || shift == 0) digits[at++] = "0123456789abcdef"[value >> shift & 15];
    digits[at] = 0;
    add(line, digits);
}

static void add_decimal(struct line *line, uint64_t value) {
    char digits[21] = {};
    unsigned at = sizeof digits - 1;
    do digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    add(line, digits + at);
}

// Quotation marks would end the JSON string early.
static void add_quoted(struct line *line, const char *text) {
    add(line, "\"");
    for (; *text; text++) {
        const char pair[3] = {'\\', *text, 0}, single[2] = {*text, 0};
        add(line, *text == '"' || *text == '\\' ? pair : single);
    }
    add(line, "\"");
}

static void send(struct line *line) {
    add(line, "\n");
    rig_copy((void *)rig_page()->args, line->text, line->length);
    (void)exo_console_write(REPORT, line->length);
}

[[noreturn]] static void stop(uint64_t status) {
    (void)exo_machine_off(POWER, status);
    for (;;) continue;
}

static void report(void) {
    struct line line = {};
    add(&line, "{\"event\":\"test\",\"name\":");
    add_quoted(&line, now.test->name);
    add(&line, now.failed ? ",\"ok\":false,\"detail\":" : ",\"ok\":true,\"detail\":");
    now.detail[now.length] = 0;
    add_quoted(&line, now.detail);
    add(&line, "}");
    send(&line);
}

static void detail(const char *text) {
    for (; *text && now.length < sizeof now.detail - 1; text++) now.detail[now.length++] = *text;
}

void rig_failed(const char *file, int line, const char *what, bool values, uint64_t actual, uint64_t wanted) {
    if (now.failed) return; // the first failure is the one to look at
    struct line text = {};
    add(&text, file);
    add(&text, ":");
    add_decimal(&text, (uint64_t)line);
    add(&text, ": not so: ");
    add(&text, what);
    if (values) {
        add(&text, ": ");
        add_hexadecimal(&text, actual);
        add(&text, " instead of ");
        add_hexadecimal(&text, wanted);
    }
    if (now.context) {
        add(&text, " (at ");
        add(&text, now.context);
        add(&text, ", ");
        add_hexadecimal(&text, now.context_value);
        add(&text, ")");
    }
    now.length = 0;
    now.failed = true;
    detail(text.text);
}

void rig_context(const char *what, uint64_t value) {
    now.context = what;
    now.context_value = value;
}

void rig_note(const char *text, uint64_t value) {
    if (now.failed) return;
    struct line line = {};
    if (now.length) add(&line, ", ");
    add(&line, text);
    add(&line, " ");
    add_decimal(&line, value);
    detail(line.text);
}

void rig_need(bool condition, const char *sentence) {
    if (condition) return;
    now.failed = true;
    now.length = 0;
    detail("set-up: ");
    detail(sentence);
    report();
    stop(1);
}

// Called by rig_on_fault with the save area as it is.
[[noreturn, gnu::used]] void rig_crashed(void) {
    struct line text = {};
    add(&text, "the test itself got vector ");
    add_decimal(&text, rig_page()->exception.vector);
    add(&text, " at ");
    add_hexadecimal(&text, rig_page()->exception.rip);
    add(&text, ", address ");
    add_hexadecimal(&text, rig_page()->exception.cr2);
    add(&text, ", error ");
    add_hexadecimal(&text, rig_page()->exception.error);
    rig_need(false, text.text);
    stop(1);
}

exo_frame rig_frames(uint64_t count, enum exo_frame_type type) {
    const exo_frame first = now.next;
    rig_need(first.raw + count <= rig.frames_first.raw + rig.frames_count, "the machine has too few frames");
    now.next.raw += count;
    if (type == EXO_FRAME_FREE) return first;
    for (uint64_t done = 0; done < count;) {
        const struct exo_result result = exo_frame_retype(FRAMES, (exo_frame){first.raw + done}, count - done, type);
        rig_need(result.error == EXO_OK || result.error == EXO_AGAIN, "frames of the pool can't be retyped");
        done += result.value;
    }
    return first;
}

void rig_rewind(void) {
    if (now.next.raw > now.highest.raw) now.highest = now.next;
    now.next = rig.free_first;
}

void rig_release(exo_frame first, uint64_t count) {
    for (uint64_t done = 0; done < count;) {
        const struct exo_result result =
            exo_frame_retype(FRAMES, (exo_frame){first.raw + done}, count - done, EXO_FRAME_FREE);
        if (result.error != EXO_OK && result.error != EXO_AGAIN) {
            rig_failed(__FILE_NAME__, __LINE__, "released frames can be made free", true, result.error, EXO_OK);
            return;
        }
        done += result.value;
    }
}

exo_handle rig_derive(exo_handle source, uint64_t first, uint64_t count, uint64_t rights) {
    const struct exo_result result = exo_binding_derive(source, first, count, rights);
    rig_need(result.error == EXO_OK, "a binding can't be derived");
    return (exo_handle){result.value};
}

struct exo_binding rig_binding(exo_handle binding) {
    rig_need(exo_binding_read(binding).error == EXO_OK, "a binding can't be read");
    return *(volatile struct exo_binding *)rig_page()->args;
}

void rig_drop(exo_handle binding) {
    struct exo_result result;
    do result = exo_binding_drop(binding);
    while (result.error == EXO_AGAIN);
    rig_need(result.error == EXO_OK, "a binding can't be dropped");
}

enum exo_error rig_revoke(exo_handle source) {
    struct exo_result result;
    do result = exo_binding_revoke(source);
    while (result.error == EXO_AGAIN);
    return result.error;
}

exo_paddr rig_slot(uint64_t address) {
    const uint64_t page = address >> EXO_PAGE_SHIFT;
    return (exo_paddr){(rig.table1.raw << EXO_PAGE_SHIFT) + page * sizeof(uint64_t)};
}

void *rig_map(uint64_t address, exo_frame frame, uint64_t rights) {
    const struct exo_result result =
        exo_tlb_set(FRAMES, rig_slot(address), FRAMES, exo_entry_for(frame, rights), (exo_vaddr){address});
    rig_need(result.error == EXO_OK, "a frame of the pool can't be mapped");
    return (void *)address;
}

uint64_t rig_unmap(uint64_t address) {
    const struct exo_result result =
        exo_tlb_set(FRAMES, rig_slot(address), EXO_NO_HANDLE, (exo_entry){0}, (exo_vaddr){address});
    rig_need(result.error == EXO_OK, "a page can't be unmapped");
    return result.value;
}

static void link_elsewhere(exo_entry entry) {
    const exo_vaddr address = {RIG_ELSEWHERE};
    const exo_paddr slot = {(rig.table2.raw << EXO_PAGE_SHIFT) + exo_table_index(address, 2) * sizeof(uint64_t)};
    rig_need(exo_tlb_set(FRAMES, slot, FRAMES, entry, address).error == EXO_OK, "a table can't be linked");
}

exo_frame rig_elsewhere(void) {
    const exo_frame table = rig_frames(1, EXO_FRAME_TABLE1);
    link_elsewhere(exo_entry_for(table, EXO_READ | EXO_WRITE | EXO_EXECUTE));
    return table;
}

void rig_elsewhere_end(exo_frame table) {
    link_elsewhere((exo_entry){0});
    rig_release(table, 1);
}

void rig_copy(void *to, const void *from, uint64_t bytes) {
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
}

// The compiler calls these by name.
void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    rig_copy(to, from, bytes);
    return to;
}

void *memset(void *to, int byte, size_t bytes) {
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(byte) : "memory");
    return to;
}

// What must be the same before and after a test.
struct census {
    uint64_t pool; // frames of the pool that are not free or still in use
    uint64_t maps; // of all frames
    uint64_t pins;
    uint64_t places; // free ones in the binding table
};

static uint64_t places_free(void) {
    static exo_handle handles[2048];
    uint64_t count = 0;
    while (count < 2048) {
        const struct exo_result result = exo_binding_derive(POWER, EXO_POWER, 1, EXO_READ);
        if (result.error != EXO_OK) break;
        handles[count++].raw = result.value;
    }
    for (uint64_t i = 0; i < count; i++) (void)exo_binding_drop(handles[i]);
    return count;
}

static struct census census(void) {
    struct census result = {.places = places_free()};
    for (uint64_t i = 0; i < rig_machine()->frames; i++) {
        const exo_frame frame = {i};
        result.maps += rig_frame_info(frame)->maps;
        result.pins += rig_frame_info(frame)->pins;
        if (i >= rig.free_first.raw && i < now.highest.raw)
            result.pool += rig_frame_info(frame)->type != EXO_FRAME_FREE;
    }
    return result;
}

static void run(const struct rig_test *test) {
    now.test = test;
    now.failed = false;
    now.length = 0;
    now.next = now.highest = rig.free_first;
    const struct census before = census();
    test->run();
    rig_rewind();
    now.context = nullptr;
    const struct census after = census();
    if (after.pool != 0) rig_failed("leak", 0, "every frame of the pool is free again", true, after.pool, 0);
    if (after.maps != before.maps) rig_failed("leak", 0, "as many mappings as before", true, after.maps, before.maps);
    if (after.pins != before.pins) rig_failed("leak", 0, "as many pins as before", true, after.pins, before.pins);
    if (after.places != before.places)
        rig_failed("leak", 0, "as many free bindings as before", true, after.places, before.places);
    report();
    if (after.pool != 0) stop(1); // later tests would be misled
}

[[noreturn, gnu::used]] void rig_main(void) {
    rig = *(volatile struct exo_first *)rig_page()->args;
    rig_page()->mask = ~0ull;
    const exo_vaddr entry = {(uint64_t)rig_on_fault}, stack = {(uint64_t)rig_fault_stack_top};
    const exo_vaddr crashed = {(uint64_t)rig_crashed}, aligned = {stack.raw - 8};
    (void)exo_pe_set_entry(SELF, EXO_UPCALL_fault, entry, aligned);
    (void)exo_pe_set_entry(SELF, EXO_UPCALL_exception, crashed, aligned);
    (void)exo_pe_set_entry(SELF, EXO_UPCALL_syscall, crashed, aligned);
    (void)exo_pe_set_entry(SELF, EXO_UPCALL_double_fault, crashed, aligned);

    for (uint64_t i = 0; i < EXO_FIRST_TABLES1; i++)
        rig_map(RIG_TABLES + i * EXO_PAGE_SIZE, (exo_frame){rig.table1.raw + i}, EXO_READ);

    struct line plan = {};
    add(&plan, "{\"event\":\"plan\",\"tests\":");
    add_decimal(&plan, (uint64_t)(__stop_rig_tests - __start_rig_tests));
    add(&plan, "}");
    send(&plan);
    for (const struct rig_test *test = __start_rig_tests; test < __stop_rig_tests; test++) run(test);
    struct line done = {};
    add(&done, "{\"event\":\"done\"}");
    send(&done);
    stop(0);
}
