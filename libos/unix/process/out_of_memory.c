// SPDX-License-Identifier: MIT
// Who ends when no memory is left: the process that uses the most, as on Linux, whoever wanted the page. Never the
// first one, and never one that shares its memory with the first one: the end of that is everybody's.
//
//   uses the most: of anonymous memory, in frames or swapped; what a fork shares counts for both. Of equals the younger
//   ends:          by SIGKILL, with all that share its address space
//   its memory:    is taken at once, before it runs again. It may sleep for long where no signal wakes it, and
//                  whoever wants the page may hold what it sleeps for
//
// So each choice takes one process away, and who asks again comes to an end. What is not asked: what the memory is good
// for, and who has asked for it last.
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/futex.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/trace.h"
#include <signal.h>

bool process_is_ending(const struct process *process) {
    if (process->zombie || process->ending || (process->pending & signal_bit(SIGKILL))) return true;
    for (const struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling)
        if (thread->state != THREAD_ENDED && (thread->pending & signal_bit(SIGKILL))) return true;
    return false;
}

// Whether somebody's program will run in this memory again.
static bool is_lived_in(const struct vm *memory) {
    for (const struct process *process = processes; process != nullptr; process = process->next)
        if (process->memory == memory && !process_is_ending(process)) return true;
    return false;
}

// The process whose memory is to be taken, and how many pages it uses; null: there is none. First of all one that has
// been told to end and has not run since.
static struct process *choose(uint64_t *most) {
    const struct vm *kept = process_find(1)->memory;
    struct process *chosen = nullptr;
    *most = 0;
    for (struct process *process = processes; process != nullptr; process = process->next) {
        if (process->memory == nullptr || process->memory == kept) continue;
        const uint64_t uses = vm_private(process->memory);
        if (uses != 0 && !is_lived_in(process->memory)) return process;
        if (uses == 0 || uses < *most || (uses == *most && process->started < chosen->started)) continue;
        chosen = process;
        *most = uses;
    }
    return chosen;
}

// Locks in memory that others share say so when their holder ends: as long as the list of them can be read.
static void tell_locks(struct process *ends, struct process *runs) {
    struct vm *const own = runs->memory;
    runs->memory = ends->memory;
    memory_enter(ends->memory);
    for (struct thread *thread = ends->threads; thread != nullptr; thread = thread->sibling)
        if (thread->state != THREAD_ENDED) futex_thread_ends(thread);
    runs->memory = own;
    memory_enter(own);
}

bool memory_give_up(struct process *wants) {
    static bool busy; // what tell_locks reads may need memory, too
    uint64_t pages;
    struct process *const chosen = busy || process_is_ending(wants) ? nullptr : choose(&pages);
    if (chosen == nullptr) return false;
    struct vm *const memory = chosen->memory;
    if (is_lived_in(memory))
        notice("process %d (%s) was ended: no memory was left, and it used the most, %lu KiB", chosen->pid,
               chosen->name, pages * (EXO_PAGE_SIZE / 1024));
    for (struct process *process = processes; process != nullptr; process = process->next)
        if (process->memory == memory) signal_process(process, SIGKILL);
    if (memory == wants->memory) return false;
    busy = true;
    for (struct process *process = processes; process != nullptr; process = process->next)
        if (process->memory == memory) tell_locks(process, wants);
    busy = false;
    vm_reap(memory);
    return true;
}
