// lut: table look-ups by byte shuffles. For a token and a K block, the int16 sums of every pair or
// triple of activations are laid down as tables of 16 entries in scratch, low bytes and high bytes
// apart; then all rows of the part look them up: one shuffle for each half gives V_BYTES rows their
// products of 2 or 3 weights. Lossless.
//
// The LUT layout, tuned:
//   packing  weights per index
//   e        entry split: 0, halves are zipped to int16 and added; 1, they are added apart, low
//            bytes in 16-bit lanes (all of them and, shifted, the odd ones), high bytes in 8-bit
//            lanes, and joined when widened: fewer shuffles. All sums are modulo 2^16, which is
//            exact while the true sum stays in int16.
//   d        where tables live: 0, once, 16 bytes broadcast at load; 1, a copy for each 128-bit
//            lane
//   r        interleaving: rows that a loaded table serves at once (r/V_BYTES vecs)
//   k        K block of a table build: 32 bytes of tables a look-up, times the copies of d, in L1
//            or L2
// Split by tokens: by rows every thread would build every table.
#include "templates/kernels/kernel.h"

enum { kMostVecs = 16, kTableEntries = 16 };

V_INLINE int table_copies(void) { return P_d ? V_BYTES / 16 : 1; }
V_INLINE int64_t table_bytes(void) { return 2 * kTableEntries * table_copies(); }

V_INLINE enum BnUnfit unfit(int64_t group) {
  if (packing_unfit()) return packing_unfit();
  if (group) return BN_UNFIT_GROUP;
  if (P_r / V_BYTES > kMostVecs) return BN_UNFIT_REGISTERS;
  return P_k % kTripleK || P_k % kPairK ? BN_UNFIT_BLOCK : BN_FITS;
}

// The steps after which sums of a kind are widened: int16 bears 32767 / (2 * 254) = 64 of pairs,
// 32767 / (8 * 382) = 10 of triples.
V_INLINE int64_t exact_steps(int kind) { return 32767 / (step_lookups(kind) * most_entry(kind)); }

// No count of products: its static cost was of no use (tuner/prune.h). K: more steps of either kind
// than are exact, more than a block, and an end in pairs.
void BN_NAME(facts)(int64_t group, BnFacts* facts) {
  *facts = facts_of(unfit(group));
  facts->check_tokens = min64(2, BN_TOKENS_MAX);
  facts->check_rows = P_r;
  facts->check_k =
      max64(max64(exact_steps(kPairs) * kPairK, exact_steps(kTriples) * kTripleK), P_k) +
      (P_u + 1) * kTripleK + kPairK + 1;
}

// Tables of a K block of pairs, the worse case, and 12 pairs that end tl2.
V_INLINE int64_t tables_bytes(int64_t k) {
  const int64_t block = P_k ? min64(P_k, k) : k;
  return (block / 2 + 16) * table_bytes();
}

void BN_NAME(sizes)(int64_t n, int64_t k, int64_t group, BnSizes* sizes) {
  (void)group;
  *sizes =
      (BnSizes){.packed_bytes = packed_bytes(n, k),
                .form_group_tokens = 1,
                .form_group_bytes = form_bytes(k, 0),
                .scratch_bytes = round_up(tables_bytes(k), 64) + 4 * round_up(n, P_r) + 4 * P_r,
                .exact_k = BN_MAX_K,
                .row_step = P_r,
                .token_step = 1,
                .split = BN_SPLIT_TOKENS};
}

V_INLINE void build_tables(const int8_t* x, int kind, int64_t count, uint8_t* table) {
  for (int64_t i = 0; i < count; ++i, x += kind == kPairs ? 2 : 3, table += table_bytes()) {
#pragma clang loop unroll(full)
    for (int copy = 0; copy < table_copies(); ++copy)
      for (int entry = 0; entry < kTableEntries; ++entry) {
        const int16_t sum = entry_of(kind, x, entry);
        table[copy * kTableEntries + entry] = (uint8_t)sum;
        table[(table_copies() + copy) * kTableEntries + entry] = (uint8_t)(sum >> 8);
      }
  }
}

V_INLINE vec load_table(const uint8_t* table) { return P_d ? v_load(table) : v_dup128(table); }

// Sums of look-ups of one vec of rows. e = 0: a and b, rows 0-7 and 8-15 of each 128-bit lane. e =
// 1: a all low bytes as 16-bit lanes, b the odd rows' low bytes, c the high bytes.
typedef struct {
  vec a, b, c;
} Sums;

V_INLINE void add_halves(Sums* sums, vec low, vec high) {
  if (P_e) {
    sums->a = v_add16(sums->a, low);
    sums->b = v_add16(sums->b, v_shr16(low, 8));
    sums->c = v_add8(sums->c, high);
  } else {
    sums->a = v_add16(sums->a, v_zip8_lo(low, high));
    sums->b = v_add16(sums->b, v_zip8_hi(low, high));
  }
}

