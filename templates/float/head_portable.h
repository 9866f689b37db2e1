// Sums of quantised head rows in plain C, for levels without byte dot products worth an intrinsic.
#ifndef BITNET_TEMPLATES_FLOAT_HEAD_PORTABLE_H_
#define BITNET_TEMPLATES_FLOAT_HEAD_PORTABLE_H_

#include "templates/float/rows.h"

enum { kPreparedBlock = 512, kRowsAtOnce = 1, kEvenFirst = 0 };

BN_FLOAT_INLINE void prepare_extra(uint8_t* block, int64_t i, BnI16 high, BnI16 low) {
  (void)block, (void)i, (void)high, (void)low;
}

// A block: |sum| <= 32 * 128 * 32639 < 2^28
BN_FLOAT_INLINE float q8_row(const uint8_t* row, int64_t k, const int16_t* h, int64_t ahead) {
  (void)ahead;
  float logit = 0;
  for (int64_t begin = 0; begin < k; begin += kQ8Block, row += kQ8Bytes) {
    int32_t sum = 0;
    for (int i = 0; i < kQ8Block; ++i) sum += (int32_t)(int8_t)row[2 + i] * h[begin + i];
    logit = bn_fma((float)sum, bn_from_f16(bn_row_u16(row)), logit);
  }
  return logit;
}

// A plane's sum: |.| <= 256 * 128 * 32 * 128 = 2^27. Joined they are exact in double: 2^27 * 257 <
// 2^53.
BN_FLOAT_INLINE float q6_block_sum(const uint8_t* block, const uint8_t* h) {
  int8_t code[kQ6Block];
  for (int half = 0; half < 2; ++half) {
    for (int l = 0; l < 32; ++l) {
      const int a = block[64 * half + l], b = block[64 * half + 32 + l],
                top = block[kQ6High + 32 * half + l];
      code[128 * half + l] = (int8_t)(((a & 15) | (top & 3) << 4) - 32);
      code[128 * half + 32 + l] = (int8_t)(((b & 15) | (top >> 2 & 3) << 4) - 32);
      code[128 * half + 64 + l] = (int8_t)((a >> 4 | (top >> 4 & 3) << 4) - 32);
      code[128 * half + 96 + l] = (int8_t)((b >> 4 | top >> 6 << 4) - 32);
    }
  }
  int32_t high = 0, low = 0;
  for (int group = 0; group < 16; ++group) {
    int32_t group_high = 0, group_low = 0;
    for (int i = 0; i < 16; ++i) {
      group_high += (int16_t)code[16 * group + i] * (int16_t)(int8_t)h[16 * group + i];
      group_low += (int16_t)code[16 * group + i] * (int16_t)(int8_t)h[kPlane + 16 * group + i];
    }
    const int32_t scale = (int8_t)block[kQ6Scales + group];
    high += scale * group_high;
    low += scale * group_low;
  }
  return (float)((double)high * 256.0 + (double)low);
}

BN_FLOAT_INLINE void q6_rows(const uint8_t* const row[kRowsAtOnce], int64_t k, const uint8_t* h,
                             int64_t ahead, float chain[kRowsAtOnce]) {
  (void)ahead;
  float sum = 0;
  const uint8_t* block = row[0];
  for (int64_t i = 0; i < k; i += kQ6Block, block += kQ6Bytes, h += kPreparedBlock) {
    sum = bn_fma(q6_block_sum(block, h), bn_from_f16(bn_row_u16(block + kQ6D)), sum);
  }
  chain[0] = sum;
}

#include "templates/float/head_nibbles_portable.h"

#endif  // BITNET_TEMPLATES_FLOAT_HEAD_PORTABLE_H_
