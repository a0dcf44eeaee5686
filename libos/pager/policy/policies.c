// SPDX-License-Identifier: MIT
// The table of built-in policies, made from policies.def, and the look-up by name.
#include "libos/pager/policy.h"

#define POLICY(name) extern const struct policy policy_##name;
#include "libos/pager/policy/policies.def"
#undef POLICY

const struct policy *const policies[] = {
#define POLICY(name) &policy_##name,
#include "libos/pager/policy/policies.def"
#undef POLICY
    nullptr,
};

static bool same(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct policy *policy_find(const char *name) {
    for (const struct policy *const *policy = policies; *policy != nullptr; policy++) {
        if (same((*policy)->name, name)) return *policy;
    }
    return nullptr;
}
