// Rows of quantised heads, the same for all vector widths. The level's header before this one says
//   Sums            a vector of int32 partial sums
//   sum4(a, b, c, d)  lanes: the sums of each argument's lanes
//   Planes, q6_block  one Q6_K super-block's sums against both planes of H
//   q8_block          one Q8_0 block's sums
#ifndef BITNET_TEMPLATES_FLOAT_HEAD_X86_H_
#define BITNET_TEMPLATES_FLOAT_HEAD_X86_H_

#include <immintrin.h>

#include "templates/float/rows.h"

enum { kRowsAtOnce = 4 };

#if !defined(__AVX512VNNI__)
// Extra: int16 sums of 16 elements of H, high[16], low[16]: they take the codes' offset of 32 off.
enum { kPreparedBlock = 576 };
BN_FLOAT_INLINE void prepare_extra(uint8_t* block, int64_t i, BnI16 high, BnI16 low) {
  int16_t* extra = (int16_t*)(block + kExtra) + i / 16;
  extra[0] = (int16_t)__builtin_reduce_add(high);
  extra[16] = (int16_t)__builtin_reduce_add(low);
}
#endif

// Four F16 from four places.
BN_FLOAT_INLINE __m128 halves4(const uint8_t* a, const uint8_t* b, const uint8_t* c,
                               const uint8_t* d) {
  return _mm_cvtph_ps(_mm_set_epi16(0, 0, 0, 0, (int16_t)bn_row_u16(d), (int16_t)bn_row_u16(c),
                                    (int16_t)bn_row_u16(b), (int16_t)bn_row_u16(a)));
}

// The chains of four rows, a row a lane: joining planes, converting scales and the chain itself
// then take a quarter of the instructions that a row alone takes.
BN_FLOAT_INLINE void q6_rows(const uint8_t* const row[kRowsAtOnce], int64_t k, const uint8_t* h,
                             int64_t ahead, float chain[kRowsAtOnce]) {
  __m128 chains = _mm_setzero_ps();
  for (int64_t at = 0; at < k / kQ6Block * kQ6Bytes; at += kQ6Bytes, h += kPreparedBlock) {
    Planes sum[kRowsAtOnce];
#pragma clang loop unroll(full)
    for (int r = 0; r < kRowsAtOnce; ++r) {
      const uint8_t* block = row[r] + at;
      if (ahead) {
#pragma clang loop unroll(full)
        for (int i = 0; i < kQ6Bytes; i += 64) __builtin_prefetch(block + ahead + i, 0, 3);
      }
      sum[r] = q6_block(block, h);
    }
    const __m256d high =
        _mm256_cvtepi32_pd(sum4(sum[0].high, sum[1].high, sum[2].high, sum[3].high));
    const __m256d low = _mm256_cvtepi32_pd(sum4(sum[0].low, sum[1].low, sum[2].low, sum[3].low));
    // Exact in double; rounded once, to float.
    const __m128 joined = _mm256_cvtpd_ps(_mm256_fmadd_pd(high, _mm256_set1_pd(256.0), low));
    const int64_t d = at + kQ6D;
    chains = _mm_fmadd_ps(joined, halves4(row[0] + d, row[1] + d, row[2] + d, row[3] + d), chains);
  }
  _mm_storeu_ps(chain, chains);
}

BN_FLOAT_INLINE float q8_row(const uint8_t* row, int64_t k, const int16_t* h, int64_t ahead) {
  float logit = 0;
  int64_t i = 0;
  for (; i + 4 * kQ8Block <= k; i += 4 * kQ8Block, row += 4 * kQ8Bytes) {
    if (ahead) {
      __builtin_prefetch(row + ahead, 0, 3);
      __builtin_prefetch(row + ahead + 64, 0, 3);
    }
    const __m128 sums = _mm_cvtepi32_ps(
        sum4(q8_block(row, h + i), q8_block(row + kQ8Bytes, h + i + 32),
             q8_block(row + 2 * kQ8Bytes, h + i + 64), q8_block(row + 3 * kQ8Bytes, h + i + 96)));
    const __m128 d = halves4(row, row + kQ8Bytes, row + 2 * kQ8Bytes, row + 3 * kQ8Bytes);
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; ++j) logit = bn_fma(sums[j], d[j], logit);
  }
  for (; i < k; i += kQ8Block, row += kQ8Bytes) {
    const Sums none = {0};
    const float sum = (float)_mm_cvtsi128_si32(sum4(q8_block(row, h + i), none, none, none));
    logit = bn_fma(sum, bn_from_f16(bn_row_u16(row)), logit);
  }
  return logit;
}

#include "templates/float/head_nibbles_x86.h"

#endif  // BITNET_TEMPLATES_FLOAT_HEAD_X86_H_
