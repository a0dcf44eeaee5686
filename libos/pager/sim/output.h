// SPDX-License-Identifier: MIT
// The rows that bindery-sim prints: a table for people, CSV, or JSON of schema 1.
#pragma once
#include "libos/pager/sim/simulate.h"
#include <stdio.h>

enum output_form { OUTPUT_TABLE, OUTPUT_CSV, OUTPUT_JSON };

struct output {
    FILE *file;
    enum output_form form;
    unsigned rows; // printed so far
};

void output_begin(struct output *output);
void output_row(struct output *output, const struct simulation *simulation, const struct simulation_counts *counts);
void output_end(struct output *output);

// Every policy and every generated trace, in the output's form.
void output_names(struct output *output);
