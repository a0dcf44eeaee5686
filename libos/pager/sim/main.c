// SPDX-License-Identifier: MIT
// bindery-sim: the command around the simulator. Exit status: 0 done, 2 bad usage or input.
#include "libos/pager/sim/formats.h"
#include "libos/pager/sim/output.h"
#include "libos/pager/sim/pool.h"
#include "libos/pager/sim/suggest.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "Counts what a page-replacement policy does to a reference string.\n\n"
    "  bindery-sim --trace @loop1100 --policy fifo,clock1,opt --frames 500,1000\n"
    "  bindery-sim --trace refs.txt --policy all --frames 64 --json\n"
    "  bindery-sim --generate dirtymix > dirtymix.txt\n"
    "  bindery-sim --convert refs.txt refs.oracleGeneral.bin.zst\n\n"
    "  --trace FILE,…     lines PAGE, PAGE R or PAGE W, decimal, or libCacheSim's oracleGeneral, plain or zstd;\n"
    "                     +PAGE: by the same instruction as the line before; @NAME for a generated trace\n"
    "  --policy NAME,…    'all' for every one (those that need more frames are left out)\n"
    "  --frames N,…       frames, from 1 on; N% is a share of the trace's different pages\n"
    "  --region POLICY:FIRST+PAGES\n"
    "                     repeated, in place of --policy: regions of pages that share the frames; a row for each\n"
    "  --json, --csv      instead of a table; JSON is {\"schema\":1,\"rows\":[…]}\n"
    "  --generate NAME    print a generated trace\n"
    "  --convert IN OUT   write a trace in the form that OUT's name says: *.oracleGeneral*, *.bin; *.zst\n"
    "  --leave-out        leave out the cells of policies that need more frames, as 'all' does, and don't refuse them\n"
    "  --speed N          run each cell N times and tell on standard error how fast the fastest was\n"
    "  --list             print the names of policies and generated traces\n"
    "  --evictions        print the victims of each run, one page a line, before its row\n"
    "  --faults           the same for the positions of its faults in the trace, from 0 on\n"
    "  --seed N           of the policies that draw numbers (1)\n"
    "  --zero-filled      a page is read only after it has been written back once, as anonymous memory is\n"
    "  --starts-clear     the accessed bit of a new page starts clear, as in papers and unlike hardware\n"
    "  --changes          the trace is of changes of page: a page that the reference before had is not told of again\n"
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

// A number of frames, or of hundredths of a trace's pages.
struct size {
    uint32_t number;
    bool is_share;
};

static struct size size_of(const char *text) {
    char plain[32];
    const size_t length = strlen(text);
    const bool is_share = length > 1 && length < sizeof plain && text[length - 1] == '%';
    if (is_share) snprintf(plain, sizeof plain, "%.*s", (int)length - 1, text);
    return (struct size){(uint32_t)number("--frames", is_share ? plain : text, 1, 1u << 30), is_share};
}

