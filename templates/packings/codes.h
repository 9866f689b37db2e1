// What packings of codes share: rows in 32-bit lanes, a weight as the code weight + 1.
//   in   trits [N][K]
//   out  ceil(N/r) panels of r rows; a panel is its chunks, one after the other; a chunk is 4*r
//        bytes, kChunkK input features of each row, the 4 bytes of row 0 first
// Why: a 32-bit lane is a row, so sums need no horizontal step, and the activations of 4
// consecutive k are one 32-bit broadcast. The bytes depend on r only, not on the ISA. Rows past N
// and k past K are weight 0: kernels have no tail in N, and the form pads x with zeros, so none in
// K. kTailBytes follow the last panel, so that a loop of u chunks may run past the last one (its x
// is zero).
// With groups the r scales of a group, F16, row 0 first, lie right behind its chunks: what is read
// stays one stream. No chunk is in two groups.
//
// The packing itself (t2.h is the example) defines before it includes this:
//   kChunkK      input features of a chunk
//   kPositions   4 k each: what a vec of a chunk, V_LANES rows, is decoded to
//   packing_decode(chunk, position, scheme)   codes of k = 4*position.. of the chunk, times 4^scale
//   packing_scale(position, scheme)           that scale: a position may be left where it lies in
//                            its byte. Ascends with the position; all 0 in scheme kPlainScheme
//   packing_row(trits, k, out)   packs a row; out: its bytes of chunk 0
//   packing_zero_row(k, out)     the same of weights 0
// Kernels use these and the names below, and nothing else of a packing.
#ifndef BITNET_TEMPLATES_PACKINGS_CODES_H_
#define BITNET_TEMPLATES_PACKINGS_CODES_H_

enum { kTailBytes = 1024, kMostPanelRows = 64, kMostCode = 2 };

// Chunks of a row; bytes of a panel's chunk; input features before chunk c.
V_INLINE int64_t packing_chunks(int64_t k) { return (k + kChunkK - 1) / kChunkK; }
V_INLINE int packing_chunk_bytes(void) { return 4 * P_r; }
V_INLINE int64_t packing_chunk_k(int64_t c) { return c * kChunkK; }

// Of a panel's group: chunks, and scales behind them.
V_INLINE int64_t packing_codes_bytes(int64_t group) { return packing_chunks(group) * 4 * P_r; }
V_INLINE int64_t packing_group_bytes(int64_t group) { return packing_codes_bytes(group) + 2 * P_r; }
V_INLINE const uint16_t* group_weight_scales(const uint8_t* codes, int64_t group) {
  return (const uint16_t*)(codes + packing_codes_bytes(group));
}

V_INLINE int64_t packing_panel_bytes(int64_t k, int64_t group) {
  return group ? k / group * packing_group_bytes(group) : packing_chunks(k) * 4 * P_r;
}
V_INLINE int64_t packed_bytes(int64_t n, int64_t k, int64_t group) {
  return (n + P_r - 1) / P_r * packing_panel_bytes(k, group) + kTailBytes;
}
// n: a multiple of r.
V_INLINE const uint8_t* packed_panel(const uint8_t* packed, int64_t n, int64_t k, int64_t group) {
  return packed + n / P_r * packing_panel_bytes(k, group);
}

V_INLINE void packing_layout(int64_t* numbers) { numbers[0] = P_r; }

// A panel is whole vecs; the loop's overrun stays in the tail, and where x is zero.
V_INLINE enum BnUnfit packing_unfit(void) {
  if (P_r % V_LANES) return BN_UNFIT_VECTORS;
  if (P_r > kMostPanelRows) return BN_UNFIT_PANEL;
  if (4 * P_r * (P_u - 1) > kTailBytes || kFormPadK % (P_u * kChunkK)) return BN_UNFIT_OVERRUN;
  return BN_FITS;
}

V_INLINE int packing_top_scale(int scheme) { return packing_scale(kPositions - 1, scheme); }

// Chunks that may be summed before a lane of v_mac could overflow: a chunk adds to an accumulator
// of some scale at most V_MAC_PRODUCTS * 127 * (2 * 4^scale) for each of its positions of that
// scale. K never exceeds BN_MAX_K.
V_INLINE int packing_exact_chunks(int scheme) {
  int most = BN_MAX_K / kChunkK;
  for (int scale = 0; scale <= packing_top_scale(scheme); ++scale) {
    int codes = 0;
    for (int s = 0; s < kPositions; ++s)
      codes += packing_scale(s, scheme) == scale ? kMostCode << (2 * scale) : 0;
    const int exact = V_MAC_LIMIT / (V_MAC_PRODUCTS * 127 * codes);
    most = exact < most ? exact : most;
  }
  return most;
}

// A row's groups, each as if it were a matrix of its own. trits null: past N.
V_INLINE void pack_groups(const int8_t* trits, const uint16_t* scales, int64_t k, int64_t group,
                          int64_t row, uint8_t* panel) {
  for (int64_t g = 0; g < k / group; ++g, panel += packing_group_bytes(group)) {
    if (trits) {
      packing_row(trits + g * group, group, panel + 4 * row);
    } else {
      packing_zero_row(group, panel + 4 * row);
    }
    ((uint16_t*)(panel + packing_codes_bytes(group)))[row] = trits ? scales[g] : 0;
  }
}

V_INLINE void pack(const BnPack* p) {
  const int64_t group = group_of(p->group), padded = (p->n1 + P_r - 1) / P_r * P_r;
  for (int64_t n = p->n0; n < padded; ++n) {
    const int8_t* trits = n < p->n1 ? p->trits + (n - p->n0) * p->k : 0;
    uint8_t* panel = p->packed + n / P_r * packing_panel_bytes(p->k, group);
    if (group) {
      const uint16_t* scales = trits ? p->scales + (n - p->n0) * (p->k / group) : 0;
      pack_groups(trits, scales, p->k, group, n % P_r, panel);
    } else if (trits) {
      packing_row(trits, p->k, panel + n % P_r * 4);
    } else {
      packing_zero_row(p->k, panel + n % P_r * 4);
    }
  }
}

#endif  // BITNET_TEMPLATES_PACKINGS_CODES_H_
