// Sums of quantised head rows with AVX-512, with or without VNNI. Bound by vector ports, not by
// loads: what can be prepared once a token (the codes' offset of 32) is.
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
#endif

typedef __m512i Sums;
typedef struct Planes {
  Sums high, low;
} Planes;

BN_FLOAT_INLINE Sums pairs_of(Sums a, Sums b) {  // lanes a, b, a, b
  return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}
BN_FLOAT_INLINE __m128i sum4(Sums a, Sums b, Sums c, Sums d) {
  const Sums ab = pairs_of(a, b), cd = pairs_of(c, d);
  const Sums abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half =
      _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64(abcd, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

// Codes of elements 128 half + 0..63 and + 64..127, 0..63 each. Of the high bits' four pairs each
// 32-byte half keeps two that are not neighbours: what lies above a code after the shift is then 0,
// and what lies below makes way for the nibble.
BN_FLOAT_INLINE void q6_codes(const uint8_t* block, int half, __m512i* first, __m512i* second) {
  const __m512i nibbles = _mm512_loadu_si512(block + 64 * half);
  const __m512i kept =
      _mm512_inserti64x4(_mm512_set1_epi8(0x33), _mm256_set1_epi8((int8_t)0xcc), 1);
  const __m512i top = _mm512_and_si512(
      kept,
      _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i*)(block + kQ6High + 32 * half))));
  const __m512i up = _mm512_inserti64x4(_mm512_set1_epi16(4), _mm256_set1_epi16(2), 1);
  const __m512i down = _mm512_inserti64x4(_mm512_set1_epi16(0), _mm256_set1_epi16(2), 1);
  const __m512i low4 = _mm512_set1_epi8(15);
  // low4 ? nibbles : top
  *first = _mm512_ternarylogic_epi64(low4, nibbles, _mm512_sllv_epi16(top, up), 0xca);
  *second = _mm512_ternarylogic_epi64(low4, _mm512_srli_epi16(nibbles, 4),
                                      _mm512_srlv_epi16(top, down), 0xca);
}

// One super-block: sums over 256 elements of scale * (code - 32) * plane.
#if defined(__AVX512VNNI__)
BN_FLOAT_INLINE Planes q6_block(const uint8_t* block, const uint8_t* h) {
  const __m512i scales = _mm512_castsi256_si512(
      _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(block + kQ6Scales))));
  Planes sum = {_mm512_setzero_si512(), _mm512_setzero_si512()};
#pragma clang loop unroll(full)
  for (int half = 0; half < 2; ++half) {
    __m512i code[2], high[2], low[2];
    q6_codes(block, half, &code[0], &code[1]);
#pragma clang loop unroll(full)
    for (int j = 0; j < 2; ++j) {  // 64 elements, 4 scales
      const uint8_t* plane = h + 128 * half + 64 * j;
      const uint8_t* start = h + kExtra + 128 * half + 64 * j;
      high[j] = _mm512_dpbusd_epi32(_mm512_load_si512(start), code[j], _mm512_load_si512(plane));
      low[j] = _mm512_dpbusd_epi32(_mm512_load_si512(start + 256), code[j],
                                   _mm512_load_si512(plane + kPlane));
    }
    // A lane: 4 products, |.| <= 4 * 32 * 128 = 2^14 with its start, so two lanes fit the words of
    // one; four words of each j in turn have the same scale. Times scales: |.| <= 2^22, 2 of them a
    // lane, 2^27 over all lanes.
    __m512i index = _mm512_add_epi16(
        _mm512_setr_epi64(0, 0x0004000400040004, 0x0001000100010001, 0x0005000500050005,
                          0x0002000200020002, 0x0006000600060006, 0x0003000300030003,
                          0x0007000700070007),
        _mm512_set1_epi16((int16_t)(8 * half)));
    // A known index would become vpermt2w, which takes port 5 thrice on Intel.
    __asm__("" : "+v"(index));
    const __m512i scale = _mm512_permutexvar_epi16(index, scales);
    sum.high = _mm512_dpwssd_epi32(sum.high, _mm512_packs_epi32(high[0], high[1]), scale);
    sum.low = _mm512_dpwssd_epi32(sum.low, _mm512_packs_epi32(low[0], low[1]), scale);
  }
  return sum;
}
#else
BN_FLOAT_INLINE Planes q6_block(const uint8_t* block, const uint8_t* h) {
  const __m256i words = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(block + kQ6Scales)));
  const __m512i scales = _mm512_castsi256_si512(words);
  const __m256i offset_high =
      _mm256_madd_epi16(words, _mm256_load_si256((const __m256i*)(h + kExtra)));
  const __m256i offset_low =
      _mm256_madd_epi16(words, _mm256_load_si256((const __m256i*)(h + kExtra + 32)));
  const __m512i zero = _mm512_setzero_si512();
  Planes sum = {_mm512_sub_epi32(zero, _mm512_zextsi256_si512(_mm256_slli_epi32(offset_high, 5))),
                _mm512_sub_epi32(zero, _mm512_zextsi256_si512(_mm256_slli_epi32(offset_low, 5)))};
