// SPDX-License-Identifier: MIT
// The four operations on bindings, the same for every kind. The rules are in secure-bindings/; what a binding was
// used for is taken back by reclaim.c.
#include "exo/call.h"
#include "exo/reclaim.h"

static struct exo_result made_result(struct sb_made made) {
    return (struct exo_result){made.error, made.error == EXO_OK ? made.handle.raw : 0};
}

struct exo_result call_binding_derive(exo_handle source, uint64_t first, uint64_t count, uint64_t rights) {
    struct sb_table *table = &arch_current()->bindings;
    const struct sb_found found = sb_find_any(table, source);
    if (found.error != EXO_OK) return (struct exo_result){found.error, 0};
    return made_result(sb_derive(found.binding, table, first, count, rights));
}

struct exo_result call_binding_grant(exo_handle source, exo_handle pe, uint64_t first, uint64_t count,
                                     uint64_t rights) {
    const struct sb_found found = sb_find_any(&arch_current()->bindings, source);
    if (found.error != EXO_OK) return (struct exo_result){found.error, 0};
    FIND(target, pe, PE, EXO_WRITE);
    CHECK(found.binding->rights & EXO_GRANT, RIGHTS);
    CHECK(pe_of(target)->state != EXO_PE_ENDED, STATE);
    return made_result(sb_derive(found.binding, &pe_of(target)->bindings, first, count, rights));
}

struct exo_result call_binding_revoke(exo_handle source) {
    const struct sb_found found = sb_find_any(&arch_current()->bindings, source);
    if (found.error != EXO_OK) return (struct exo_result){found.error, 0};
    return (struct exo_result){reclaim_descendants(found.binding), 0};
}

// A binding that is half dropped is found by its handle for this call alone.
struct exo_result call_binding_drop(exo_handle handle) {
    struct sb_table *table = &arch_current()->bindings;
    struct sb_binding *binding = sb_find_dying(table, handle);
    if (binding == nullptr) {
        const struct sb_found found = sb_find_any(table, handle);
        if (found.error != EXO_OK) return (struct exo_result){found.error, 0};
        binding = found.binding;
        CHECK(binding->kind != EXO_KIND_PE || pe_of(binding)->binding != binding, BUSY);
    }
    CHECK(sb_descendant(binding) == nullptr, BUSY);
    return (struct exo_result){reclaim_drop(binding), 0};
}

struct exo_result call_binding_read(exo_handle handle) {
    const struct sb_found found = sb_find_any(&arch_current()->bindings, handle);
    if (found.error != EXO_OK) return (struct exo_result){found.error, 0};
    *(struct exo_binding *)pe_page(arch_current())->args = (struct exo_binding){
        .kind = found.binding->kind,
        .rights = found.binding->rights,
        .first = found.binding->first,
        .count = found.binding->count,
    };
    return done(0);
}
