// What the look-up packings tl1 and tl2 are made of: rows in byte lanes, several weights in a 4-bit
// index of a table of 16 entries that the kernel builds from activations (the scheme of
// bitnet.cpp's TL1 and TL2: Wang et al., "Bitnet.cpp: Efficient Edge Inference for Ternary LLMs",
// 2025).
//   pairs    a step is 4 k: r bytes, byte[row] = i(t0, t1) | i(t2, t3) << 4 of the row's four
//            trits; i(t, t') = 3t + t' + 4, 0..8
//   triples  a step is 24 k, 8 triples: [4][r] index bytes, byte[b][row] = i(triple 2b) |
//            i(triple 2b+1) << 4, then [r] sign bytes, bit j for triple j;
//            i = |9t + 3t' + t''|, 0..13, and the sign is that of 9t + 3t' + t''
// A panel of r rows is: [r] uint16, how many signs of the row are negative; its triple steps; its
// pair steps. The packing says how many of its steps are triples (triple_steps). Rows past N and k
// past K are weight 0.
#ifndef BITNET_TEMPLATES_PACKINGS_LOOKUP_H_
#define BITNET_TEMPLATES_PACKINGS_LOOKUP_H_

enum {
  kPairs = 0,
  kTriples = 1,
  kPairK = 4,  // k of a step
  kTripleK = 24,
  kMostPanelRows = 256,
};

V_INLINE int64_t pair_steps(int64_t k) {
  return (k - kTripleK * triple_steps(k) + kPairK - 1) / kPairK;
}

V_INLINE int step_bytes(int kind) { return kind == kPairs ? P_r : 5 * P_r; }
V_INLINE int step_lookups(int kind) { return kind == kPairs ? 2 : 8; }

V_INLINE void packing_layout(int64_t* numbers) { numbers[0] = P_r; }

V_INLINE enum BnUnfit packing_unfit(void) {
  if (P_r % V_BYTES) return BN_UNFIT_VECTORS;
  return P_r > kMostPanelRows ? BN_UNFIT_PANEL : BN_FITS;
}

V_INLINE int64_t panel_bytes(int64_t k) {
  return 2 * P_r + triple_steps(k) * step_bytes(kTriples) + pair_steps(k) * step_bytes(kPairs);
}
V_INLINE int64_t packed_bytes(int64_t n, int64_t k) { return (n + P_r - 1) / P_r * panel_bytes(k); }
V_INLINE const uint8_t* packed_panel(const uint8_t* packed, int64_t n, int64_t k) {
  return packed + n / P_r * panel_bytes(k);
}
// Step `step` of a kind, within a panel.
V_INLINE const uint8_t* packed_step(const uint8_t* panel, int kind, int64_t step, int64_t k) {
  return panel + 2 * P_r + (kind == kPairs ? triple_steps(k) * step_bytes(kTriples) : 0) +
         step * step_bytes(kind);
}

// trits null: a row of zeros. `out` is the panel, row the row in it.
V_INLINE void pack_row(const int8_t* trits, int64_t k, int64_t row, uint8_t* out) {
  int negative = 0;
  uint8_t* step = out + 2 * P_r + row;
  int64_t k0 = 0;
  for (; k0 < kTripleK * triple_steps(k); k0 += kTripleK, step += step_bytes(kTriples)) {
    unsigned signs = 0;
    uint64_t nibbles = 0;
    for (int j = 0; trits && j < 8; ++j) {
      const int8_t* t = trits + k0 + 3 * j;
      const int value = 9 * t[0] + 3 * t[1] + t[2];
      signs |= (unsigned)(value < 0) << j;
      nibbles |= (uint64_t)(value < 0 ? -value : value) << (4 * j);
      negative += value < 0;
    }
    for (int b = 0; b < 4; ++b) step[b * P_r] = (uint8_t)(nibbles >> (8 * b));
    step[4 * P_r] = (uint8_t)signs;
  }
  for (; k0 < k; k0 += kPairK, step += step_bytes(kPairs)) {
    int index[2] = {4, 4};
    for (int i = 0; trits && i < kPairK && k0 + i < k; ++i)
      index[i / 2] += (i % 2 ? 1 : 3) * trits[k0 + i];
    *step = (uint8_t)(index[0] | index[1] << 4);
  }
  ((uint16_t*)out)[row] = (uint16_t)negative;
}

V_INLINE void pack(const BnPack* p) {
  for (int64_t n = p->n0; n < (p->n1 + P_r - 1) / P_r * P_r; ++n)
    pack_row(n < p->n1 ? p->trits + (n - p->n0) * p->k : 0, p->k, n % P_r,
             p->packed + n / P_r * panel_bytes(p->k));
}

// Decoding, for the V_BYTES rows that begin at `step`: look-up j's indices, and the signs as 0 or
// 0xFF.
V_INLINE vec decode_index(const uint8_t* step, int j) {
  return v_and(v_shr16(v_load(step + j / 2 * P_r), 4 * (j % 2)), v_dup8(15));
}
V_INLINE vec decode_sign(const uint8_t* step, int j) {
  return v_test8(v_load(step + 4 * P_r), v_dup8(1 << j));
}

// The sums that indices 0..15 stand for, from the activations of one look-up. 3 * 127 < 2^9.
static const int8_t kPairDigits[2][16] = {{-1, -1, -1, 0, 0, 0, 1, 1, 1},
                                          {-1, 0, 1, -1, 0, 1, -1, 0, 1}};
static const int8_t kTripleDigits[3][16] = {{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                                            {0, 0, 1, 1, 1, -1, -1, -1, 0, 0, 0, 1, 1, 1},
                                            {0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1}};
V_INLINE int16_t entry_of(int kind, const int8_t* x, int index) {
  if (kind == kPairs) return (int16_t)(kPairDigits[0][index] * x[0] + kPairDigits[1][index] * x[1]);
  return (int16_t)(kTripleDigits[0][index] * x[0] + kTripleDigits[1][index] * x[1] +
                   kTripleDigits[2][index] * x[2]);
}
// A lane of a sum of look-ups grows by at most this: |entry|, one more where a sign complements it.
V_INLINE int most_entry(int kind) { return kind == kPairs ? 2 * 127 : 3 * 127 + 1; }

#endif  // BITNET_TEMPLATES_PACKINGS_LOOKUP_H_