#pragma clang loop unroll(full)
  for (int half = 0; half < 2; ++half) {
    __m512i code[2];
    q6_codes(block, half, &code[0], &code[1]);
#pragma clang loop unroll(full)
    for (int j = 0; j < 2; ++j) {
      const int quarter = 2 * half + j;  // 64 elements, 4 scales
      const uint8_t* plane = h + 64 * quarter;
      __m512i index = _mm512_add_epi16(
          _mm512_setr_epi64(0, 0, 0x0001000100010001, 0x0001000100010001, 0x0002000200020002,
                            0x0002000200020002, 0x0003000300030003, 0x0003000300030003),
          _mm512_set1_epi16((int16_t)(4 * quarter)));
      __asm__("" : "+v"(index));  // as above
      // Pairs: |.| <= 2 * 63 * 128 < 2^15; times scales: |.| <= 2 * 128 * 16128 < 2^22, 4 of them a
      // lane, 2^28 in all.
      const __m512i scale = _mm512_permutexvar_epi16(index, scales);
      const __m512i high = _mm512_maddubs_epi16(code[j], _mm512_load_si512(plane));
      const __m512i low = _mm512_maddubs_epi16(code[j], _mm512_load_si512(plane + kPlane));
      sum.high = _mm512_add_epi32(sum.high, _mm512_madd_epi16(high, scale));
      sum.low = _mm512_add_epi32(sum.low, _mm512_madd_epi16(low, scale));
    }
  }
  return sum;
}
#endif

// 32 products in 16 lanes. Words, because bytes have no safe signed product: maddubs saturates and
// sign-by-byte fails at -128. A block: |sum| <= 32 * 128 * 32639 < 2^28
BN_FLOAT_INLINE Sums q8_block(const uint8_t* block, const int16_t* h) {
  const __m512i q = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)(block + 2)));
  return _mm512_madd_epi16(q, _mm512_load_si512(h));
}

// For head_nibbles_x86.h.
enum { kEvenFirst = 0 };
typedef __m512i Words;
BN_FLOAT_INLINE Words code_words(__m256i codes) { return _mm512_cvtepu8_epi16(codes); }
BN_FLOAT_INLINE Words scaled(Words words, __m128i scales, int j) {
  const __m512i scale = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(scales),
                                            _mm512_set1_epi16((int16_t)(2 * j | (2 * j + 1) << 8)));
  return _mm512_mullo_epi16(words, scale);
}
BN_FLOAT_INLINE Sums add_products(Sums sum, Words words, const int16_t* h) {
#if defined(__AVX512VNNI__)
  return _mm512_dpwssd_epi32(sum, words, _mm512_load_si512(h));
#else
  return _mm512_add_epi32(sum, _mm512_madd_epi16(words, _mm512_load_si512(h)));
#endif
}
BN_FLOAT_INLINE Sums zero_sums(void) { return _mm512_setzero_si512(); }
BN_FLOAT_INLINE Sums upper_halves(Sums s) { return _mm512_srai_epi32(s, 16); }
BN_FLOAT_INLINE Sums lower_halves(Sums s) { return _mm512_and_si512(s, _mm512_set1_epi32(0xffff)); }
BN_FLOAT_INLINE Sums wide(__m256i sums) { return _mm512_zextsi256_si512(sums); }

#include "templates/float/head_x86.h"

#endif  // BITNET_TEMPLATES_FLOAT_HEAD_AVX512_H_
