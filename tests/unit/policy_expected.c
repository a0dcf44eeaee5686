// SPDX-License-Identifier: MIT
// What is expected of single policies: every tests/policies/NAME.txt is read, and each of its lines must hold of the
// policy NAME. The forms of lines are in tests/policies/README.md.
#include "libos/pager/sim/simulate.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

constexpr size_t LINE = 1000;

// What is wrong, a sentence; empty if nothing is.
struct complaint {
    char text[2 * LINE];
};

[[gnu::format(printf, 2, 3)]] static bool complain(struct complaint *complaint, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint->text, sizeof complaint->text, format, arguments);
    va_end(arguments);
    return false;
}

struct victims {
    const struct trace *trace;
    char text[LINE];
};

static void note(void *context, uint32_t page) {
    struct victims *victims = context;
    const size_t used = strlen(victims->text);
    snprintf(victims->text + used, sizeof victims->text - used, "%s%lu", used == 0 ? "" : " ",
             victims->trace->number[page]);
}

static bool run(const struct policy *policy, const struct trace *trace, uint32_t frames, struct victims *victims,
                uint64_t *faults, struct complaint *complaint) {
    const struct simulation options = {.policy = policy,
                                       .trace = trace,
                                       .frames = frames,
                                       .seed = 1,
                                       .evicted = victims == nullptr ? nullptr : note,
                                       .context = victims};
    struct simulation_counts counts;
    if (!simulate(&options, &counts))
        return complain(complaint, "%s needs at least %u frames", policy->name, policy->minimum);
    *faults = counts.faults;
    return true;
}

// "1 2W 3": references, as far as they go. Returns what follows them.
static const char *read_pages(const char *text, struct trace *trace) {
    unsigned long page;
    for (int used; sscanf(text, "%lu%n", &page, &used) == 1;) {
        text += used;
        const bool write = *text == 'W';
        text += write;
        trace_add(trace, page, write);
    }
    return text + strspn(text, " ");
}

static bool same_words(const char *a, const char *b) {
    for (;;) {
        a += strspn(a, " ");
        b += strspn(b, " ");
        const size_t length = strcspn(a, " ");
        if (length != strcspn(b, " ") || strncmp(a, b, length) != 0) return false;
        if (length == 0) return true;
        a += length;
        b += length;
    }
}

static bool check_victims(const struct policy *policy, uint32_t frames, const char *text, struct complaint *complaint) {
    struct trace *trace = trace_new("line");
    struct victims victims = {.trace = trace};
    uint64_t faults;
    const char *arrow = read_pages(text, trace);
    bool good = trace->length > 0 && strncmp(arrow, "->", 2) == 0;
    if (!good)
        complain(complaint, "expected “FRAMES: PAGES -> VICTIMS”");
    else
        good = run(policy, trace, frames, &victims, &faults, complaint);
    if (good && !same_words(victims.text, arrow + 2))
        good = complain(complaint, "the victims are %s", victims.text[0] == '\0' ? "none" : victims.text);
    trace_free(trace);
    return good;
}

static bool check_faults(const struct policy *policy, const char *name, uint32_t frames, const char *relation,
                         const char *bound, struct complaint *complaint) {
    const struct policy *other = policy_find(bound);
    char *end;
    uint64_t faults = 0, wanted = strtoull(bound, &end, 10);
    struct trace *trace = trace_new(name);
    bool good;
    if (!trace_generate(trace, name))
        good = complain(complaint, "no generated trace is called %s", name);
    else if (other == nullptr && (*end != '\0' || end == bound))
        good = complain(complaint, "%s is neither a number nor a policy", bound);
    else
        good = run(policy, trace, frames, nullptr, &faults, complaint)
               && (other == nullptr || run(other, trace, frames, nullptr, &wanted, complaint));
    if (good && (strcmp(relation, "=") == 0 ? faults != wanted : faults > wanted))
        good = complain(complaint, "%lu faults, %s has %lu", faults, other == nullptr ? "the line" : bound, wanted);
    trace_free(trace);
    return good;
}

