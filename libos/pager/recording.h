// SPDX-License-Identifier: MIT
// A recorded reference as a word: its page, whether one instruction makes it together with the one before, and its
// kind. The words of a region stand one after the other, little-endian, in the blocks that pager_record_to names;
// tools/recording.py reads them.
#pragma once
#include <stdint.h>

enum recorded_kind : uint32_t {
    RECORDED_READ,
    RECORDED_WRITE,
    RECORDED_LATE, // read, and written only when the instruction had all of its pages
};

constexpr uint32_t RECORDED_KIND = 3;
constexpr uint32_t RECORDED_JOINED = 4;
constexpr unsigned RECORDED_SHIFT = 3;
constexpr uint32_t RECORDED_PAGES = 1u << (32 - RECORDED_SHIFT); // that a region can have
