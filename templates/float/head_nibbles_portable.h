// Sums of head rows in types of nibbles, in plain C.
#ifndef BITNET_TEMPLATES_FLOAT_HEAD_NIBBLES_PORTABLE_H_
#define BITNET_TEMPLATES_FLOAT_HEAD_NIBBLES_PORTABLE_H_

#include "templates/float/rows.h"

// Elements 32 j .. 32 j + 31 of a block, without their offset.
BN_FLOAT_INLINE void nibble_codes(int32_t type, const uint8_t* block, int j, int16_t code[32]) {
  const BnNibbles t = bn_nibbles(type);
  if (t.block == 256) {
    for (int l = 0; l < 32; ++l) code[l] = (int16_t)bn_nibble_code(type, block, 32 * j + l);
    return;
  }
  const uint32_t fifth = t.high ? bn_row_u32(block + t.high) : 0;
  for (int l = 0; l < 16; ++l) {
    const int both = block[t.codes + l];
    code[l] = (int16_t)((both & 15) | (int)(fifth >> l & 1) << 4);
    code[16 + l] = (int16_t)(both >> 4 | (int)(fifth >> (16 + l) & 1) << 4);
  }
}

// |sum| <= 32 * 31 * 32639 < 2^25
BN_FLOAT_INLINE int32_t nibble_sum(int32_t type, const uint8_t* block, int j, const int16_t* h) {
  int16_t code[32];
  nibble_codes(type, block, j, code);
  int32_t sum = 0;
  for (int i = 0; i < 32; ++i) sum += code[i] * h[i];
  return sum;
}

BN_FLOAT_INLINE void nibble_rows(int32_t type, const uint8_t* const row[kRowsAtOnce], int64_t k,
                                 const int16_t* h, const int32_t* sums, int64_t ahead,
                                 float chain[kRowsAtOnce]) {
  (void)ahead;
  const BnNibbles t = bn_nibbles(type);
  const uint8_t* block = row[0];
  float logit = 0;
  for (int64_t i = 0; i < k; i += t.block, block += t.bytes, h += t.block, sums += t.block / 32) {
    const float d = bn_from_f16(bn_row_u16(block));
    if (t.block == 32) {
      logit = bn_fma((float)(nibble_sum(type, block, 0, h) - t.offset * sums[0]), d, logit);
      if (t.min) logit = bn_fma((float)sums[0], bn_from_f16(bn_row_u16(block + t.min)), logit);
      continue;
    }
    const BnScales s = bn_unpack_scales(block);
    int64_t sum = 0;
    int32_t low = 0;
    for (int j = 0; j < 8; ++j) {
      sum += (int64_t)(s.sc >> (8 * j) & 255) * nibble_sum(type, block, j, h + 32 * j);
      low += (int32_t)(s.m >> (8 * j) & 255) * sums[j];
    }
    logit = bn_fma((float)sum, d, logit);
    logit = bn_fma(-(float)low, bn_from_f16(bn_row_u16(block + t.min)), logit);
  }
  chain[0] = logit;
}

#endif  // BITNET_TEMPLATES_FLOAT_HEAD_NIBBLES_PORTABLE_H_
