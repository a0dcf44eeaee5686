// SPDX-License-Identifier: MIT
// See assign.h.
#include "libos/unix/linked/assign.h"
#include "libos/core/arguments.h"
#include "libos/core/print.h"
#include <string.h>

static const char DEFAULT[] = "default";

static bool is_name_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_';
}

bool assign_is_name(const char *name) {
    size_t length = 0;
    while (length <= ASSIGN_NAME && is_name_byte(name[length])) length++;
    return length > 0 && length <= ASSIGN_NAME && name[length] == '\0' && strcmp(name, DEFAULT) != 0;
}

[[gnu::format(printf, 2, 3)]] static bool wrong(struct assignment *assignment, const char *format, ...) {
    va_list values;
    va_start(values, format);
    format_list(assignment->problem, sizeof assignment->problem, format, values);
    va_end(values);
    return false;
}

static struct assigned *named(struct assignment *assignment, const char *name) {
    for (unsigned i = 0; i < assignment->count; i++) {
        if (strcmp(assignment->of[i].name, name) == 0) return &assignment->of[i];
    }
    return nullptr;
}

// POLICY or POLICY@FRAMES.
static bool read_policy(struct assignment *assignment, struct assigned *to, char *text) {
    char *frames = strchr(text, '@');
    if (frames != nullptr) *frames++ = '\0';
    to->policy = policy_find(text);
    if (to->policy == nullptr) return wrong(assignment, "there is no policy %s", text);
    if (frames != nullptr && (!arguments_number(frames, &to->frames) || to->frames == 0))
        return wrong(assignment, "%s is no number of frames for region %s", frames, to->name);
    return true;
}

// REGION=POLICY or REGION=POLICY@FRAMES.
static bool read_entry(struct assignment *assignment, char *entry) {
    char *policy = strchr(entry, '=');
    if (policy == nullptr) return wrong(assignment, "%s does not say which region it is for", entry);
    *policy++ = '\0';
    if (!assign_is_name(entry) && strcmp(entry, DEFAULT) != 0)
        return wrong(assignment, "a region can't be called \"%s\"", entry);
    if (named(assignment, entry) != nullptr) return wrong(assignment, "region %s is there twice", entry);
    if (named(assignment, DEFAULT) != nullptr) return wrong(assignment, "%s comes after the default", entry);
    if (assignment->count == ASSIGN_MOST) return wrong(assignment, "at most %u regions", ASSIGN_MOST);
    struct assigned *to = &assignment->of[assignment->count++];
    strcpy(to->name, entry);
    return read_policy(assignment, to, policy);
}

// What is left of the total for regions without frames of their own.
static bool share_out(struct assignment *assignment, uint64_t total) {
    uint64_t own = 0;
    for (unsigned i = 0; i < assignment->count; i++) {
        own += assignment->of[i].frames;
        assignment->sharers += assignment->of[i].frames == 0;
    }
    if (total == 0 && assignment->sharers > 1)
        return wrong(assignment, "%u regions share frames; say how many there are in all, with frames=N",
                     assignment->sharers);
    if (total == 0) return true;
    if (own > total || (own == total && assignment->sharers != 0))
        return wrong(assignment, "the regions' own frames are %lu, and there are %lu in all", own, total);
    assignment->rest = total - own;
    return true;
}

bool assign_read(struct assignment *assignment, const char *text, uint64_t total) {
    char copy[512];
    *assignment = (struct assignment){.is_map = strchr(text, '=') != nullptr};
    if (strlen(text) >= sizeof copy) return wrong(assignment, "too long");
    strcpy(copy, text);
    if (!assignment->is_map) {
        struct assigned *to = &assignment->of[assignment->count++];
        strcpy(to->name, DEFAULT);
        return read_policy(assignment, to, copy) && share_out(assignment, total);
    }
    for (char *at = copy, *comma; at != nullptr; at = comma) {
        comma = strchr(at, ',');
        if (comma != nullptr) *comma++ = '\0';
        if (!read_entry(assignment, at)) return false;
    }
    if (named(assignment, DEFAULT) == nullptr) return wrong(assignment, "it ends without a default=POLICY");
    return share_out(assignment, total);
}

struct assigned *assign_find(struct assignment *assignment, const char *name) {
    struct assigned *found = named(assignment, name);
    if (found == nullptr) return &assignment->of[assignment->count - 1];
    found->used = true;
    return found;
}