// Does a line hold of a policy? Empty lines and those that begin with # do.
static bool holds(const struct policy *policy, const char *line, struct complaint *complaint) {
    char trace[LINE], relation[LINE], bound[LINE], rest[LINE];
    unsigned frames;
    int used = 0;
    line += strspn(line, " ");
    if (*line == '\0' || *line == '#') return true;
    if (strlen(line) >= LINE - 1) return complain(complaint, "the line is too long");
    if (sscanf(line, "%u:%n", &frames, &used) == 1 && used > 0)
        return check_victims(policy, frames, line + used, complaint);
    if (sscanf(line, "%s %u %s %s %s", trace, &frames, relation, bound, rest) == 4
        && (strcmp(relation, "=") == 0 || strcmp(relation, "<=") == 0))
        return check_faults(policy, trace, frames, relation, bound, complaint);
    return complain(complaint, "expected “FRAMES: PAGES -> VICTIMS” or “TRACE FRAMES = N” or “TRACE FRAMES <= N”");
}

// Checks a file; returns how many lines say something.
static unsigned check_file(const char *path) {
    char name[LINE], line[LINE];
    snprintf(name, sizeof name, "%s", strrchr(path, '/') + 1);
    name[strlen(name) - strlen(".txt")] = '\0';
    const struct policy *policy = policy_find(name);
    cr_assert_not_null(policy, "%s: there is no policy %s", path, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s: %s", path, strerror(errno));
    unsigned said = 0;
    for (unsigned number = 1; fgets(line, sizeof line, file) != nullptr; number++) {
        struct complaint complaint = {};
        line[strcspn(line, "\n")] = '\0';
        said += line[0] != '\0' && line[0] != '#';
        cr_expect(holds(policy, line, &complaint), "tests/policies/%s.txt:%u: “%s”: %s", name, number, line,
                  complaint.text);
    }
    fclose(file);
    return said;
}

Test(policy_expected, every_line_of_every_file_holds) {
    char pattern[LINE];
    const char *root = getenv("SOURCE_ROOT"); // set by meson; else the current folder is the root
    snprintf(pattern, sizeof pattern, "%s/tests/policies/*.txt", root == nullptr ? "." : root);
    glob_t found;
    cr_assert_eq(glob(pattern, 0, nullptr, &found), 0, "%s: no files", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        cr_expect_gt(check_file(found.gl_pathv[i]), 0, "%s says nothing", found.gl_pathv[i]);
    }
    globfree(&found);
}

static void expect_complaint(const char *policy, const char *line, const char *wanted) {
    struct complaint complaint = {};
    cr_expect_not(holds(policy_find(policy), line, &complaint), "“%s” is taken to hold", line);
    cr_expect_not_null(strstr(complaint.text, wanted), "“%s”: %s", line, complaint.text);
}

Test(policy_expected, a_line_that_does_not_hold_says_what_happens_instead) {
    struct complaint complaint = {};
    cr_expect(holds(policy_find("fifo"), "2: 1 2 3 -> 1", &complaint), "%s", complaint.text);
    expect_complaint("fifo", "2: 1 2 3 -> 2", "the victims are 1");
    expect_complaint("fifo", "2: 1 2 3 4 -> 1", "the victims are 1 2");
    expect_complaint("fifo", "2: 1 2 3 -> 1 2", "the victims are 1");
    expect_complaint("fifo", "3: 1 2 3 -> 1", "the victims are none");
    expect_complaint("fifo", "anomaly 3 = 10", "9 faults, the line has 10");
    expect_complaint("fifo", "anomaly 4 <= 9", "10 faults");
    expect_complaint("fifo", "anomaly 3 <= opt", "9 faults, opt has 7");
}

Test(policy_expected, a_line_that_cannot_be_read_is_refused) {
    expect_complaint("fifo", "3: -> 1", "expected “FRAMES:");
    expect_complaint("fifo", "3: 1 2 3", "expected “FRAMES:");
    expect_complaint("fifo", "3: 1 2 x -> 1", "expected “FRAMES:");
    expect_complaint("fifo", "anomaly 3 < 10", "expected");
    expect_complaint("fifo", "anomaly 3 = 10 20", "expected");
    expect_complaint("fifo", "anomaly = 10", "expected");
    expect_complaint("fifo", "anomoly 3 = 10", "no generated trace is called anomoly");
    expect_complaint("fifo", "anomaly 3 = ten", "neither a number nor a policy");
    expect_complaint("clockpro", "anomaly 1 = 10", "needs at least");
}
