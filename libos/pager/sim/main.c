// SPDX-License-Identifier: MIT
// bindery-sim: the command around the simulator. Exit status: 0 done, 2 bad usage or input.
#include "libos/pager/sim/output.h"
#include "libos/pager/sim/suggest.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Counts what a page-replacement policy does to a reference string.\n\n"
    "  bindery-sim --trace @loop1100 --policy fifo,clock1,opt --frames 500,1000\n"
    "  bindery-sim --trace refs.txt --policy all --frames 64 --json\n"
    "  bindery-sim --generate dirtymix > dirtymix.txt\n\n"
    "  --trace FILE,…     lines PAGE, PAGE R or PAGE W, decimal; @NAME for a generated trace\n"
    "  --policy NAME,…    'all' for every one (those that need more frames are left out)\n"
    "  --frames N,…       frames, from 1 on\n"
    "  --json, --csv      instead of a table; JSON is {\"schema\":1,\"rows\":[…]}\n"
    "  --generate NAME    print a generated trace\n"
    "  --list             print the names of policies and generated traces\n"
    "  --evictions        print the victims of each run, one page a line, before its row\n"
    "  --seed N           of the policies that draw numbers (1)\n"
    "  --zero-filled      a page is read only after it has been written back once, as anonymous memory is\n"
    "  --starts-clear     the accessed bit of a new page starts clear, as in papers and unlike hardware\n"
    "  --drop-repeats     a reference to the same page as the one before counts but sets no bit\n";

[[noreturn, gnu::format(printf, 1, 2)]] static void refuse(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("bindery-sim: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

[[noreturn]] static void refuse_name(const char *what, const struct suggestion *suggestion) {
    const char *best = suggestion_best(suggestion);
    if (best != nullptr) refuse("no %s is called '%s'; did you mean '%s'?", what, suggestion->wanted, best);
    refuse("no %s is called '%s'; --list prints the names", what, suggestion->wanted);
}

static uint64_t number(const char *option, const char *text, uint64_t lowest, uint64_t highest) {
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] < '0' || text[0] > '9' || value < lowest
        || value > highest) {
        refuse("%s wants a number from %" PRIu64 " to %" PRIu64 ", not '%s'", option, lowest, highest, text);
    }
    return value;
}

static uint32_t frames_number(const char *text) {
    return (uint32_t)number("--frames", text, 1, 1u << 30);
}

// The parts of a list by comma, in memory that is never freed: the lists live as long as the program.
static char **split(const char *option, char *list) {
    size_t count = 0;
    char **parts = calloc(strlen(list) + 2, sizeof *parts);
    if (parts == nullptr) abort();
    for (char *part; (part = strsep(&list, ",")) != nullptr;) {
        if (*part == '\0') refuse("%s has an empty item in its list", option);
        parts[count++] = part;
    }
    return parts;
}

static const struct policy *policy_named(const char *name) {
    const struct policy *policy = policy_find(name);
    if (policy != nullptr) return policy;
    struct suggestion suggestion = {.wanted = name};
    for (const struct policy *const *each = policies; *each != nullptr; each++)
        suggestion_consider(&suggestion, (*each)->name);
    refuse_name("policy", &suggestion);
}

static struct trace *generated(const char *name) {
    struct trace *trace = trace_new(name);
    if (trace_generate(trace, name)) return trace;
    struct suggestion suggestion = {.wanted = name};
    for (const struct trace_recipe *each = trace_recipes; each->name != nullptr; each++)
        suggestion_consider(&suggestion, each->name);
    refuse_name("generated trace", &suggestion);
}

// A workload is called as its file is, without folder and ending.
static struct trace *loaded(const char *path) {
    if (path[0] == '@') return generated(path + 1);
    const char *slash = strrchr(path, '/');
    struct trace *trace = trace_new(slash == nullptr ? path : slash + 1);
    char *dot = strrchr(trace->name, '.');
    if (dot != nullptr && dot != trace->name) *dot = '\0';
    char error[4608];
    if (!trace_read(trace, path, error, sizeof error)) refuse("%s", error);
    return trace;
}

static void print_trace(const struct trace *trace) {
    for (size_t i = 0; i < trace->length; i++) {
        uint32_t reference = trace->reference[i];
        const char *kind = !trace->has_writes ? "" : reference_writes(reference) ? " W" : " R";
        printf("%" PRIu64 "%s\n", trace->number[reference_page(reference)], kind);
    }
}

static void print_victim(void *context, uint32_t page) {
    printf("%" PRIu64 "\n", ((const struct trace *)context)->number[page]);
}

struct lists {
    char **traces, **policies, **frames;
};

struct command {
    struct trace **traces; // ended by a null pointer
    char **policies, **frames;
    struct simulation options;
    struct output output;
};

// One row, left out if the policy needs more frames.
static void run_cell(struct command *command, const struct policy *policy) {
    struct simulation_counts counts;
    command->options.policy = policy;
    if (simulate(&command->options, &counts)) output_row(&command->output, &command->options, &counts);
}

