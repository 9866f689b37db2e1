// Quantised rows of an embedding or head, as GGUF stores them.
//   Q8_0   blocks of 32: f16 d, int8 q[32]; w = d * q
//   Q6_K   super-blocks of 256: ql[128], qh[64], int8 scale[16], f16 d; w = (d * scale[i / 16]) * q
//          element 128 h + 32 j + l: low four bits in nibble j / 2 of ql[64 h + 32 (j % 2) + l],
//          high two bits in pair j of qh[32 h + l]; q = those six bits - 32
// Rows lie in a mapped file: blocks are aligned to 2 bytes at best, and nothing past a row may be
// read.
#ifndef BITNET_TEMPLATES_FLOAT_ROWS_H_
#define BITNET_TEMPLATES_FLOAT_ROWS_H_

#include "templates/float_ops.h"

enum {
  kQ8Block = 32,
  kQ8Bytes = 34,
  kQ6Block = 256,
  kQ6Bytes = 210,
  kQ6High = 128,
  kQ6Scales = 192,
  kQ6D = 208,
};

BN_FLOAT_INLINE uint16_t bn_row_u16(const uint8_t* p) {
  typedef uint16_t Unaligned __attribute__((aligned(1), may_alias));
  return *(const Unaligned*)p;  // little-endian, as every level here
}

BN_FLOAT_INLINE int bn_q6_code(const uint8_t* block, int64_t i) {
  const int64_t h = i / 128, j = i % 128 / 32, l = i % 32;
  const int low = block[64 * h + 32 * (j % 2) + l] >> (4 * (j / 2)) & 15;
  const int high = block[kQ6High + 32 * h + l] >> (2 * j) & 3;
  return (low | high << 4) - 32;
}

#endif  // BITNET_TEMPLATES_FLOAT_ROWS_H_