// Shares are rounded to the nearest number, halves to the even one, and are at least one frame.
static uint32_t frames_of(struct size size, uint32_t pages) {
    if (!size.is_share) return size.number;
    const uint64_t hundredths = (uint64_t)size.number * pages;
    uint64_t frames = hundredths / 100;
    const uint64_t rest = hundredths % 100;
    if (rest > 50 || (rest == 50 && frames % 2 == 1)) frames++;
    return frames == 0 ? 1 : frames > 1u << 30 ? 1u << 30 : (uint32_t)frames;
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

// A workload is called as its file is, without folder and endings.
static struct trace *loaded(const char *path) {
    if (path[0] == '@') return generated(path + 1);
    char *name = trace_name_of(path);
    struct trace *trace = trace_new(name);
    free(name);
    char error[4608];
    if (!trace_read(trace, path, error, sizeof error)) refuse("%s", error);
    return trace;
}

static void print_trace(const struct trace *trace) {
    for (size_t i = 0; i < trace->length; i++) {
        char line[TEXT_LINE];
        fwrite(line, 1, text_line(trace, i, line), stdout);
    }
}

static void convert(const char *from, const char *to) {
    char error[4608];
    struct trace *trace = loaded(from);
    if ((trace->has_writes || trace->groups != 0) && name_is_oracle_general(to))
        fprintf(stderr, "bindery-sim: oracleGeneral has no place for reads and writes%s: %s holds pages only\n",
                trace->groups == 0 ? "" : ", nor for instructions with several pages", to);
    if (!trace_write(trace, to, error, sizeof error)) refuse("%s", error);
    trace_free(trace);
}

static void print_victim(void *context, uint32_t page) {
    printf("%" PRIu64 "\n", ((const struct trace *)context)->number[page]);
}

static void print_fault(void *, uint64_t position) {
    printf("%" PRIu64 "\n", position);
}

struct lists {
    char **traces, **policies, **frames;
};

struct command {
    struct trace **traces; // ended by a null pointer
    char **policies, **frames;
    struct simulation options;
    struct simulation_pool pool; // count 0: none
    struct output output;
    unsigned repeats; // to measure speed; 0: don't
    bool leave_out;
};

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void tell_speed(const struct command *command) {
    const struct simulation *options = &command->options;
    double best = 0;
    for (unsigned i = 0; i < command->repeats; i++) {
        struct simulation_counts counts;
        const double begin = seconds();
        if (!simulate(options, &counts)) return;
        const double took = seconds() - begin, speed = (double)counts.references / (took > 0 ? took : 1e-9);
        if (speed > best) best = speed;
    }
    fprintf(stderr, "%s, %s, %" PRIu32 " frames: %.1f million references/s\n", options->trace->name,
            options->policy->name, options->frames, best / 1e6);
}

// One row, left out if the policy needs more frames.
static void run_cell(struct command *command, const struct policy *policy) {
    struct simulation_counts counts;
    command->options.policy = policy;
    if (!simulate(&command->options, &counts)) return;
    output_row(&command->output, &command->options, &counts);
    if (command->repeats > 0) tell_speed(command);
}

static void run_pool(struct command *command) {
    struct simulation_counts counts[POOL_MOST];
    command->pool.common = command->options;
    if (!simulate_pool(&command->pool, counts)) refuse("a policy of a region needs more frames");
    for (unsigned i = 0; i < command->pool.count; i++) {
        command->options.policy = command->pool.region[i].policy;
        output_row(&command->output, &command->options, &counts[i]);
    }
}

static void run_frames(struct command *command) {
    if (command->pool.count != 0) run_pool(command);
    for (char **name = command->policies; *name != nullptr; name++) {
        if (strcmp(*name, "all") != 0) {
            run_cell(command, policy_named(*name));
            continue;
        }
        for (const struct policy *const *each = policies; *each != nullptr; each++) run_cell(command, *each);
    }
}

static void run_all(struct command *command, bool evictions, bool faults) {
    output_begin(&command->output);
    for (struct trace **trace = command->traces; *trace != nullptr; trace++) {
        command->options.trace = *trace;
        command->options.evicted = evictions ? print_victim : nullptr;
        command->options.faulted = faults ? print_fault : nullptr;
        command->options.context = *trace;
        for (char **frames = command->frames; *frames != nullptr; frames++) {
            command->options.frames = frames_of(size_of(*frames), (*trace)->pages);
            run_frames(command);
        }
        trace_free(*trace);
    }
    output_end(&command->output);
}

static void check_minimum(const struct command *command, const struct policy *policy, uint32_t frames) {
    if (frames < policy->minimum && !command->leave_out)
        refuse("%s needs at least %" PRIu32 " frames, not %" PRIu32, policy->name, policy->minimum, frames);
}

static void check_widest(const struct command *command, const struct trace *trace, uint32_t frames) {
    if (frames < trace->widest && !command->leave_out)
        refuse("%s: an instruction needs %" PRIu32 " pages at once, more than %" PRIu32 " frames", trace->name,
               trace->widest, frames);
}

static void check_shares(const struct command *command, const struct trace *trace) {
    for (char **frames = command->frames; *frames != nullptr; frames++)
        check_widest(command, trace, frames_of(size_of(*frames), trace->pages));
    for (char **name = command->policies; *name != nullptr; name++) {
        for (char **frames = command->frames; *frames != nullptr; frames++) {
            if (strcmp(*name, "all") != 0)
                check_minimum(command, policy_named(*name), frames_of(size_of(*frames), trace->pages));
        }
    }
}

static void add_region(struct simulation_pool *pool, char *text) {
    if (pool->count == POOL_MOST) refuse("at most %u regions", POOL_MOST);
    const char *wrong = pool_region_read(&pool->region[pool->count++], text);
    if (wrong != nullptr) refuse("--region: %s", wrong);
}

// Everything that can be refused is, before anything is printed.
static void check(struct command *command, const struct lists *lists) {
    static char *none[] = {nullptr};
    const bool pool = command->pool.count != 0;
    if (lists->traces == nullptr || (lists->policies == nullptr && !pool) || lists->frames == nullptr) {
        refuse("--trace, --policy and --frames are needed; see --help");
    }
    if (lists->policies != nullptr && pool)
        refuse("--region says which policies there are; --policy does not go with it");
    command->policies = pool ? none : lists->policies;
    command->frames = lists->frames;
    for (char **frames = lists->frames; *frames != nullptr; frames++) {
        for (char **name = command->policies; *name != nullptr; name++) {
            const struct size size = size_of(*frames);
            if (strcmp(*name, "all") == 0) continue;
            const struct policy *policy = policy_named(*name);
            if (!size.is_share) check_minimum(command, policy, size.number);
        }
    }
    size_t count = 0;
    while (lists->traces[count] != nullptr) count++;
    command->traces = calloc(count + 1, sizeof *command->traces);
    if (command->traces == nullptr) abort();
    for (size_t i = 0; i < count; i++) {
        command->traces[i] = loaded(lists->traces[i]);
        check_shares(command, command->traces[i]);
    }
}

enum {
    TRACE = 1,
    POLICY,
    FRAMES,
    REGION,
    JSON,
    CSV,
    GENERATE,
    CONVERT,
    LEAVE_OUT,
    SPEED,
    LIST,
    EVICTIONS,
    FAULTS,
    SEED,
    ZERO_FILLED,
    STARTS_CLEAR,
    CHANGES,
    DROP_REPEATS,
    HELP
};

static const struct option long_options[] = {
    {"trace", required_argument, nullptr, TRACE},
    {"policy", required_argument, nullptr, POLICY},
    {"frames", required_argument, nullptr, FRAMES},
    {"region", required_argument, nullptr, REGION},
    {"json", no_argument, nullptr, JSON},
    {"csv", no_argument, nullptr, CSV},
    {"generate", required_argument, nullptr, GENERATE},
    {"convert", required_argument, nullptr, CONVERT},
    {"leave-out", no_argument, nullptr, LEAVE_OUT},
    {"speed", required_argument, nullptr, SPEED},
    {"list", no_argument, nullptr, LIST},
    {"evictions", no_argument, nullptr, EVICTIONS},
    {"faults", no_argument, nullptr, FAULTS},
    {"seed", required_argument, nullptr, SEED},
    {"zero-filled", no_argument, nullptr, ZERO_FILLED},
    {"starts-clear", no_argument, nullptr, STARTS_CLEAR},
    {"changes", no_argument, nullptr, CHANGES},
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
    const char *generate = nullptr, *convert_from = nullptr;
    bool list = false, evictions = false, faults = false;
    for (int option; (option = getopt_long(argc, argv, "", long_options, nullptr)) != -1;) {
        switch (option) {
        case TRACE: lists.traces = split("--trace", optarg); break;
        case POLICY: lists.policies = split("--policy", optarg); break;
        case FRAMES: lists.frames = split("--frames", optarg); break;
        case REGION: add_region(&command.pool, optarg); break;
        case JSON: command.output.form = OUTPUT_JSON; break;
        case CSV: command.output.form = OUTPUT_CSV; break;
        case GENERATE: generate = optarg; break;
        case CONVERT: convert_from = optarg; break;
        case LEAVE_OUT: command.leave_out = true; break;
        case SPEED: command.repeats = (unsigned)number("--speed", optarg, 1, 1000); break;
        case LIST: list = true; break;
        case EVICTIONS: evictions = true; break;
        case FAULTS: faults = true; break;
        case SEED: command.options.seed = number("--seed", optarg, 0, UINT64_MAX); break;
        case ZERO_FILLED: command.options.zero_filled = true; break;
        case STARTS_CLEAR: command.options.starts_clear = true; break;
        case CHANGES: command.options.changes = true; break;
        case DROP_REPEATS: command.options.drop_repeats = true; break;
        case HELP: fputs(usage, stdout); return 0;
        default: refuse_option(argv[optind - 1]);
        }
    }
    if (convert_from != nullptr) {
        if (optind + 1 != argc) refuse("--convert wants two files: what to read, and what to write");
        convert(convert_from, argv[optind++]);
        return 0;
    }
    if (optind < argc) refuse("'%s' is not an option; see --help", argv[optind]);
    if ((evictions || faults) && command.output.form != OUTPUT_TABLE)
        refuse("--%s goes with the table only", evictions ? "evictions" : "faults");
    if (evictions && faults) refuse("--evictions and --faults are two lists; give one of them");
    if (list) {
        output_names(&command.output);
    } else if (generate != nullptr) {
        struct trace *trace = generated(generate);
        print_trace(trace);
        trace_free(trace);
    } else {
        check(&command, &lists);
        run_all(&command, evictions, faults);
    }
    if (fflush(stdout) != 0) refuse("writing the result: %s", strerror(errno));
    return 0;
}
