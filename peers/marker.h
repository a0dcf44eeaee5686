// SPDX-License-Identifier: MIT
// Marks in a guest program that the counter (peers/counter) sees and nothing else does.
//
//   MARKER(MARKER_BEGIN | 3);  …what is to be counted…  MARKER(MARKER_END | 3);
//
// A marker is one instruction, a long NOP whose displacement names it: 0f 1f 80 and four bytes. It reads no memory,
// changes no register and is harmless on hardware. The counter knows it by its bytes when it is translated, so its
// name must be a constant. Counts are taken as a marker is executed: of two in a row, one is between them.
//
// Names are MARKER_BEGIN, MARKER_END or MARKER_STEP with the number of what is measured, below 256.
#ifndef PEERS_MARKER_H
#define PEERS_MARKER_H

#define MARKER_MAGIC 0x0b1d0000 // the displacement's upper half
#define MARKER_BEGIN 0x000
#define MARKER_END 0x100
#define MARKER_STEP 0x200 // on the way from a beginning to its end

#define MARKER(name) __asm__ volatile(".byte 0x0f, 0x1f, 0x80\n\t.long %c0" ::"i"(MARKER_MAGIC | (name)) : "memory")

#endif
