// SPDX-License-Identifier: MIT
// Printing rows and lists of names. Workload names come from file names, so JSON strings are escaped.
#include "libos/pager/sim/output.h"
#include <inttypes.h>

static void json_string(FILE *file, const char *text) {
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < ' ')
            fprintf(file, "\\u%04x", c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

void output_begin(struct output *output) {
    switch (output->form) {
    case OUTPUT_JSON: fprintf(output->file, "{\"schema\":1,\"rows\":["); break;
    case OUTPUT_CSV:
        fprintf(output->file, "workload,policy,frames,references,faults,writebacks,reads,source,frames_mean\n");
        break;
    case OUTPUT_TABLE:
        fprintf(output->file, "%-16s %-13s %9s %11s %10s %10s %10s  %s\n", "workload", "policy", "frames", "references",
                "faults", "writebacks", "reads", "victims");
        break;
    }
}

void output_row(struct output *output, const struct simulation *simulation, const struct simulation_counts *counts) {
    FILE *file = output->file;
    const char *workload = simulation->trace->name, *policy = simulation->policy->name;
    const uint64_t references = counts->references;
    const double mean = references == 0 ? 0 : (double)counts->resident_sum / (double)references;
    switch (output->form) {
    case OUTPUT_JSON:
        fprintf(file, "%s\n{\"workload\":", output->rows > 0 ? "," : "");
        json_string(file, workload);
        fprintf(file, ",\"policy\":\"%s\",\"frames\":%" PRIu32 ",\"references\":%" PRIu64 ",\"faults\":%" PRIu64,
                policy, simulation->frames, counts->references, counts->faults);
        fprintf(file, ",\"writebacks\":%" PRIu64 ",\"reads\":%" PRIu64 ",\"source\":\"simulated\"", counts->writebacks,
                counts->reads);
        fprintf(file, ",\"frames_mean\":%.2f,\"resident_sum\":%" PRIu64, mean, counts->resident_sum);
        fprintf(file, ",\"pages\":%" PRIu32 ",\"sequence\":\"%016" PRIx64 "\"}", simulation->trace->pages,
                counts->sequence);
        break;
    case OUTPUT_CSV:
        fprintf(file, "%s,%s,%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",simulated,%.2f\n", workload,
                policy, simulation->frames, counts->references, counts->faults, counts->writebacks, counts->reads,
                mean);
        break;
    case OUTPUT_TABLE:
        fprintf(file,
                "%-16s %-13s %9" PRIu32 " %11" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "  %016" PRIx64 "\n",
                workload, policy, simulation->frames, counts->references, counts->faults, counts->writebacks,
                counts->reads, counts->sequence);
        break;
    }
    output->rows++;
}

void output_end(struct output *output) {
    if (output->form == OUTPUT_JSON) fprintf(output->file, "\n]}\n");
}

static void name_line(struct output *output, const char *kind, const char *name, const char *title) {
    switch (output->form) {
    case OUTPUT_JSON:
        fprintf(output->file, "%s\n{\"kind\":\"%s\",\"name\":\"%s\",\"title\":\"%s\"}", output->rows > 0 ? "," : "",
                kind, name, title);
        break;
    case OUTPUT_CSV: fprintf(output->file, "%s,%s,\"%s\"\n", kind, name, title); break;
    case OUTPUT_TABLE: fprintf(output->file, "%-7s %-13s %s\n", kind, name, title); break;
    }
    output->rows++;
}

void output_names(struct output *output) {
    if (output->form == OUTPUT_JSON) fprintf(output->file, "{\"schema\":1,\"rows\":[");
    if (output->form == OUTPUT_CSV) fprintf(output->file, "kind,name,title\n");
    for (const struct policy *const *policy = policies; *policy != nullptr; policy++) {
        name_line(output, "policy", (*policy)->name, (*policy)->title);
    }
    for (const struct trace_recipe *recipe = trace_recipes; recipe->name != nullptr; recipe++) {
        name_line(output, "trace", recipe->name, recipe->title);
    }
    output_end(output);
}
