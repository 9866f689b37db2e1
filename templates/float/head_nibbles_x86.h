// Sums of head rows in types of nibbles, the same for all vector widths: codes as words, times
// their scale where there is one (945 or 1953 at most), times H in pairs. The level's header says
//   Sums, sum4       as in head_x86.h
//   kEvenFirst       whether the even of 32 words stand before the odd ones
//   code_words       32 bytes as words in that order: Words
//   add_products     sums of pairs of words times H
//   scaled           words times a word that stands in every 128-bit lane of a vector of eight
//   wide             eight int32 as Sums
#ifndef BITNET_TEMPLATES_FLOAT_HEAD_NIBBLES_X86_H_
#define BITNET_TEMPLATES_FLOAT_HEAD_NIBBLES_X86_H_

#include <immintrin.h>

#include "templates/float/rows.h"

// Elements 32 j .. 32 j + 31 of a block, in order, without their offset.
BN_FLOAT_INLINE __m256i nibble_codes(int32_t type, const uint8_t* block, int j) {
  const BnNibbles t = bn_nibbles(type);
  const __m256i nibble = _mm256_set1_epi8(15), fifth = _mm256_set1_epi8(16);
  if (t.block == 32) {
    const __m128i both = _mm_loadu_si128((const __m128i*)(block + t.codes));
    const __m256i low = _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(both, 4), both), nibble);
    if (!t.high) return low;
    // Byte i: byte i / 8 of the bits, of which bit i % 8 counts.
    const __m256i bytes = _mm256_shuffle_epi8(
        _mm256_set1_epi32((int32_t)bn_row_u32(block + t.high)),
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
    const __m256i bit = _mm256_set1_epi64x((int64_t)0x8040201008040201u);
    const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
    return _mm256_or_si256(low, _mm256_and_si256(set, fifth));
  }
  const __m256i both = _mm256_loadu_si256((const __m256i*)(block + t.codes + 32 * (j / 2)));
  const __m256i low = _mm256_and_si256(j % 2 ? _mm256_srli_epi16(both, 4) : both, nibble);
  if (!t.high) return low;
  const __m256i bits = _mm256_loadu_si256((const __m256i*)(block + t.high));
  const __m256i moved = j < 4 ? _mm256_slli_epi16(bits, 4 - j) : _mm256_srli_epi16(bits, j - 4);
  return _mm256_or_si256(low, _mm256_and_si256(moved, fifth));
}

BN_FLOAT_INLINE Sums nibble_block(int32_t type, const uint8_t* block, const int16_t* h) {
  return add_products(zero_sums(), code_words(nibble_codes(type, block, 0)), h);
}

// Of one super-block: the sum of sc * code * H. A lane of eight: |.| <= 32 * 1953 * 32639 < 2^31;
// all lanes together do not fit 32 bits.
BN_FLOAT_INLINE Sums nibble_super_block(int32_t type, const uint8_t* block, uint64_t scales,
                                        const int16_t* h) {
  const __m128i words = _mm_cvtepu8_epi16(_mm_cvtsi64_si128((int64_t)scales));
  Sums sum = zero_sums();
#pragma clang loop unroll(full)
  for (int j = 0; j < 8; ++j)
    sum = add_products(sum, scaled(code_words(nibble_codes(type, block, j)), words, j), h + 32 * j);
  return sum;
}

// The sum of m * (sum of 32 H): |.| <= 63 * 256 * 32639 < 2^30
BN_FLOAT_INLINE Sums nibble_lows(uint64_t lows, const int32_t* sums) {
  return wide(_mm256_mullo_epi32(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)lows)),
                                 _mm256_load_si256((const __m256i*)sums)));
}

// Sums of all lanes of each, rounded once, to float: upper and lower halves fit 32 bits and are
// joined exactly in double.
BN_FLOAT_INLINE __m128 joined4(const Sums s[4]) {
  const __m128i high =
      sum4(upper_halves(s[0]), upper_halves(s[1]), upper_halves(s[2]), upper_halves(s[3]));
  const __m128i low =
      sum4(lower_halves(s[0]), lower_halves(s[1]), lower_halves(s[2]), lower_halves(s[3]));
  return _mm256_cvtpd_ps(
      _mm256_fmadd_pd(_mm256_cvtepi32_pd(high), _mm256_set1_pd(65536.0), _mm256_cvtepi32_pd(low)));
}

// The chains of four rows, a row a lane.
BN_FLOAT_INLINE void nibble_rows(int32_t type, const uint8_t* const row[kRowsAtOnce], int64_t k,
                                 const int16_t* h, const int32_t* sums, int64_t ahead,
                                 float chain[kRowsAtOnce]) {
  const BnNibbles t = bn_nibbles(type);
  __m128 chains = _mm_setzero_ps();
  for (int64_t at = 0; at < k / t.block * t.bytes;
       at += t.bytes, h += t.block, sums += t.block / 32) {
    Sums sum[4], low[4];
#pragma clang loop unroll(full)
    for (int r = 0; r < 4; ++r) {
      const uint8_t* block = row[r] + at;
      if (ahead) {
#pragma clang loop unroll(full)
        for (int i = 0; i < t.bytes; i += 64) __builtin_prefetch(block + ahead + i, 0, 3);
      }
      if (t.block == 32) {
        sum[r] = nibble_block(type, block, h);
      } else {
        const BnScales s = bn_unpack_scales(block);
        sum[r] = nibble_super_block(type, block, s.sc, h);
        low[r] = nibble_lows(s.m, sums);
      }
    }
    const __m128 d = halves4(row[0] + at, row[1] + at, row[2] + at, row[3] + at);
    const int64_t m = at + t.min;
    if (t.block == 32) {
      const __m128i offset = _mm_set1_epi32(t.offset * sums[0]);
      const __m128i exact = _mm_sub_epi32(sum4(sum[0], sum[1], sum[2], sum[3]), offset);
      chains = _mm_fmadd_ps(_mm_cvtepi32_ps(exact), d, chains);
      if (t.min)
        chains = _mm_fmadd_ps(_mm_set1_ps((float)sums[0]),
                              halves4(row[0] + m, row[1] + m, row[2] + m, row[3] + m), chains);
    } else {
      chains = _mm_fmadd_ps(joined4(sum), d, chains);
      chains = _mm_fnmadd_ps(_mm_cvtepi32_ps(sum4(low[0], low[1], low[2], low[3])),
                             halves4(row[0] + m, row[1] + m, row[2] + m, row[3] + m), chains);
    }
  }
  _mm_storeu_ps(chain, chains);
}

#endif  // BITNET_TEMPLATES_FLOAT_HEAD_NIBBLES_X86_H_
