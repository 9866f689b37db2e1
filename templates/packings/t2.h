// t2: 2-bit codes (weight + 1), rows in lanes.
//   in   trits [N][K]
//   out  ceil(N/r) panels of r rows; a panel is ceil(K/16) chunks; a chunk is 4*r bytes, 16 k of
//        each row: byte[4*row + j], bits 2s and 2s+1  <->  k = 16*chunk + 4*s + j
// Why: a 32-bit lane is a row, so sums need no horizontal step, and the activations of 4
// consecutive k are one 32-bit broadcast. At r = 16 a chunk is one cache line. The bytes depend on
// r only, not on the ISA. Unpacked, a chunk is also the rows of a tile of a matrix unit. Rows past
// N and k past K are weight 0: kernels have no tail in N, and the form pads x with zeros, so none
// in K. kTailBytes follow the last panel, so that a loop of u chunks may run past the last chunk
// (its x is zero).
#ifndef BITNET_TEMPLATES_PACKINGS_T2_H_
#define BITNET_TEMPLATES_PACKINGS_T2_H_

#include "abi/kernel.h"

enum { kChunkK = 16, kTailBytes = 1024, kMostPanelRows = 64 };

V_INLINE int64_t t2_chunks(int64_t k) { return (k + kChunkK - 1) / kChunkK; }
V_INLINE int64_t t2_panel_bytes(int64_t k) { return t2_chunks(k) * 4 * P_r; }

V_INLINE void packing_layout(int64_t* numbers) { numbers[0] = P_r; }

V_INLINE enum BnUnfit packing_unfit(void) {
  if (P_r % V_LANES) return BN_UNFIT_VECTORS;
  if (P_r > kMostPanelRows) return BN_UNFIT_PANEL;
  if (4 * P_r * (P_u - 1) > kTailBytes) return BN_UNFIT_OVERRUN;
  return BN_FITS;
}

V_INLINE int64_t packed_bytes(int64_t n, int64_t k) {
  return (n + P_r - 1) / P_r * t2_panel_bytes(k) + kTailBytes;
}

V_INLINE const uint8_t* packed_panel(const uint8_t* packed, int64_t n, int64_t k) {
  return packed + n / P_r * t2_panel_bytes(k);
}

// Four trits at a time: -1, 0, 1 are 255, 0, 1, of which two bits are kept, 3, 0, 1; one more,
// modulo 4, is the code.
typedef uint32_t t2_word __attribute__((aligned(1), may_alias));
V_INLINE uint32_t t2_codes_of(const int8_t* trits) {
  return ((*(const t2_word*)trits & 0x03030303u) + 0x01010101u) & 0x03030303u;
}

V_INLINE void t2_pack_row(const int8_t* trits, int64_t k,
                          uint8_t* out /* the row's 4 bytes of chunk 0 */) {
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

V_INLINE void pack(const BnPack* p) {
  for (int64_t n = p->n0; n < (p->n1 + P_r - 1) / P_r * P_r; ++n) {
    uint8_t* out = p->packed + n / P_r * t2_panel_bytes(p->k) + n % P_r * 4;
    if (n < p->n1) {
      t2_pack_row(p->trits + (n - p->n0) * p->k, p->k, out);
    } else {
#pragma clang loop vectorize(disable) unroll(disable)
      for (int64_t c = 0; c < t2_chunks(p->k); ++c) *(t2_word*)(out + c * 4 * P_r) = 0x55555555u;
    }
  }
}

// Decoding. A vec of a chunk holds V_LANES rows; position s of it is the codes of k = 4s..4s+3,
// left where they are as far as the scheme allows, hence times 4^t2_scale. Each scale has
// accumulators of its own (and-only unpacking: no shift for s4, one for s2 and s3, three for s1):
//   scheme   scales of positions 0..3
//     1      0 0 0 0
//     2      0 1 0 1
//     3      0 1 2 2      (largest code 32: for signed multipliers)
//     4      0 1 2 3      (largest code 128)
V_INLINE int t2_scale(int position, int scheme) {
  return scheme == 3 ? (position < 2 ? position : 2) : position % scheme;
}
V_INLINE vec t2_decode(vec chunk, int position, int scheme) {
  const int scale = t2_scale(position, scheme);
  return v_and(v_shr16(chunk, 2 * (position - scale)), v_dup8(3 << (2 * scale)));
}

// Chunks that may be summed before a lane of v_mac could overflow: a chunk adds to an accumulator
// of some scale at most V_MAC_PRODUCTS * 127 * (2 * 4^scale) for each of its positions of that
// scale. K never exceeds BN_MAX_K.
V_INLINE int t2_exact_chunks(int scheme) {
  int most = BN_MAX_K / kChunkK;
  for (int scale = 0; scale < scheme; ++scale) {
    int codes = 0;
    for (int s = 0; s < 4; ++s) codes += t2_scale(s, scheme) == scale ? 2 << (2 * scale) : 0;
    const int exact = V_MAC_LIMIT / (V_MAC_PRODUCTS * 127 * codes);
    most = exact < most ? exact : most;
  }
  return most;
}

#endif  // BITNET_TEMPLATES_PACKINGS_T2_H_
