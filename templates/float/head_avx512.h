// Sums of quantised head rows with AVX-512, with or without VNNI. Bound by vector ports, not by
// loads: what can be prepared once a token (the codes' offset of 32) is, and horizontal sums are
// shared by several blocks.
#ifndef BITNET_TEMPLATES_FLOAT_HEAD_AVX512_H_
#define BITNET_TEMPLATES_FLOAT_HEAD_AVX512_H_

#include <immintrin.h>

#include "templates/float/rows.h"

#if defined(__AVX512VNNI__)
// Extra: int32 -32 * (sum of 4 elements of H), high[64], low[64]: where a dot product starts.
enum { kPreparedBlock = 1024 };
BN_FLOAT_INLINE void prepare_extra(uint8_t* block, int64_t i, BnI16 high, BnI16 low) {
  int32_t* extra = (int32_t*)(block + kExtra) + i / 4;
#pragma clang loop unroll(full)
  for (int j = 0; j < 4; ++j) {
    extra[j] = -32 * (high[4 * j] + high[4 * j + 1] + high[4 * j + 2] + high[4 * j + 3]);
    extra[64 + j] = -32 * (low[4 * j] + low[4 * j + 1] + low[4 * j + 2] + low[4 * j + 3]);
  }
}
#else
// Extra: int16 sums of 16 elements of H, high[16], low[16].
enum { kPreparedBlock = 576 };
BN_FLOAT_INLINE void prepare_extra(uint8_t* block, int64_t i, BnI16 high, BnI16 low) {
  int16_t* extra = (int16_t*)(block + kExtra) + i / 16;
  extra[0] = (int16_t)__builtin_reduce_add(high);
  extra[16] = (int16_t)__builtin_reduce_add(low);
}
#endif

typedef struct Planes {
  __m512i high, low;  // 16 partial sums each
} Planes;

// Codes of elements 128 half + 0..63 and + 64..127, 0..63 each.
BN_FLOAT_INLINE void q6_codes(const uint8_t* block, int half, __m512i* first, __m512i* second) {
  const __m512i nibbles = _mm512_loadu_si512(block + 64 * half);
  const __m512i top =
      _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i*)(block + kQ6High + 32 * half)));
  const __m512i up = _mm512_inserti64x4(_mm512_set1_epi16(4), _mm256_set1_epi16(2), 1);
  const __m512i down = _mm512_inserti64x4(_mm512_set1_epi16(0), _mm256_set1_epi16(2), 1);
  const __m512i low4 = _mm512_set1_epi8(15), six = _mm512_set1_epi8(63);
  // low4 ? nibbles : top, then six bits
  *first = _mm512_and_si512(
      six, _mm512_ternarylogic_epi64(low4, nibbles, _mm512_sllv_epi16(top, up), 0xca));
  *second = _mm512_and_si512(six, _mm512_ternarylogic_epi64(low4, _mm512_srli_epi16(nibbles, 4),
                                                            _mm512_srlv_epi16(top, down), 0xca));
}

// One super-block: sums over 256 elements of scale * (code - 32) * plane.
BN_FLOAT_INLINE Planes q6_block(const uint8_t* block, const uint8_t* h) {
  // Words 16..31 are the scales; loaded together with 16 bytes before them.
  const __m512i scales =
      _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)(block + kQ6Scales - 16)));
  Planes sum = {_mm512_setzero_si512(), _mm512_setzero_si512()};
#pragma clang loop unroll(full)
  for (int half = 0; half < 2; ++half) {
    __m512i code[2];
    q6_codes(block, half, &code[0], &code[1]);
#pragma clang loop unroll(full)
    for (int j = 0; j < 2; ++j) {
      const int quarter = 2 * half + j;  // 64 elements, 4 scales
      const uint8_t* plane = h + 64 * quarter;
      const __m512i group =
          _mm512_setr_epi64(0, 0, 0x0001000100010001, 0x0001000100010001, 0x0002000200020002,
                            0x0002000200020002, 0x0003000300030003, 0x0003000300030003);
      __m512i index = _mm512_add_epi16(group, _mm512_set1_epi16((int16_t)(16 + 4 * quarter)));
      __asm__(
          ""
          : "+v"(
              index));  // a known index would become vpermt2w, which takes port 5 thrice on Intel
#if defined(__AVX512VNNI__)
      // A lane: 4 products, |.| <= 4 * 32 * 128 = 2^14 with its start, so its low word holds it;
      // times the scale in a low word beside a zero: |.| <= 2^21, 4 of them a lane, 2^27 over all
      // lanes.
      const __m512i scale = _mm512_maskz_permutexvar_epi16(0x55555555, index, scales);
      const __m512i high = _mm512_dpbusd_epi32(_mm512_load_si512(h + kExtra + 64 * quarter),
                                               code[j], _mm512_load_si512(plane));
      const __m512i low = _mm512_dpbusd_epi32(_mm512_load_si512(h + kExtra + 256 + 64 * quarter),
                                              code[j], _mm512_load_si512(plane + kPlane));
      sum.high = _mm512_dpwssd_epi32(sum.high, high, scale);
      sum.low = _mm512_dpwssd_epi32(sum.low, low, scale);
#else
      // Pairs: |.| <= 2 * 63 * 128 < 2^15; times scales: |.| <= 2 * 128 * 16128 < 2^22, 4 of them a
      // lane, 2^28 in all.
      const __m512i scale = _mm512_permutexvar_epi16(index, scales);
      const __m512i high = _mm512_maddubs_epi16(code[j], _mm512_load_si512(plane));
      const __m512i low = _mm512_maddubs_epi16(code[j], _mm512_load_si512(plane + kPlane));
      sum.high = _mm512_add_epi32(sum.high, _mm512_madd_epi16(high, scale));
      sum.low = _mm512_add_epi32(sum.low, _mm512_madd_epi16(low, scale));
#endif
    }
  }
