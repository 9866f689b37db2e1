// Block sums of quantised head rows in plain C, for levels without byte dot products worth an
// intrinsic.
#ifndef BITNET_TEMPLATES_FLOAT_HEAD_PORTABLE_H_
#define BITNET_TEMPLATES_FLOAT_HEAD_PORTABLE_H_

#include "templates/float/rows.h"

// |sum| <= 32 * 128 * 32639 < 2^28
BN_FLOAT_INLINE int32_t q8_block_sum(const uint8_t* q, const int16_t* h) {
  int32_t sum = 0;
  for (int i = 0; i < kQ8Block; ++i) sum += (int32_t)(int8_t)q[i] * h[i];
  return sum;
}

// A plane's sum: |.| <= 256 * 128 * 32 * 128 = 2^27. Joined they are exact in double: 1.4e8 * 257 <
// 2^53.
BN_FLOAT_INLINE float q6_block_sum(const uint8_t* block, const uint8_t* h) {
  int8_t code[kQ6Block];
  for (int half = 0; half < 2; ++half) {
    for (int l = 0; l < 32; ++l) {
      const int low = block[64 * half + l], next = block[64 * half + 32 + l],
                high = block[kQ6High + 32 * half + l];
      code[128 * half + l] = (int8_t)(((low & 15) | (high & 3) << 4) - 32);
      code[128 * half + 32 + l] = (int8_t)(((next & 15) | (high >> 2 & 3) << 4) - 32);
      code[128 * half + 64 + l] = (int8_t)((low >> 4 | (high >> 4 & 3) << 4) - 32);
      code[128 * half + 96 + l] = (int8_t)((next >> 4 | high >> 6 << 4) - 32);
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

#endif  // BITNET_TEMPLATES_FLOAT_HEAD_PORTABLE_H_