// Adds sums to four vecs of int32. Lane 4L + j of out[i] is row 16L + 4i + j (row_of).
V_INLINE void widen_sums(Sums sums, int32_t* out) {
  vec rows[2] = {sums.a, sums.b};
  if (P_e) {
    const vec even = v_add16(sums.a, v_shl16(v_sub16(sums.c, sums.b), 8));
    const vec odd = v_add16(sums.b, v_and(sums.c, v_shl16(v_dup8(-1), 8)));
    rows[0] = v_zip16_lo(even, odd);
    rows[1] = v_zip16_hi(even, odd);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; ++i) {
    int32_t* o = out + i * V_LANES;
    const vec wide = i % 2 ? v_sext16_hi(rows[i / 2]) : v_sext16_lo(rows[i / 2]);
    v_store(o, v_add32(v_load(o), wide));
  }
}
// Where the sum of a row of a panel lies in widen_sums' order.
V_INLINE int place_of_row(int row) {
  const int in_vec = row % V_BYTES;
  return row - in_vec + in_vec % 16 / 4 * V_LANES + in_vec / 16 * 4 + in_vec % 4;
}

V_INLINE void add_step(const uint8_t* step, const uint8_t* table, int kind, Sums sums[kMostVecs]) {
  prefetch_ahead(step, step_bytes(kind));
#pragma clang loop unroll(full)
  for (int j = 0; j < step_lookups(kind); ++j, table += table_bytes()) {
    const vec low = load_table(table), high = load_table(table + kTableEntries * table_copies());
#pragma clang loop unroll(full)
    for (int v = 0; v < P_r / V_BYTES; ++v) {
      const vec index = decode_index(step + v * V_BYTES, j);
      vec l = v_lookup(low, index), h = v_lookup(high, index);
      if (kind ==
          kTriples) {  // complemented here, one more for each in the end: the panel knows how many
        const vec sign = decode_sign(step + v * V_BYTES, j);
        l = v_xor(l, sign), h = v_xor(h, sign);
      }
      add_halves(&sums[v], l, h);
    }
  }
}

// Adds `steps` steps to out[r].
V_INLINE void add_steps(const uint8_t* step, const uint8_t* table, int kind, int64_t steps,
                        int32_t* out) {
  const int64_t exact = exact_steps(kind);
  while (steps > 0) {
    const int64_t count = min64(exact, steps);
    Sums sums[kMostVecs];
#pragma clang loop unroll(full)
    for (int v = 0; v < P_r / V_BYTES; ++v) sums[v] = (Sums){v_zero(), v_zero(), v_zero()};
    int64_t i = 0;
    for (; i + P_u <= count; i += P_u)
#pragma clang loop unroll(full)
      for (int u = 0; u < P_u;
           ++u, step += step_bytes(kind), table += step_lookups(kind) * table_bytes())
        add_step(step, table, kind, sums);
    if (P_u > 1)
      for (; i < count; ++i, step += step_bytes(kind), table += step_lookups(kind) * table_bytes())
        add_step(step, table, kind, sums);
#pragma clang loop unroll(full)
    for (int v = 0; v < P_r / V_BYTES; ++v) widen_sums(sums[v], out + v * V_BYTES);
    steps -= count;
  }
}

// Input features k0..k1 of one token: builds their tables, adds them to the sums of all rows of the
// part.
V_INLINE void add_block(const BnRun* r, const int8_t* x, int64_t k0, int64_t k1, uint8_t* tables,
                        int32_t* sums) {
  const int64_t k = run_k(r), triples_k = kTripleK * triple_steps(k);
  const int64_t t0 = min64(k0, triples_k) / kTripleK, t1 = min64(k1, triples_k) / kTripleK;
  const int64_t p0 = max64(k0 - triples_k, 0) / kPairK;
  const int64_t p1 = (max64(k1 - triples_k, 0) + kPairK - 1) / kPairK;
  uint8_t* pair_tables = tables + (t1 - t0) * step_lookups(kTriples) * table_bytes();
  build_tables(x + t0 * kTripleK, kTriples, (t1 - t0) * step_lookups(kTriples), tables);
  build_tables(x + triples_k + p0 * kPairK, kPairs, (p1 - p0) * step_lookups(kPairs), pair_tables);
  for (int64_t n = r->n0; n < r->n1; n += P_r) {
    const uint8_t* panel = packed_panel(r->packed, n, k);
    int32_t* out = sums + (n - r->n0);
    add_steps(packed_step(panel, kTriples, t0, k), tables, kTriples, t1 - t0, out);
    add_steps(packed_step(panel, kPairs, p0, k), pair_tables, kPairs, p1 - p0, out);
  }
}

void BN_NAME(run)(const BnRun* r) {
  const int64_t k = run_k(r);
  const int64_t block = P_k ? P_k : k;
  uint8_t* tables = r->scratch;
  int32_t* dots =
      (int32_t*)(tables + round_up(tables_bytes(k), 64));  // of one panel, in the order of rows
  int32_t* sums = dots + P_r;                              // of the part, as widen_sums has them
  for (int64_t m = r->m0; m < r->m1; ++m) {
    for (int64_t i = 0; i < round_up(r->n1 - r->n0, P_r); ++i) sums[i] = 0;
    for (int64_t k0 = 0; k0 < k; k0 += block)
      add_block(r, form_row(r->form, m, k, 0), k0, min64(k0 + block, k), tables, sums);
    for (int64_t n = r->n0; n < r->n1; n += P_r) {
      const uint16_t* negative = (const uint16_t*)packed_panel(r->packed, n, k);
      for (int row = 0; row < P_r; ++row)
        dots[row] = sums[n - r->n0 + place_of_row(row)] + negative[row];
      bn_epilogue(r, 0, m, n, dots, min64(P_r, r->n1 - n));
    }
  }
}