#if !defined(__AVX512VNNI__)
  const __m256i words = _mm512_extracti64x4_epi64(scales, 1);
  const __m256i high = _mm256_madd_epi16(words, _mm256_load_si256((const __m256i*)(h + kExtra)));
  const __m256i low =
      _mm256_madd_epi16(words, _mm256_load_si256((const __m256i*)(h + kExtra + 32)));
  sum.high = _mm512_sub_epi32(sum.high, _mm512_zextsi256_si512(_mm256_slli_epi32(high, 5)));
  sum.low = _mm512_sub_epi32(sum.low, _mm512_zextsi256_si512(_mm256_slli_epi32(low, 5)));
#endif
  return sum;
}

// a and b summed over their lanes, alternating: 32-bit lanes a, b, a, b of partial sums.
BN_FLOAT_INLINE __m512i fold2(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}
BN_FLOAT_INLINE __m512i fold4(__m512i ab, __m512i cd) {
  return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}
BN_FLOAT_INLINE __m128i fold_lanes(__m512i x) {
  const __m256i y = _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
}

BN_FLOAT_INLINE float q6_row(const uint8_t* row, int64_t k, const uint8_t* h, int64_t ahead) {
  float logit = 0;
  int64_t blocks = k / kQ6Block;
  for (; blocks > 0; blocks -= 2, row += 2 * kQ6Bytes, h += 2 * kPreparedBlock) {
    if (ahead) {
#pragma clang loop unroll(full)
      for (int i = 0; i < 2 * kQ6Bytes; i += 64) __builtin_prefetch(row + ahead + i, 0, 3);
    }
    const Planes a = q6_block(row, h);
    const Planes b = blocks > 1 ? q6_block(row + kQ6Bytes, h + kPreparedBlock) : a;
    // high a, high b, low a, low b; joined exactly in double
    const __m128i sums = fold_lanes(fold4(fold2(a.high, b.high), fold2(a.low, b.low)));
    const __m128d high = _mm_cvtepi32_pd(sums),
                  low = _mm_cvtepi32_pd(_mm_unpackhi_epi64(sums, sums));
    const __m128 joined = _mm_cvtpd_ps(_mm_add_pd(_mm_mul_pd(high, _mm_set1_pd(256.0)), low));
    logit = bn_fma(joined[0], bn_from_f16(bn_row_u16(row + kQ6D)), logit);
    if (blocks > 1)
      logit = bn_fma(joined[1], bn_from_f16(bn_row_u16(row + kQ6Bytes + kQ6D)), logit);
  }
  return logit;
}

// 32 products in 16 lanes. Words, because bytes have no safe signed product: maddubs saturates and
// sign-by-byte fails at -128. A block: |sum| <= 32 * 128 * 32639 < 2^28
BN_FLOAT_INLINE __m512i q8_block(const uint8_t* block, const int16_t* h) {
  const __m512i q = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)(block + 2)));
  return _mm512_madd_epi16(q, _mm512_load_si512(h));
}

BN_FLOAT_INLINE float q8_row(const uint8_t* row, int64_t k, const int16_t* h, int64_t ahead) {
  float logit = 0;
  int64_t i = 0;
  for (; i + 4 * kQ8Block <= k; i += 4 * kQ8Block, row += 4 * kQ8Bytes) {
    if (ahead) {
      __builtin_prefetch(row + ahead, 0, 3);
      __builtin_prefetch(row + ahead + 64, 0, 3);
    }
    const __m512i ab = fold2(q8_block(row, h + i), q8_block(row + kQ8Bytes, h + i + 32));
    const __m512i cd =
        fold2(q8_block(row + 2 * kQ8Bytes, h + i + 64), q8_block(row + 3 * kQ8Bytes, h + i + 96));
    const __m128 sums = _mm_cvtepi32_ps(fold_lanes(fold4(ab, cd)));
    const __m128i halves =
        _mm_set_epi16(0, 0, 0, 0, (int16_t)bn_row_u16(row + 3 * kQ8Bytes),
                      (int16_t)bn_row_u16(row + 2 * kQ8Bytes), (int16_t)bn_row_u16(row + kQ8Bytes),
                      (int16_t)bn_row_u16(row));
    const __m128 d = _mm_cvtph_ps(halves);
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; ++j) logit = bn_fma(sums[j], d[j], logit);
  }
  for (; i < k; i += kQ8Block, row += kQ8Bytes) {
    const float sum = (float)_mm512_reduce_add_epi32(q8_block(row, h + i));
    logit = bn_fma(sum, bn_from_f16(bn_row_u16(row)), logit);
  }
  return logit;
}

#endif  // BITNET_TEMPLATES_FLOAT_HEAD_AVX512_H_
