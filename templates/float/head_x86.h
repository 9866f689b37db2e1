// Block sums of quantised head rows with AVX2.
#ifndef BITNET_TEMPLATES_FLOAT_HEAD_X86_H_
#define BITNET_TEMPLATES_FLOAT_HEAD_X86_H_

#include <immintrin.h>

#include "templates/float/rows.h"

BN_FLOAT_INLINE int32_t sum8_i32(__m256i x) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  return _mm_cvtsi128_si32(s);
}

// Words, because bytes have no safe signed product: maddubs saturates and sign-by-byte fails at
// -128. |sum| <= 32 * 128 * 32639 < 2^28
BN_FLOAT_INLINE int32_t q8_block_sum(const uint8_t* q, const int16_t* h) {
  const __m256i low = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)q));
  const __m256i high = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(q + 16)));
  return sum8_i32(
      _mm256_add_epi32(_mm256_madd_epi16(low, _mm256_loadu_si256((const __m256i*)h)),
                       _mm256_madd_epi16(high, _mm256_loadu_si256((const __m256i*)(h + 16)))));
}

// Codes stay 0..63, so that maddubs (|pair| <= 2 * 63 * 128 < 2^15) is exact; 32 * scale * (sum of
// H) is taken off at the end. Bounds on a plane's lanes: scale * pairs <= 128 * 2 * 16128 a madd, 8
// madds: 3.3e7; all lanes: 2.7e8 < 2^31.
BN_FLOAT_INLINE float q6_block_sum(const uint8_t* block, const uint8_t* h) {
  const __m256i nibble = _mm256_set1_epi8(15), pair = _mm256_set1_epi8(0x30);
  const __m256i scales = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(block + kQ6Scales)));
  __m256i sum_high = _mm256_setzero_si256(), sum_low = _mm256_setzero_si256();
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
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; ++j) {
      // Scales 8 half + 2 j and + 1, eight words each.
      const __m256i both =
          half ? _mm256_permute4x64_epi64(scales, 0xee) : _mm256_permute4x64_epi64(scales, 0x44);
      const int16_t first = (int16_t)(4 * j | (4 * j + 1) << 8), second = (int16_t)(first + 0x0202);
      const __m256i select = _mm256_set_m128i(_mm_set1_epi16(second), _mm_set1_epi16(first));
      const __m256i scale = _mm256_shuffle_epi8(both, select);
      const uint8_t* plane = h + 128 * half + 32 * j;
      const __m256i high = _mm256_maddubs_epi16(code[j], _mm256_loadu_si256((const __m256i*)plane));
      const __m256i low =
          _mm256_maddubs_epi16(code[j], _mm256_loadu_si256((const __m256i*)(plane + kPlane)));
      sum_high = _mm256_add_epi32(sum_high, _mm256_madd_epi16(high, scale));
      sum_low = _mm256_add_epi32(sum_low, _mm256_madd_epi16(low, scale));
    }
  }
  // |32 * offset| <= 32 * 16 * 128 * 2048 = 1.4e8 over all lanes
  const __m256i offset_high =
      _mm256_madd_epi16(scales, _mm256_loadu_si256((const __m256i*)(h + kSums)));
  const __m256i offset_low =
      _mm256_madd_epi16(scales, _mm256_loadu_si256((const __m256i*)(h + kSums + 32)));
  sum_high = _mm256_sub_epi32(sum_high, _mm256_slli_epi32(offset_high, 5));
  sum_low = _mm256_sub_epi32(sum_low, _mm256_slli_epi32(offset_low, 5));
  // Exact in 64 bits and in double; one rounding to float.
  const int64_t sum = (int64_t)sum8_i32(sum_high) * 256 + sum8_i32(sum_low);
  return (float)sum;
}

#endif  // BITNET_TEMPLATES_FLOAT_HEAD_X86_H_
