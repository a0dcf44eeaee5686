// SPDX-License-Identifier: MIT
// S3-FIFO with threshold 1: one use after its load takes a page from the small queue to the main one. The rules are in
// s3fifo.h.
// State: 10 bytes a frame and 8 a page.
// With fewer than 20 frames the small queue would have one page, and libCacheSim loads nothing: that is the minimum.
#include "libos/pager/policy/s3fifo.h"

struct policy_state {
    struct s3fifo queues;
};

static size_t s3fifo_t1_state_size(uint32_t frames, uint32_t pages) {
    return s3fifo_size(frames, pages);
}

static void s3fifo_t1_start(struct policy_state *s, const struct policy_view *view) {
    s3fifo_start(&s->queues, view, 1);
}

static void s3fifo_t1_fault(struct policy_state *s, uint32_t page) {
    s3fifo_fault(&s->queues, page);
}

static uint32_t s3fifo_t1_victim(struct policy_state *s, uint32_t) {
    return s3fifo_victim(&s->queues);
}

static void s3fifo_t1_removed(struct policy_state *s, uint32_t page, uint32_t slot) {
    s3fifo_removed(&s->queues, page, slot);
}

static void s3fifo_t1_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s3fifo_inserted(&s->queues, slot);
}

static void s3fifo_t1_touched(struct policy_state *s, uint32_t slot) {
    s3fifo_touched(&s->queues, slot);
}

const struct policy policy_s3fifo_t1 = {
    .name = "s3fifo_t1",
    .title = "S3-FIFO, one use for the main queue (sees every reference)",
    .source = "Yang, Zhang, Qiu, Yue, Rashmi, SOSP 2023",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 20, // two in the small queue
    .state_size = s3fifo_t1_state_size,
    .start = s3fifo_t1_start,
    .fault = s3fifo_t1_fault,
    .victim = s3fifo_t1_victim,
    .removed = s3fifo_t1_removed,
    .inserted = s3fifo_t1_inserted,
    .touched = s3fifo_t1_touched,
};
