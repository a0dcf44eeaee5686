// SPDX-License-Identifier: MIT
// See attacker.h.
#include "tests/vm/attacker.h"

// What a call can see besides its arguments. Flags are set right before the call, so that TF is not felt by an
// instruction; if a stack pointer is given, flags are not.
struct wild {
    uint64_t rsp, flags, r9, rcx_and_r11, kept, selector; // kept: rbx rbp r12-r15
};

// struct exo_result attacker_call(number, words, wild). The kernel may change all registers: what was in them is on the
// stack, and the stack pointer in the PE page.
struct exo_result attacker_call(uint64_t number, const uint64_t words[5], const struct wild *wild);
extern const char attacker_bare[];
static_assert(offsetof(struct exo_pe_page, resume_rip) == 128 && EXO_FIRST_PE_PAGE == 0x1ff000);
__asm__(".text\nattacker_call:\n"
        "pushq %rbx\n pushq %rbp\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n movq %rsp, 0x1ff080\n"
        "movq %rdi, %rax\n notq %rax\n movq %rdx, %r11\n"
        "movl 40(%r11), %ecx\n movl %ecx, %ds\n movl %ecx, %es\n movl %ecx, %fs\n movl %ecx, %gs\n"
        "movq 32(%r11), %rbx\n"
        "movq %rbx, %rbp\n movq %rbx, %r12\n movq %rbx, %r13\n movq %rbx, %r14\n movq %rbx, %r15\n"
        "movq 16(%r11), %r9\n movq 24(%r11), %rcx\n"
        "movq (%rsi), %rdi\n movq 16(%rsi), %rdx\n movq 24(%rsi), %r10\n movq 32(%rsi), %r8\n movq 8(%rsi), %rsi\n"
        "cmpq $0, (%r11)\n jne 1f\n"
        "pushq 8(%r11)\n movq %rcx, %r11\n popfq\n syscall\n jmp 2f\n"
        "1: movq (%r11), %rsp\n movq %rcx, %r11\n syscall\n"
        "2: movq 0x1ff080, %rsp\n popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbp\n popq %rbx\n ret\n"

        // What PEs run that an attacker has made: calls from registers alone, with no stack, for ever.
        "attacker_bare:\n rdtsc\n movq %rax, %rbx\n"
        "1: imulq $0x5851f42d, %rbx, %rbx\n addq $0x7654321, %rbx\n"
        "testl $0x1f00000, %ebx\n jne 2f\n movq $~20, %rax\n xorl %edi, %edi\n syscall\n" // one in 32 is a yield
        "2: movq %rbx, %rax\n shrq $40, %rax\n andl $63, %eax\n"
        "notq %rax\n movq %rbx, %rdi\n shrq $17, %rdi\n movq %rbx, %rsi\n shrq $50, %rsi\n movq %rsi, %rdx\n"
        "movq %rbx, %r10\n movq %rdi, %r8\n syscall\n jmp 1b\n");

struct attacker {
    const struct attacker_order *order;
    uint64_t state;
    exo_handle handles[32]; // the order's, and what it comes to hold
    unsigned count;
    exo_handle made; // the PE made last
};

static uint64_t draw(struct attacker *self, uint64_t below) {
    self->state = self->state * 6364136223846793005 + 1442695040888963407;
    return (self->state >> 33) % below;
}

static uint64_t any(struct attacker *self) {
    switch (draw(self, 4)) {
    case 0: return draw(self, 1ull << 31) << 33 | draw(self, 1ull << 31) << 2;
    case 1: return -draw(self, 20);
    case 2: return 1ull << draw(self, 64);
    default: return draw(self, 4096);
    }
}

static exo_handle draw_handle(struct attacker *self) {
    switch (draw(self, 16)) {
    case 0: return (exo_handle){any(self)};
    case 1: return (exo_handle){1 << 16 | draw(self, 20)};
    case 2: return EXO_NO_HANDLE;
    case 3:
    case 4:
    case 5: return self->order->frames;
    case 6: return self->order->tables;
    default: return self->handles[draw(self, self->count)];
    }
}

