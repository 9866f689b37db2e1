// Sums of quantised head rows with AVX2, with AVX-VNNI where the level has it.
#ifndef BITNET_TEMPLATES_FLOAT_HEAD_AVX2_H_
#define BITNET_TEMPLATES_FLOAT_HEAD_AVX2_H_

#include <immintrin.h>

#include "templates/float/rows.h"

typedef __m256i Sums;
typedef struct Planes {
  Sums high, low;
} Planes;

BN_FLOAT_INLINE __m128i sum4(Sums a, Sums b, Sums c, Sums d) {
  const __m256i ab = _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
  const __m256i cd = _mm256_add_epi32(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
  const __m256i abcd =
      _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
  return _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1));
}

// One super-block: sums over 256 elements of scale * (code - 32) * plane. Codes stay 0..63, so that
// maddubs is exact (|pair| <= 2 * 63 * 128 < 2^15). A plane's lanes: |scale * pairs| <= 2 * 128 *
// 16128 < 2^22, 8 of them a lane, 2^28 in all; the offset: 32 * 16 * 128 * 2048 = 2^27 in all.
BN_FLOAT_INLINE Planes q6_block(const uint8_t* block, const uint8_t* h) {
  const __m256i nibble = _mm256_set1_epi8(15), pair = _mm256_set1_epi8(0x30);
  const __m256i scales = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(block + kQ6Scales)));
  const __m256i offset_high =
      _mm256_madd_epi16(scales, _mm256_load_si256((const __m256i*)(h + kExtra)));
  const __m256i offset_low =
      _mm256_madd_epi16(scales, _mm256_load_si256((const __m256i*)(h + kExtra + 32)));
  Planes sum = {_mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(offset_high, 5)),
                _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(offset_low, 5))};
#pragma clang loop unroll(full)
  for (int half = 0; half < 2; ++half) {
    const __m256i a = _mm256_loadu_si256((const __m256i*)(block + 64 * half));
    const __m256i b = _mm256_loadu_si256((const __m256i*)(block + 64 * half + 32));
    const __m256i top = _mm256_loadu_si256((const __m256i*)(block + kQ6High + 32 * half));
    const __m256i code[4] = {
        _mm256_or_si256(_mm256_and_si256(a, nibble),
                        _mm256_and_si256(_mm256_slli_epi16(top, 4), pair)),
        _mm256_or_si256(_mm256_and_si256(b, nibble),
                        _mm256_and_si256(_mm256_slli_epi16(top, 2), pair)),
        _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(a, 4), nibble),
                        _mm256_and_si256(top, pair)),
        _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(b, 4), nibble),
                        _mm256_and_si256(_mm256_srli_epi16(top, 2), pair)),
    };
    // Scales 8 half .. + 7 in both lanes.
    const __m256i both =
        half ? _mm256_permute4x64_epi64(scales, 0xee) : _mm256_permute4x64_epi64(scales, 0x44);
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; ++j) {
      // Scale 2 j in the eight words of the first lane, 2 j + 1 in the second's.
      const int16_t first = (int16_t)(4 * j | (4 * j + 1) << 8), second = (int16_t)(first + 0x0202);
      const __m256i scale = _mm256_shuffle_epi8(
          both, _mm256_set_m128i(_mm_set1_epi16(second), _mm_set1_epi16(first)));
      const uint8_t* plane = h + 128 * half + 32 * j;
      const __m256i high = _mm256_maddubs_epi16(code[j], _mm256_load_si256((const __m256i*)plane));
      const __m256i low =
          _mm256_maddubs_epi16(code[j], _mm256_load_si256((const __m256i*)(plane + kPlane)));
#if defined(__AVXVNNI__)
      sum.high = _mm256_dpwssd_avx_epi32(sum.high, high, scale);
      sum.low = _mm256_dpwssd_avx_epi32(sum.low, low, scale);
#else
      sum.high = _mm256_add_epi32(sum.high, _mm256_madd_epi16(high, scale));
      sum.low = _mm256_add_epi32(sum.low, _mm256_madd_epi16(low, scale));
#endif
    }
  }
  return sum;
}

// 32 products in 8 lanes. Words, because bytes have no safe signed product: maddubs saturates and
// sign-by-byte fails at -128. A block: |sum| <= 32 * 128 * 32639 < 2^28
BN_FLOAT_INLINE Sums q8_block(const uint8_t* block, const int16_t* h) {
  const __m256i a = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(block + 2)));
  const __m256i b = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(block + 18)));
  return _mm256_add_epi32(_mm256_madd_epi16(a, _mm256_load_si256((const __m256i*)h)),
                          _mm256_madd_epi16(b, _mm256_load_si256((const __m256i*)(h + 16))));
}

// For head_nibbles_x86.h. Words of even and of odd elements: a mask and a shift, where words in
// order would take bytes across lanes.
enum { kEvenFirst = 1 };
typedef struct Words {
  __m256i first, second;
} Words;
BN_FLOAT_INLINE Words code_words(__m256i codes) {
  return (Words){_mm256_and_si256(codes, _mm256_set1_epi16(255)), _mm256_srli_epi16(codes, 8)};
}
BN_FLOAT_INLINE Words scaled(Words words, __m128i scales, int j) {
  const __m256i scale = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(scales),
                                            _mm256_set1_epi16((int16_t)(2 * j | (2 * j + 1) << 8)));
  return (Words){_mm256_mullo_epi16(words.first, scale), _mm256_mullo_epi16(words.second, scale)};
}
BN_FLOAT_INLINE Sums add_products(Sums sum, Words words, const int16_t* h) {
  const __m256i first = _mm256_load_si256((const __m256i*)h);
  const __m256i second = _mm256_load_si256((const __m256i*)(h + 16));
#if defined(__AVXVNNI__)
  return _mm256_dpwssd_avx_epi32(_mm256_dpwssd_avx_epi32(sum, words.first, first), words.second,
                                 second);
#else
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(words.first, first));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(words.second, second));
#endif
}
BN_FLOAT_INLINE Sums zero_sums(void) { return _mm256_setzero_si256(); }
BN_FLOAT_INLINE Sums upper_halves(Sums s) { return _mm256_srai_epi32(s, 16); }
BN_FLOAT_INLINE Sums lower_halves(Sums s) { return _mm256_and_si256(s, _mm256_set1_epi32(0xffff)); }
BN_FLOAT_INLINE Sums wide(__m256i sums) { return sums; }

#include "templates/float/head_x86.h"

#endif  // BITNET_TEMPLATES_FLOAT_HEAD_AVX2_H_
