// SPDX-License-Identifier: MIT
// S3-FIFO with threshold 2: a page leaves the small queue for the main one if it was used at least twice after its
// load. The rules are in s3fifo.h.
// State: 10 bytes a frame and 8 a page.
// With fewer than 20 frames the small queue would have one page, and libCacheSim loads nothing: that is the minimum.
#include "libos/pager/policy/s3fifo.h"

struct policy_state {
    struct s3fifo queues;
};

static size_t s3fifo_t2_state_size(uint32_t frames, uint32_t pages) {
    return s3fifo_size(frames, pages);
}

static void s3fifo_t2_start(struct policy_state *s, const struct policy_view *view) {
    s3fifo_start(&s->queues, view, 2);
}

static void s3fifo_t2_fault(struct policy_state *s, uint32_t page) {
    s3fifo_fault(&s->queues, page);
}

static uint32_t s3fifo_t2_victim(struct policy_state *s, uint32_t) {
    return s3fifo_victim(&s->queues);
}

static void s3fifo_t2_removed(struct policy_state *s, uint32_t page, uint32_t slot) {
    s3fifo_removed(&s->queues, page, slot);
}

static void s3fifo_t2_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s3fifo_inserted(&s->queues, slot);
}

static void s3fifo_t2_touched(struct policy_state *s, uint32_t slot) {
    s3fifo_touched(&s->queues, slot);
}

const struct policy policy_s3fifo_t2 = {
    .name = "s3fifo_t2",
    .title = "S3-FIFO, two uses for the main queue (sees every reference)",
    .source = "Yang, Zhang, Qiu, Yue, Rashmi, SOSP 2023",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 20, // two in the small queue
    .state_size = s3fifo_t2_state_size,
    .start = s3fifo_t2_start,
    .fault = s3fifo_t2_fault,
    .victim = s3fifo_t2_victim,
    .removed = s3fifo_t2_removed,
    .inserted = s3fifo_t2_inserted,
    .touched = s3fifo_t2_touched,
};