static exo_frame draw_frame(struct attacker *self) {
    switch (draw(self, 12)) {
    case 0: return (exo_frame){any(self)};
    case 1: return self->order->aims[draw(self, ATTACKER_AIMS)];
    case 2: return self->order->ring;
    case 3:
    case 4: return (exo_frame){self->order->root.raw + draw(self, 5)};
    default: return (exo_frame){self->order->region.raw + draw(self, self->order->region_count)};
    }
}

static exo_vaddr draw_address(struct attacker *self) {
    if (draw(self, 12) == 0) return (exo_vaddr){any(self)};
    return (exo_vaddr){0x11'0000 + (draw(self, 64) << EXO_PAGE_SHIFT)};
}

// Mostly of its level-1 table, and there mostly of pages that it does not live on.
static exo_paddr draw_slot(struct attacker *self) {
    const exo_frame aim = self->order->aims[draw(self, ATTACKER_AIMS)];
    if (draw(self, 12) == 0) return (exo_paddr){(aim.raw << EXO_PAGE_SHIFT) + 8 * draw(self, 512)};
    if (draw(self, 8) == 0) return (exo_paddr){(draw_frame(self).raw << EXO_PAGE_SHIFT) + 8 * draw(self, 512)};
    if (draw(self, 40) == 0) return (exo_paddr){any(self)};
    return (exo_paddr){((self->order->root.raw + 3) << EXO_PAGE_SHIFT) + 8 * (0x110 + draw(self, 64))};
}

static exo_entry draw_entry(struct attacker *self) {
    if (draw(self, 6) == 0) return (exo_entry){0};
    const uint64_t entry = exo_entry_for(draw_frame(self), draw(self, 8)).raw;
    return (exo_entry){draw(self, 30) == 0 ? entry ^ any(self) : entry};
}

static uint64_t draw_number(struct attacker *self) {
    if (draw(self, 8) == 0) return any(self);
    return draw(self, 3) == 0 ? draw_frame(self).raw : draw(self, 20);
}

#define WORD(T)                                                                                                        \
    _Generic((T){0},                                                                                                   \
        exo_handle: draw_handle(self).raw,                                                                             \
        exo_frame: draw_frame(self).raw,                                                                               \
        exo_paddr: draw_slot(self).raw,                                                                                \
        exo_entry: draw_entry(self).raw,                                                                               \
        exo_vaddr: draw_address(self).raw,                                                                             \
        exo_protect: draw_address(self).raw / 8 * 8 | draw(self, 9),                                                   \
        uint64_t: draw_number(self))

static void draw_words(struct attacker *self, uint64_t number, uint64_t words[5]) {
#define ARGS0()
#define ARGS1(A, a) words[0] = WORD(A);
#define ARGS2(A, a, B, b) ARGS1(A, a) words[1] = WORD(B);
#define ARGS3(A, a, B, b, C, c) ARGS2(A, a, B, b) words[2] = WORD(C);
#define ARGS4(A, a, B, b, C, c, D, d) ARGS3(A, a, B, b, C, c) words[3] = WORD(D);
#define ARGS5(A, a, B, b, C, c, D, d, E, e) ARGS4(A, a, B, b, C, c, D, d) words[4] = WORD(E);
    switch (number) {
#define CALL(number, name, arguments, ...)                                                                             \
    case number: arguments break;
#include "pe/calls.def"
#undef CALL
    default:
        for (unsigned i = 0; i < 5; i++) words[i] = any(self);
    }
}

// Where the type of an argument says too little, most are made such that the call can succeed.
static void make_sensible(struct attacker *self, uint64_t number, uint64_t words[5]) {
    const struct attacker_order *order = self->order;
    if (draw(self, 6) == 0) return;
    const uint64_t pe = draw(self, 2) == 0 ? self->made.raw : order->pes[draw(self, ATTACKERS)].raw;
    switch (number) {
    case EXO_CALL_binding_derive:
    case EXO_CALL_binding_grant:
        if (draw(self, 2) == 0) break; // a part of its frames, more often than of anything
        words[0] = order->frames.raw;
        if (number == EXO_CALL_binding_grant) words[1] = pe;
        words[number == EXO_CALL_binding_derive ? 1 : 2] = draw_frame(self).raw;
        words[number == EXO_CALL_binding_derive ? 2 : 3] = 1 + draw(self, 3);
        break;
    case EXO_CALL_frame_retype:
        words[0] = order->frames.raw, words[2] = 1 + draw(self, 4);
        words[3] = draw(self, 2) == 0 ? EXO_FRAME_DATA : draw(self, 7);
        break;
    case EXO_CALL_tlb_set: words[0] = order->tables.raw, words[2] = order->frames.raw; break;
    case EXO_CALL_tlb_set_batch:
        words[0] = order->tables.raw, words[1] = order->frames.raw, words[2] = draw(self, 5);
        break;
    case EXO_CALL_tlb_protect:
        words[0] = order->tables.raw, words[2] = 1 + draw(self, 8);
        words[3] = order->frames.raw, words[4] |= EXO_READ;
        break;
    case EXO_CALL_tlb_harvest:
        words[0] = order->tables.raw, words[2] = 1 + draw(self, 8);
        words[3] = (1 + draw(self, 3)) * EXO_ENTRY_ACCESSED;
        break;
    case EXO_CALL_pe_create: words[0] = order->frames.raw, words[2] = 3 + draw(self, 2); break;
    case EXO_CALL_ring_bind: words[0] = order->rings.raw, words[1] = order->ring.raw; break;
    case EXO_CALL_pe_start:
    case EXO_CALL_pe_destroy: words[0] = self->made.raw; break;
    case EXO_CALL_pe_set_root:
        words[0] = self->made.raw, words[1] = order->tables.raw;
        words[2] = draw(self, 4) == 0 ? order->aims[draw(self, ATTACKER_AIMS)].raw : order->root.raw;
        break;
    case EXO_CALL_pe_set_entry:
        words[0] = self->made.raw, words[1] %= EXO_UPCALLS;
        if (draw(self, 4) != 0) words[2] = (uint64_t)attacker_bare;
        break;
    case EXO_CALL_slice_set: words[0] = order->slices.raw, words[1] = 8 + draw(self, 12), words[2] = pe; break;
    case EXO_CALL_gate_make: words[1] = draw(self, 4), words[2] = 1 + draw(self, 4); break;
    case EXO_CALL_gate_call: words[0] = draw_handle(self).raw & ~(draw(self, 2) * EXO_ONE_WAY); break;
    default: break;
    }
}

// Its page and its ring are its own to write, at any time.
static void write_page(struct attacker *self, uint64_t number) {
    volatile struct exo_pe_page *page = CHILD_PAGE;
    struct exo_tlb_update *updates = (struct exo_tlb_update *)page->args;
    if (number == EXO_CALL_tlb_set_batch)
        for (unsigned i = 0; i < 4; i++) updates[i] = (struct exo_tlb_update){draw_slot(self), draw_entry(self)};
    if (number == EXO_CALL_gate_call) page->call_deadline = __builtin_ia32_rdtsc() + draw(self, 100'000);
    switch (draw(self, 512)) {
    case 0: page->pending = any(self); break;
    case 1: page->mask = any(self); break;
    case 2: page->exception.busy = any(self); break;
    case 3: page->interrupt_busy = any(self); break;
    case 4: page->taken = (uint32_t)any(self); break;
    case 5: page->id = any(self); break;
    default: break;
    }
    if (number != EXO_CALL_ring_kick) return;
    volatile struct exo_ring *ring = (volatile struct exo_ring *)ATTACKER_RING;
    for (uint64_t i = draw(self, 4); i > 0; i--)
        ring->requests[ring->submitted++ % EXO_RING_SIZE] = (struct exo_ring_request){
            draw(self, 2) == 0 ? draw_handle(self) : self->order->blocks,
            draw(self, 2) == 0 ? draw_handle(self) : self->order->frames,
            draw(self, 4) == 0 ? self->order->aims[draw(self, ATTACKER_AIMS)] : draw_frame(self),
            draw(self, 12),
            draw(self, 4),
            0};
    ring->taken = draw(self, 20) == 0 ? (uint32_t)any(self) : ring->completed;
    if (draw(self, 20) == 0) ring->submitted = (uint32_t)any(self);
}

// Some numbers more often than the others; rarely what ends the attacker, or has it wait, or is no call.
static uint64_t draw_call(struct attacker *self) {
    static const uint8_t often[] = {EXO_CALL_tlb_set,   EXO_CALL_tlb_set,      EXO_CALL_tlb_set,  EXO_CALL_ring_kick,
                                    EXO_CALL_gate_call, EXO_CALL_frame_retype, EXO_CALL_pe_start, EXO_CALL_ring_kick};
    uint64_t number = draw(self, 30);
    if (draw(self, 2) == 0) number = often[draw(self, sizeof often)];
    const bool takes = number == EXO_CALL_pe_destroy || number == EXO_CALL_binding_revoke;
    const bool ends = number == EXO_CALL_pe_exit || number == EXO_CALL_pe_wait || number == EXO_CALL_gate_reply;
    if ((ends && draw(self, 30) != 0) || (takes && draw(self, 3) != 0)) number = EXO_CALL_tlb_set;
    if (draw(self, 1000) == 0) number = any(self);
    return number;
}

// Writes where it has just mapped a page, and into some that it mapped earlier, or thinks so.
static void write_memory(struct attacker *self, const uint64_t words[5]) {
    const uint64_t table1 = (self->order->root.raw + 3) << EXO_PAGE_SHIFT, page = (words[1] - table1) / 8;
    constexpr uint64_t writable = EXO_ENTRY_PRESENT | EXO_ENTRY_WRITE;
    if (page >= EXO_TABLE_ENTRIES || (words[3] & writable) != writable) return;
    *(volatile uint64_t *)((page << EXO_PAGE_SHIFT) + 8 * draw(self, 512)) = any(self);
    if (draw(self, 64) == 0) *(volatile uint64_t *)(draw_address(self).raw & ~7ull) = any(self);
}

uint64_t attacks(uint64_t order) {
    struct attacker self = {.order = (const struct attacker_order *)order};
    self.state = self.order->seed;
    for (unsigned i = 0; i < ATTACKER_HANDLES && self.order->handles[i].raw != 0; i++)
        self.handles[self.count++] = self.order->handles[i];
    for (uint64_t call = 1;; call++) {
        const uint64_t number = draw_call(&self);
        uint64_t words[5] = {};
        draw_words(&self, number, words);
        make_sensible(&self, number, words);
        write_page(&self, number);
        struct wild wild = {.flags = 0x202,
                            .r9 = any(&self),
                            .rcx_and_r11 = any(&self),
                            .kept = any(&self),
                            .selector = draw(&self, 4)};
        if (draw(&self, 4) == 0) wild.flags |= any(&self) & 0x247fd5;
        if (draw(&self, 4) == 0) wild.rsp = any(&self);
        const struct exo_result result = attacker_call(number, words, &wild);
        if (result.error == EXO_OK && number < EXO_CALLS) CHILD_PAGE->interrupt_resume_rip |= 1ull << number;
        const bool made =
            number == EXO_CALL_binding_derive || number == EXO_CALL_pe_create || number == EXO_CALL_gate_make;
        if (result.error == EXO_OK && number == EXO_CALL_tlb_set) write_memory(&self, words);
        if (result.error == EXO_OK && number == EXO_CALL_pe_create) self.made.raw = result.value;
        if (result.error == EXO_OK && made) {
            if (self.count < sizeof self.handles / sizeof *self.handles) self.count++;
            self.handles[ATTACKER_HANDLES / 2 + call % (self.count - ATTACKER_HANDLES / 2)].raw = result.value;
        }
        if (call % 256 == 0) (void)exo_pe_yield(EXO_NO_HANDLE);
    }
}
