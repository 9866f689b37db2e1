// b8: a byte a weight, a chunk is 4 k (packings/codes.h): of a row
//        byte[j]  <->  k = 4*chunk + j
// Nothing to unpack and four times the bytes of t2: for tests, as the packing that is not t2.
#ifndef BITNET_TEMPLATES_PACKINGS_B8_H_
#define BITNET_TEMPLATES_PACKINGS_B8_H_

enum { kChunkK = 4, kPositions = 1, kPlainScheme = 1 };

V_INLINE int packing_scale(int position, int scheme) { return 0 * position * scheme; }
V_INLINE vec packing_decode(vec chunk, int position, int scheme) {
  (void)position, (void)scheme;
  return chunk;
}

V_INLINE void b8_fill(const int8_t* trits, int64_t k, uint8_t* out) {
#pragma clang loop vectorize(disable) unroll(disable)
  for (int64_t i = 0; i < (k + kChunkK - 1) / kChunkK * kChunkK; ++i)
    out[i / kChunkK * 4 * P_r + i % kChunkK] = (uint8_t)(trits && i < k ? trits[i] + 1 : 1);
}
V_INLINE void packing_row(const int8_t* trits, int64_t k, uint8_t* out) { b8_fill(trits, k, out); }
V_INLINE void packing_zero_row(int64_t k, uint8_t* out) { b8_fill(0, k, out); }

#include "templates/packings/codes.h"

#endif  // BITNET_TEMPLATES_PACKINGS_B8_H_
