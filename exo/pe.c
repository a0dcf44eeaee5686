// SPDX-License-Identifier: MIT
// Processor environments: made from donated frames, configured by whoever holds a PE binding, ended and destroyed.
#include "exo/pe.h"
#include "exo/call.h"
#include "exo/frame.h"
#include "exo/reclaim.h"

struct sb_binding derivations;
static uint64_t last_id;

static uint64_t free_writers; // bits that no PE has, and the shared one

static uint64_t writer_take(void) {
    const uint64_t lowest = free_writers & -free_writers;
    if (lowest != PE_SHARED_WRITER) free_writers &= ~lowest;
    return lowest;
}

void pe_forget_writer(struct pe *pe) {
    free_writers |= pe->writer;
}

struct pe *pe_of(const struct sb_binding *binding) {
    return arch_frame((exo_frame){binding->first});
}

// The PE that a handle names for a call; 0 names the caller itself.
struct named_pe {
    enum exo_error error;
    struct pe *pe;
};

static struct named_pe pe_named(exo_handle handle, uint64_t rights) {
    if (handle.raw == 0) return (struct named_pe){EXO_OK, arch_current()};
    const struct sb_found found = sb_find(&arch_current()->bindings, handle, EXO_KIND_PE, rights);
    return (struct named_pe){found.error, found.error == EXO_OK ? pe_of(found.binding) : nullptr};
}

#define NAMED_PE(variable, handle, rights)                                                                             \
    struct pe *variable;                                                                                               \
    do {                                                                                                               \
        const struct named_pe named_ = pe_named(handle, rights);                                                       \
        if (named_.error != EXO_OK) return (struct exo_result){named_.error, 0};                                       \
        variable = named_.pe;                                                                                          \
    } while (0)

// Makes a PE of idle frames. The creator gets its binding; `creator` null is the kernel making the first PE, whose
// binding the caller has put in made->binding.
enum exo_error pe_make(struct pe *creator, exo_frame first, uint64_t count, struct sb_made *made) {
    if (creator != nullptr) {
        *made = sb_root(&derivations, &creator->bindings, EXO_KIND_PE, first.raw, 1, EXO_ALL, last_id + 1);
        if (made->error != EXO_OK) return made->error;
    }
    if (creator == nullptr) free_writers = UINT64_MAX;
    frame_make(first, EXO_FRAME_PE);
    frame_make((exo_frame){first.raw + 1}, EXO_FRAME_PE_PAGE);
    for (uint64_t i = 2; i < count; i++) frame_make((exo_frame){first.raw + i}, EXO_FRAME_BINDINGS);

    struct pe *pe = arch_frame(first);
    pe->frame = first;
    pe->id = ++last_id;
    pe->writer = writer_take();
    pe->frames = count;
    pe->state = EXO_PE_NEW;
    pe->binding = made->binding;
    arch_fpu_init(pe->fpu);
    sb_table_init(&pe->bindings, arch_frame((exo_frame){first.raw + 2}), (uint32_t)(count - 2) * PE_BINDINGS_PER_FRAME,
                  pe);
    pe_page(pe)->abi_version = EXO_ABI_VERSION;
    pe_page(pe)->id = pe->id;
    return EXO_OK;
}

void pe_end(struct pe *pe, enum exo_pe_end end, uint64_t status, uint64_t address) {
    gate_end(pe);
    pe->state = EXO_PE_ENDED;
    pe->end = end;
    pe->status = status;
    pe->address = address;
    if (pe->binding == nullptr) arch_panic("The first library OS has ended without stopping the machine.");
    upcall_post(pe->binding->table->owner, EXO_EVENT_ended);
}

struct exo_result call_pe_create(exo_handle frames, exo_frame first, uint64_t count) {
    FIND(binding, frames, FRAMES, EXO_OWN | EXO_READ | EXO_WRITE);
    CHECK(count >= 3 && count <= 2 + PE_BINDING_FRAMES_MAX, VALUE);
    CHECK(sb_covers(binding, first.raw, count), RANGE);
    for (uint64_t i = 0; i < count; i++) {
        const struct exo_frame_info *info = frame_info((exo_frame){first.raw + i});
        CHECK(info->type == EXO_FRAME_FREE || info->type == EXO_FRAME_DATA, TYPE);
        CHECK(frame_idle((exo_frame){first.raw + i}), BUSY);
    }
    struct sb_made made;
    const enum exo_error error = pe_make(arch_current(), first, count, &made);
    return (struct exo_result){error, error == EXO_OK ? made.handle.raw : 0};
}

struct exo_result call_pe_set_root(exo_handle pe, exo_handle frames, exo_frame root) {
    NAMED_PE(target, pe, EXO_WRITE);
    FIND(binding, frames, FRAMES, EXO_WRITE);
    CHECK(sb_covers(binding, root.raw, 1), RANGE);
    CHECK(frame_info(root)->type == EXO_FRAME_TABLE4, TYPE);
    CHECK(target->state == EXO_PE_NEW, STATE);
    if (target->root != 0) frame_unmapped((exo_frame){target->root >> EXO_PAGE_SHIFT});
    frame_mapped(root);
    target->root = root.raw << EXO_PAGE_SHIFT;
    return done(0);
}

struct exo_result call_pe_set_entry(exo_handle pe, uint64_t upcall, exo_vaddr address, exo_vaddr stack) {
    NAMED_PE(target, pe, EXO_WRITE);
    CHECK(upcall < EXO_UPCALLS, VALUE);
    CHECK(is_user_address(address) && is_user_address(stack), ADDRESS);
    target->entry[upcall] = (struct pe_entry){address.raw, stack.raw};
    return done(0);
}

struct exo_result call_pe_start(exo_handle pe, uint64_t argument) {
    NAMED_PE(target, pe, EXO_WRITE);
    CHECK(target->state == EXO_PE_NEW && target->root != 0, STATE);
    target->context = (struct exo_context){
        .rip = target->entry[EXO_UPCALL_start].address,
        .rsp = target->entry[EXO_UPCALL_start].stack,
        .rdi = argument,
        .rflags = 0x202,
    };
    target->state = EXO_PE_READY;
    return done(0);
}

struct exo_result call_pe_exit(uint64_t status) {
    pe_end(arch_current(), EXO_END_EXIT, status & UINT32_MAX, 0);
    return done(0);
}

struct exo_result call_pe_read(exo_handle pe) {
    NAMED_PE(target, pe, EXO_READ);
    *(struct exo_pe_state *)pe_page(arch_current())->args = (struct exo_pe_state){
        .state = target->state,
        .end = target->end,
        .status = target->status,
        .address = target->address,
    };
    return done(0);
}

struct exo_result call_pe_destroy(exo_handle pe) {
    FIND(binding, pe, PE, EXO_OWN);
    return (struct exo_result){reclaim_pe(pe_of(binding)), 0};
}
