// t2: 2-bit codes, a chunk is 16 k (packings/codes.h): of a row
//        byte[j], bits 2s and 2s+1  <->  k = 16*chunk + 4*s + j
// At r = 16 a chunk is one cache line. Unpacked, a chunk is also the rows of a tile of a matrix
// unit.
#ifndef BITNET_TEMPLATES_PACKINGS_T2_H_
#define BITNET_TEMPLATES_PACKINGS_T2_H_

enum { kChunkK = 16, kPositions = 4, kPlainScheme = 1 };

// Position s of a vec of a chunk is left where it is as far as the scheme allows. Each scale has
// accumulators of its own (and-only unpacking: no shift for s4, one for s2 and s3, three for s1):
//   scheme   scales of positions 0..3
//     1      0 0 0 0
//     2      0 1 0 1
//     3      0 1 2 2      (largest code 32: for signed multipliers)
//     4      0 1 2 3      (largest code 128)
V_INLINE int packing_scale(int position, int scheme) {
  return scheme == 3 ? (position < 2 ? position : 2) : position % scheme;
}
V_INLINE vec packing_decode(vec chunk, int position, int scheme) {
  const int scale = packing_scale(position, scheme);
  return v_and(v_shr16(chunk, 2 * (position - scale)), v_dup8(3 << (2 * scale)));
}

// For kernels that look a byte of a row up instead of decoding it: byte j of a row's kRowBytes is
// the sum of code s times kByteRadix^s, s = 0..3, its k being j + kRowBytes * s.
enum { kRowBytes = 4, kByteRadix = 4, kByteEntries = 172 };  // the largest index is 0xAA, 170

// Four trits at a time: -1, 0, 1 are 255, 0, 1, of which two bits are kept, 3, 0, 1; one more,
// modulo 4, is the code.
typedef uint32_t t2_word __attribute__((aligned(1), may_alias));
V_INLINE uint32_t t2_codes_of(const int8_t* trits) {
  return ((*(const t2_word*)trits & 0x03030303u) + 0x01010101u) & 0x03030303u;
}

V_INLINE void packing_row(const int8_t* trits, int64_t k, uint8_t* out) {
  int64_t k0 = 0;
  for (; k0 + kChunkK <= k; k0 += kChunkK, out += 4 * P_r)
    *(t2_word*)out = t2_codes_of(trits + k0) | t2_codes_of(trits + k0 + 4) << 2 |
                     t2_codes_of(trits + k0 + 8) << 4 | t2_codes_of(trits + k0 + 12) << 6;
  if (k0 == k) return;
  uint32_t last = 0x55555555u;  // sixteen codes of weight 0
// Left alone, LLVM makes 1.5 KB of vector code of each of these few steps.
#pragma clang loop vectorize(disable) unroll(disable)
  for (int64_t i = 0; k0 + i < k; ++i)
    last += (uint32_t)trits[k0 + i] << (8 * (i % 4) + 2 * (i / 4));
  *(t2_word*)out = last;
}
V_INLINE void packing_zero_row(int64_t k, uint8_t* out) {
#pragma clang loop vectorize(disable) unroll(disable)
  for (int64_t c = 0; c < (k + kChunkK - 1) / kChunkK; ++c)
    *(t2_word*)(out + c * 4 * P_r) = 0x55555555u;
}

#include "templates/packings/codes.h"

#endif  // BITNET_TEMPLATES_PACKINGS_T2_H_