static void run_frames(struct command *command) {
    for (char **name = command->policies; *name != nullptr; name++) {
        if (strcmp(*name, "all") != 0) {
            run_cell(command, policy_named(*name));
            continue;
        }
        for (const struct policy *const *each = policies; *each != nullptr; each++) run_cell(command, *each);
    }
}

static void run_all(struct command *command, bool evictions) {
    output_begin(&command->output);
    for (struct trace **trace = command->traces; *trace != nullptr; trace++) {
        command->options.trace = *trace;
        command->options.evicted = evictions ? print_victim : nullptr;
        command->options.context = *trace;
        for (char **frames = command->frames; *frames != nullptr; frames++) {
            command->options.frames = frames_number(*frames);
            run_frames(command);
        }
        trace_free(*trace);
    }
    output_end(&command->output);
}

// Everything that can be refused is, before anything is printed.
static void check(struct command *command, const struct lists *lists) {
    if (lists->traces == nullptr || lists->policies == nullptr || lists->frames == nullptr) {
        refuse("--trace, --policy and --frames are needed; see --help");
    }
    command->policies = lists->policies;
    command->frames = lists->frames;
    for (char **frames = lists->frames; *frames != nullptr; frames++) {
        for (char **name = lists->policies; *name != nullptr; name++) {
            uint32_t given = frames_number(*frames);
            if (strcmp(*name, "all") == 0) continue;
            const struct policy *policy = policy_named(*name);
            if (given < policy->minimum) refuse("%s needs at least %" PRIu32 " frames", policy->name, policy->minimum);
        }
    }
    size_t count = 0;
    while (lists->traces[count] != nullptr) count++;
    command->traces = calloc(count + 1, sizeof *command->traces);
    if (command->traces == nullptr) abort();
    for (size_t i = 0; i < count; i++) command->traces[i] = loaded(lists->traces[i]);
}

enum {
    TRACE = 1,
    POLICY,
    FRAMES,
    JSON,
    CSV,
    GENERATE,
    LIST,
    EVICTIONS,
    SEED,
    ZERO_FILLED,
    STARTS_CLEAR,
    DROP_REPEATS,
    HELP
};

static const struct option long_options[] = {
    {"trace", required_argument, nullptr, TRACE},
    {"policy", required_argument, nullptr, POLICY},
    {"frames", required_argument, nullptr, FRAMES},
    {"json", no_argument, nullptr, JSON},
    {"csv", no_argument, nullptr, CSV},
    {"generate", required_argument, nullptr, GENERATE},
    {"list", no_argument, nullptr, LIST},
    {"evictions", no_argument, nullptr, EVICTIONS},
    {"seed", required_argument, nullptr, SEED},
    {"zero-filled", no_argument, nullptr, ZERO_FILLED},
    {"starts-clear", no_argument, nullptr, STARTS_CLEAR},
    {"drop-repeats", no_argument, nullptr, DROP_REPEATS},
    {"help", no_argument, nullptr, HELP},
    {},
};

// getopt has said what is wrong; a near option is named too.
[[noreturn]] static void refuse_option(const char *word) {
    struct suggestion suggestion = {.wanted = word + strspn(word, "-")};
    for (const struct option *option = long_options; option->name != nullptr; option++)
        suggestion_consider(&suggestion, option->name);
    const char *best = suggestion_best(&suggestion);
    if (best != nullptr && strcmp(best, suggestion.wanted) != 0) refuse("did you mean '--%s'?", best);
    exit(2);
}

int main(int argc, char **argv) {
    struct lists lists = {};
    struct command command = {.options.seed = 1, .output.file = stdout};
    const char *generate = nullptr;
    bool list = false, evictions = false;
    for (int option; (option = getopt_long(argc, argv, "", long_options, nullptr)) != -1;) {
        switch (option) {
        case TRACE: lists.traces = split("--trace", optarg); break;
        case POLICY: lists.policies = split("--policy", optarg); break;
        case FRAMES: lists.frames = split("--frames", optarg); break;
        case JSON: command.output.form = OUTPUT_JSON; break;
        case CSV: command.output.form = OUTPUT_CSV; break;
        case GENERATE: generate = optarg; break;
        case LIST: list = true; break;
        case EVICTIONS: evictions = true; break;
        case SEED: command.options.seed = number("--seed", optarg, 0, UINT64_MAX); break;
        case ZERO_FILLED: command.options.zero_filled = true; break;
        case STARTS_CLEAR: command.options.starts_clear = true; break;
        case DROP_REPEATS: command.options.drop_repeats = true; break;
        case HELP: fputs(usage, stdout); return 0;
        default: refuse_option(argv[optind - 1]);
        }
    }
    if (optind < argc) refuse("'%s' is not an option; see --help", argv[optind]);
    if (evictions && command.output.form != OUTPUT_TABLE) refuse("--evictions goes with the table only");
    if (list) {
        output_names(&command.output);
    } else if (generate != nullptr) {
        struct trace *trace = generated(generate);
        print_trace(trace);
        trace_free(trace);
    } else {
        check(&command, &lists);
        run_all(&command, evictions);
    }
    if (fflush(stdout) != 0) refuse("writing the result: %s", strerror(errno));
    return 0;
}
